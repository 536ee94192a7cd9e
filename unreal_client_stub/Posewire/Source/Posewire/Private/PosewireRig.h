#pragma once

#include "PosewireBackend.h"

struct FReferenceSkeleton;

/** A mesh's bones in its reference pose. */
FPosewireRig MakePosewireRig(const FReferenceSkeleton& Skeleton);
