#pragma once
#include "CoreMinimal.h"
struct FReferenceSkeleton
{
	int32 GetNum() const { return Names.Num(); }
	FName GetBoneName(int32 Bone) const { return Names[Bone]; }
	int32 GetParentIndex(int32 Bone) const { return Parents[Bone]; }
	const TArray<FTransform>& GetRefBonePose() const { return Pose; }

	TArray<FName> Names;
	TArray<int32> Parents;
	TArray<FTransform> Pose;
};
