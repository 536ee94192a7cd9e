#include "AnimNode_Posewire.h"

#include "Animation/AnimInstance.h"
#include "Animation/AnimInstanceProxy.h"
#include "GameFramework/Actor.h"
#include "PosewireComponent.h"

void FAnimNode_Posewire::Initialize_AnyThread(const FAnimationInitializeContext& Context)
{
	FAnimNode_Base::Initialize_AnyThread(Context);
	Source.Initialize(Context);
}

void FAnimNode_Posewire::CacheBones_AnyThread(const FAnimationCacheBonesContext& Context)
{
	Source.CacheBones(Context);
}

void FAnimNode_Posewire::PreUpdate(const UAnimInstance* AnimInstance)
{
	const AActor* Owner = AnimInstance->GetOwningActor();
	const UPosewireComponent* Component = Owner ? Owner->FindComponentByClass<UPosewireComponent>() : nullptr;
	if (Component)
	{
		Pose = Component->GetPose();
	}
	else
	{
		Pose.Rotations.Reset();
	}
}

void FAnimNode_Posewire::Update_AnyThread(const FAnimationUpdateContext& Context)
{
	GetEvaluateGraphExposedInputs().Execute(Context);
	Source.Update(Context);
}

void FAnimNode_Posewire::Evaluate_AnyThread(FPoseContext& Output)
{
	Source.Evaluate(Output);
	const FBoneContainer& Container = Output.Pose.GetBoneContainer();
	for (const FCompactPoseBoneIndex Bone : Output.Pose.ForEachBoneIndex())
	{
		const int32 MeshBone = Container.MakeMeshPoseIndex(Bone).GetInt();
		if (!Pose.Rotations.IsValidIndex(MeshBone) || !Pose.Written[MeshBone])
		{
			continue;
		}
		FTransform& Local = Output.Pose[Bone];
		Local.SetRotation(FQuat::Slerp(Local.GetRotation(), Pose.Rotations[MeshBone], Alpha));
		if (MeshBone == Pose.Pelvis)
		{
			Local.SetTranslation(FMath::Lerp(Local.GetTranslation(), Pose.PelvisPosition, Alpha));
		}
	}
}

void FAnimNode_Posewire::GatherDebugData(FNodeDebugData& DebugData)
{
	DebugData.AddDebugItem(FString::Printf(TEXT("%s: %d bones, alpha %.2f"), *DebugData.GetNodeName(this), Pose.Rotations.Num(), Alpha));
	Source.GatherDebugData(DebugData);
}
