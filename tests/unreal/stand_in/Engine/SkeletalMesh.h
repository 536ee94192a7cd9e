#pragma once
#include "CoreMinimal.h"
#include "ReferenceSkeleton.h"
class USkeletalMesh : public UObject
{
public:
	const FReferenceSkeleton& GetRefSkeleton() const { return Skeleton; }
	FReferenceSkeleton Skeleton;
};
