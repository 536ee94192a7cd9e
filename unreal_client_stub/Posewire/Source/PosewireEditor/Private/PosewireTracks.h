// A motion as keys of bones, a key for each frame. Knows players, no assets.
#pragma once

#include "PosewireBackend.h"

/** What one bone does, relative to its parent. */
struct FPosewireTrack
{
	FName Bone;
	TArray<FTransform> Keys;
};

/** What all bones do that a motion says something about; the others stay in their reference pose. */
struct FPosewireTracks
{
	int32 FramesPerSecond = 0;
	/** Of each track. */
	int32 Keys = 0;
	TArray<FPosewireTrack> Bones;
};

/** Whether what plays has a bone above its pelvis, which can carry the travel. */
bool HasPosewireRootBone(IPosewirePlayer& Player);

/**
 * Reads off what a player plays, from the beginning to the end; all of its frames have to be there. A player in place
 * gives its travel to the root bone. False: there is no motion.
 */
bool ReadPosewireTracks(IPosewirePlayer& Player, const FPosewireRig& Rig, int32 FramesPerSecond, bool bRootMotion, FPosewireTracks& Out);
