#include "PosewireTracks.h"

namespace
{
/** Where a bone is in a pose, relative to its parent. */
FTransform LocalOf(const FPosewireRig& Rig, const FPosewirePose& Pose, int32 Bone)
{
	const FVector Place = Bone == Pose.Pelvis ? Pose.PelvisPosition : Rig.Rest[Bone].GetTranslation();
	return FTransform(Pose.Rotations[Bone], Place);
}
} // namespace

bool HasPosewireRootBone(IPosewirePlayer& Player)
{
	FPosewirePose Pose;
	Player.Advance(0);
	Player.Sample(Pose);
	return Pose.Pelvis > 0;
}

bool ReadPosewireTracks(IPosewirePlayer& Player, const FPosewireRig& Rig, int32 FramesPerSecond, bool bRootMotion, FPosewireTracks& Out)
{
	FPosewirePose Pose;
	Player.Advance(0);
	Player.Sample(Pose);
	if (Rig.Rest.Num() == 0 || Pose.Rotations.Num() != Rig.Rest.Num())
	{
		return false;
	}
	Out = FPosewireTracks();
	Out.FramesPerSecond = FramesPerSecond;
	Out.Keys = FMath::RoundToInt32(Pose.Duration * FramesPerSecond) + 1;
	TArray<int32> Written;
	for (int32 Bone = 0; Bone < Rig.Rest.Num(); ++Bone)
	{
		if (Pose.Written[Bone] || (Bone == 0 && bRootMotion))
		{
			Written.Add(Bone);
			Out.Bones.Add({Rig.Names[Bone], {}});
		}
	}
	FTransform Travel = FTransform::Identity;
	for (int32 Key = 0; Key < Out.Keys; ++Key)
	{
		// By the play head's own time, so that nothing adds up.
		Player.Advance(float(double(Key) / FramesPerSecond - Pose.Time));
		Player.Sample(Pose);
		Travel = Player.TakeRootMotion() * Travel;
		for (int32 I = 0; I < Written.Num(); ++I)
		{
			const FTransform Local = LocalOf(Rig, Pose, Written[I]);
			Out.Bones[I].Keys.Add(Written[I] == 0 && bRootMotion ? Local * Travel : Local);
		}
	}
	return true;
}
