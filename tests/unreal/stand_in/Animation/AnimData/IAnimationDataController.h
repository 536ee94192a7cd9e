#pragma once
#include "CoreMinimal.h"
struct FFrameRate
{
	FFrameRate(int32 InNumerator, int32 InDenominator) : Numerator(InNumerator), Denominator(InDenominator) {}
	int32 Numerator, Denominator;
};
struct FFrameNumber
{
	FFrameNumber(int32 InValue) : Value(InValue) {}
	int32 Value;
};
/** Holds a controller to its order: inside a bracket, the model first, the length before the keys, told at the end. */
class IAnimationDataController
{
public:
	struct FScopedBracket
	{
		FScopedBracket(IAnimationDataController& InController, const FText&, bool) : Controller(InController) { Controller.bOpen = true; }
		~FScopedBracket() { Controller.bOpen = false; }
		IAnimationDataController& Controller;
	};
	struct FTrack
	{
		std::vector<FVector3f> Places;
		std::vector<FQuat4f> Turns;
	};

	void InitializeModel() { bModel = bOpen; }
	void SetFrameRate(FFrameRate To, bool) { Rate = bModel ? To.Numerator / To.Denominator : 0; }
	void SetNumberOfFrames(FFrameNumber To, bool) { Frames = bModel ? To.Value : 0; }
	bool AddBoneCurve(FName Bone, bool)
	{
		const bool bNew = bModel && std::find(Known.begin(), Known.end(), Bone) != Known.end() && !Find(Bone);
		if (bNew) Tracks.push_back({Bone, {}});
		return bNew;
	}
	bool SetBoneTrackKeys(FName Bone, const TArray<FVector3f>& Places, const TArray<FQuat4f>& Turns, const TArray<FVector3f>& Scales, bool)
	{
		FTrack* Track = Find(Bone);
		const bool bFits = Track && Places.Num() == Frames + 1 && Turns.Num() == Places.Num() && Scales.Num() == Places.Num();
		if (bFits) *Track = {{Places.begin(), Places.end()}, {Turns.begin(), Turns.end()}};
		return bFits;
	}
	void NotifyPopulated() { bPopulated = bOpen; }

	FTrack* Find(const FName& Bone)
	{
		for (auto& Track : Tracks)
			if (Track.first == Bone) return &Track.second;
		return nullptr;
	}
	std::vector<FName> Known;
	std::vector<std::pair<FName, FTrack>> Tracks;
	int32 Rate = 0, Frames = 0;
	bool bOpen = false, bModel = false, bPopulated = false;
};
