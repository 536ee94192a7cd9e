#pragma once
#include "CoreMinimal.h"
#include "GameFramework/Actor.h"
class USkeletalMesh;
class USkeletalMeshComponent : public UActorComponent
{
public:
	USkeletalMesh* GetSkeletalMeshAsset() const { return Asset; }
	FTransform GetComponentTransform() const { return Relative * GetOwner()->GetActorTransform(); }
	USkeletalMesh* Asset = nullptr;
	FTransform Relative;
};
