#include "PosewireSequence.h"

#include "Animation/AnimData/IAnimationDataController.h"
#include "Animation/AnimSequence.h"
#include "AssetRegistry/AssetRegistryModule.h"
#include "Engine/SkeletalMesh.h"
#include "IAssetTools.h"
#include "Misc/PackageName.h"
#include "PosewireTracks.h"
#include "UObject/Package.h"

#define LOCTEXT_NAMESPACE "PosewireEditor"

namespace
{
constexpr int32 LongestName = 40;

bool WriteTrack(IAnimationDataController& Controller, const FPosewireTrack& Track)
{
	TArray<FVector3f> Places;
	TArray<FQuat4f> Turns;
	TArray<FVector3f> Scales;
	for (const FTransform& Key : Track.Keys)
	{
		Places.Add(FVector3f(Key.GetTranslation()));
		Turns.Add(FQuat4f(Key.GetRotation()));
		Scales.Add(FVector3f::OneVector);
	}
	return Controller.AddBoneCurve(Track.Bone, false) && Controller.SetBoneTrackKeys(Track.Bone, Places, Turns, Scales, false);
}

bool WriteTracks(IAnimationDataController& Controller, const FPosewireTracks& Tracks)
{
	IAnimationDataController::FScopedBracket Bracket(Controller, LOCTEXT("Bake", "Bake a Posewire motion"), false);
	Controller.InitializeModel();
	Controller.SetFrameRate(FFrameRate(Tracks.FramesPerSecond, 1), false);
	Controller.SetNumberOfFrames(FFrameNumber(Tracks.Keys - 1), false);
	bool bTaken = true;
	for (const FPosewireTrack& Track : Tracks.Bones)
	{
		bTaken = WriteTrack(Controller, Track) && bTaken;
	}
	Controller.NotifyPopulated();
	return bTaken;
}
} // namespace

FString PosewireAssetName(const FString& Prompt)
{
	FString Name;
	bool bGap = false;
	for (const TCHAR Letter : Prompt)
	{
		const bool bTaken = Letter < 128 && FChar::IsAlnum(Letter);
		if (bTaken && bGap && !Name.IsEmpty())
		{
			Name.AppendChar(TEXT('_'));
		}
		if (bTaken)
		{
			Name.AppendChar(FChar::ToLower(Letter));
		}
		bGap = !bTaken;
	}
	return Name.IsEmpty() ? FString(TEXT("motion")) : Name.Left(LongestName);
}

UAnimSequence* MakePosewireSequence(USkeletalMesh& Mesh, const FPosewireTracks& Tracks, const FString& Prompt, bool bRootMotion)
{
	if (!Mesh.GetSkeleton())
	{
		return nullptr;
	}
	FString PackageName;
	FString AssetName;
	const FString Folder = FPackageName::GetLongPackagePath(Mesh.GetOutermost()->GetName());
	IAssetTools::Get().CreateUniqueAssetName(Folder + TEXT("/A_") + PosewireAssetName(Prompt), FString(), PackageName, AssetName);
	UAnimSequence* Sequence = NewObject<UAnimSequence>(CreatePackage(*PackageName), FName(*AssetName), RF_Public | RF_Standalone);
	Sequence->SetSkeleton(Mesh.GetSkeleton());
	Sequence->SetPreviewMesh(&Mesh);
	if (!WriteTracks(Sequence->GetController(), Tracks))
	{
		Sequence->MarkAsGarbage();
		return nullptr;
	}
	Sequence->bEnableRootMotion = bRootMotion;
	FAssetRegistryModule::AssetCreated(Sequence);
	Sequence->MarkPackageDirty();
	return Sequence;
}

#undef LOCTEXT_NAMESPACE
