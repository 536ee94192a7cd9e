// Keys of bones as an animation asset.
#pragma once

#include "CoreMinimal.h"

class UAnimSequence;
class USkeletalMesh;
struct FPosewireTracks;

/** "A Person  waves!" -> "a_person_waves": what assets may be called. */
FString PosewireAssetName(const FString& Prompt);

/** A new animation beside the mesh, named by the prompt; not saved yet. Null where the mesh has no skeleton, or a track isn't taken. */
UAnimSequence* MakePosewireSequence(USkeletalMesh& Mesh, const FPosewireTracks& Tracks, const FString& Prompt, bool bRootMotion);
