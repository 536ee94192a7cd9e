#pragma once
#include "Animation/AnimData/IAnimationDataController.h"
#include "CoreMinimal.h"
#include "Engine/SkeletalMesh.h"
class UAnimSequence : public UObject
{
public:
	void SetSkeleton(USkeleton* To)
	{
		Controller.Known.assign(To->Names.begin(), To->Names.end());
	}
	void SetPreviewMesh(USkeletalMesh* To) { Preview = To; }
	IAnimationDataController& GetController() { return Controller; }
	bool bEnableRootMotion = false;

	IAnimationDataController Controller;
	USkeletalMesh* Preview = nullptr;
};
