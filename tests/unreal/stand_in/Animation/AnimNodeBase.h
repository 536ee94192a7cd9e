#pragma once
#include "CoreMinimal.h"
class UAnimInstance;
struct FAnimationInitializeContext
{
};
struct FAnimationCacheBonesContext
{
};
struct FAnimationUpdateContext
{
};
struct FCompactPoseBoneIndex
{
	explicit FCompactPoseBoneIndex(int32 InIndex) : Index(InIndex) {}
	int32 GetInt() const { return Index; }
	int32 Index;
};
struct FMeshPoseBoneIndex
{
	explicit FMeshPoseBoneIndex(int32 InIndex) : Index(InIndex) {}
	int32 GetInt() const { return Index; }
	int32 Index;
};
/** Bones of a level of detail: some of the mesh's. */
struct FBoneContainer
{
	FMeshPoseBoneIndex MakeMeshPoseIndex(const FCompactPoseBoneIndex& Bone) const { return FMeshPoseBoneIndex(MeshBones[Bone.GetInt()]); }
	TArray<int32> MeshBones;
};
struct FCompactPose
{
	const FBoneContainer& GetBoneContainer() const { return *Container; }
	std::vector<FCompactPoseBoneIndex> ForEachBoneIndex() const
	{
		std::vector<FCompactPoseBoneIndex> Out;
		for (int32 Bone = 0; Bone < Bones.Num(); ++Bone) Out.emplace_back(Bone);
		return Out;
	}
	FTransform& operator[](const FCompactPoseBoneIndex& Bone) { return Bones[Bone.GetInt()]; }
	const FBoneContainer* Container = nullptr;
	TArray<FTransform> Bones;
};
struct FPoseContext
{
	FCompactPose Pose;
};
class FNodeDebugData
{
public:
	template <typename T>
	FString GetNodeName(T*) const { return TEXT("node"); }
	void AddDebugItem(const FString&) {}
};
/** What comes in; the tests put a pose there. */
struct FPoseLink
{
	void Initialize(const FAnimationInitializeContext&) {}
	void CacheBones(const FAnimationCacheBonesContext&) {}
	void Update(const FAnimationUpdateContext&) {}
	void Evaluate(FPoseContext&) {}
	void GatherDebugData(FNodeDebugData&) {}
};
struct FExposedValueHandler
{
	void Execute(const FAnimationUpdateContext&) const {}
};
struct FAnimNode_Base
{
	virtual ~FAnimNode_Base() = default;
	virtual void Initialize_AnyThread(const FAnimationInitializeContext&) {}
	virtual void CacheBones_AnyThread(const FAnimationCacheBonesContext&) {}
	virtual void Update_AnyThread(const FAnimationUpdateContext&) {}
	virtual void Evaluate_AnyThread(FPoseContext&) {}
	virtual void GatherDebugData(FNodeDebugData&) {}
	virtual bool HasPreUpdate() const { return false; }
	virtual void PreUpdate(const UAnimInstance*) {}

protected:
	const FExposedValueHandler& GetEvaluateGraphExposedInputs() const { static const FExposedValueHandler None; return None; }
};
