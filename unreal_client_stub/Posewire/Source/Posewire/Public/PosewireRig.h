// For this plugin's own modules.
#pragma once

#include "PosewireBackend.h"

struct FReferenceSkeleton;

/** A mesh's bones in its reference pose. */
POSEWIRE_API FPosewireRig MakePosewireRig(const FReferenceSkeleton& Skeleton);
