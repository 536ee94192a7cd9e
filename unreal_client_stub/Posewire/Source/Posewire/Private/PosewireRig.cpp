#include "PosewireRig.h"

#include "ReferenceSkeleton.h"

FPosewireRig MakePosewireRig(const FReferenceSkeleton& Skeleton)
{
	FPosewireRig Rig;
	Rig.Rest = Skeleton.GetRefBonePose();
	for (int32 Bone = 0; Bone < Skeleton.GetNum(); ++Bone)
	{
		Rig.Names.Add(Skeleton.GetBoneName(Bone));
		Rig.Parents.Add(Skeleton.GetParentIndex(Bone));
	}
	return Rig;
}
