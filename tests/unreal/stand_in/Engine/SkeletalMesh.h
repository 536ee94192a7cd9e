#pragma once
#include "CoreMinimal.h"
#include "ReferenceSkeleton.h"
class USkeleton : public UObject
{
public:
	TArray<FName> Names;
};
class USkeletalMesh : public UObject
{
public:
	const FReferenceSkeleton& GetRefSkeleton() const { return Skeleton; }
	USkeleton* GetSkeleton() const { return Bones; }
	FReferenceSkeleton Skeleton;
	USkeleton* Bones = nullptr;
};
