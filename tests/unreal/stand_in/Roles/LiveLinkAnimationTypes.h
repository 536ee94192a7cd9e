#pragma once
#include "CoreMinimal.h"
struct FLiveLinkBaseStaticData
{
	virtual ~FLiveLinkBaseStaticData() = default;
};
struct FLiveLinkSkeletonStaticData : FLiveLinkBaseStaticData
{
	static UScriptStruct* StaticStruct() { static UScriptStruct Struct; return &Struct; }
	void SetBoneNames(const TArray<FName>& Names) { BoneNames = Names; }
	void SetBoneParents(const TArray<int32>& Parents) { BoneParents = Parents; }
	TArray<FName> BoneNames;
	TArray<int32> BoneParents;
};
struct FLiveLinkWorldTime
{
	FLiveLinkWorldTime() = default;
	explicit FLiveLinkWorldTime(double InTime) : Time(InTime) {}
	double Time = 0;
};
struct FLiveLinkAnimationFrameData
{
	static UScriptStruct* StaticStruct() { static UScriptStruct Struct; return &Struct; }
	FLiveLinkWorldTime WorldTime;
	TArray<FTransform> Transforms;
};
template <typename Kept>
class TStandInStruct
{
public:
	explicit TStandInStruct(const UScriptStruct* Type) : bRight(Type == Kept::StaticStruct()) {}
	TStandInStruct(TStandInStruct&&) = default;
	TStandInStruct(const TStandInStruct&) = delete;
	template <typename T>
	T* Cast() { static_assert(std::is_same_v<T, Kept>, ""); return bRight ? &Data : nullptr; }

private:
	bool bRight;
	Kept Data;
};
using FLiveLinkStaticDataStruct = TStandInStruct<FLiveLinkSkeletonStaticData>;
using FLiveLinkFrameDataStruct = TStandInStruct<FLiveLinkAnimationFrameData>;
