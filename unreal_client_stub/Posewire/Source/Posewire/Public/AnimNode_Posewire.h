// Applies a component's motion in an animation blueprint.
#pragma once

#include "Animation/AnimNodeBase.h"
#include "CoreMinimal.h"
#include "PosewireTypes.h"
#include "AnimNode_Posewire.generated.h"

/**
 * Puts the pose of the owner's Posewire component over the pose that comes in. Bones that the motion doesn't drive keep
 * what comes in; so do all while there is no motion.
 */
USTRUCT(BlueprintInternalUseOnly)
struct POSEWIRE_API FAnimNode_Posewire : public FAnimNode_Base
{
	GENERATED_BODY()

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Links")
	FPoseLink Source;

	/** How much of the motion is seen. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Settings", meta = (PinShownByDefault, ClampMin = 0, ClampMax = 1))
	float Alpha = 1;

	virtual void Initialize_AnyThread(const FAnimationInitializeContext& Context) override;
	virtual void CacheBones_AnyThread(const FAnimationCacheBonesContext& Context) override;
	virtual void Update_AnyThread(const FAnimationUpdateContext& Context) override;
	virtual void Evaluate_AnyThread(FPoseContext& Output) override;
	virtual void GatherDebugData(FNodeDebugData& DebugData) override;
	virtual bool HasPreUpdate() const override { return true; }
	virtual void PreUpdate(const UAnimInstance* AnimInstance) override;

private:
	/** This node's own copy, made on the game thread: evaluation may run on any. */
	FPosewirePose Pose;
};
