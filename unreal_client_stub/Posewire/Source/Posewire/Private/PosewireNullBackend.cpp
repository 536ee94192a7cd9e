// Synthetic motion: the character sways in its reference pose. Always the same, without library, network or model.
#include "PosewireBackends.h"

namespace
{
constexpr float ClipSeconds = 4;
constexpr int32 FramesPerSecond = 30;

class FNullStream : public IPosewireStream
{
public:
	explicit FNullStream(const FString& Prompt)
		: Prompts({Prompt})
	{
	}

	virtual bool Poll(FPosewireEvent& Out) override
	{
		using EKind = FPosewireEvent::EKind;
		static const EKind Order[] = {EKind::Started, EKind::Chunk, EKind::Status};
		if (Told == 3)
		{
			return false;
		}
		Out = FPosewireEvent();
		Out.Kind = Order[Told++];
		Out.Name = TEXT("null");
		Out.Frames = Out.Kind == EKind::Chunk ? int32(ClipSeconds * FramesPerSecond) : 0;
		return true;
	}

	virtual void Cancel() override { Told = 3; }

	virtual bool Say(const FString& Prompt, bool, FString&) override
	{
		Prompts.Add(Prompt);
		return true;
	}
	virtual bool Rest(FString&) override { return true; }
	virtual void EndLive() override { Told = 3; }

private:
	TArray<FString> Prompts;
	int32 Told = 0;
};

class FNullPlayer : public IPosewirePlayer
{
public:
	explicit FNullPlayer(const FPosewireRig& InRig)
		: Rig(InRig)
	{
	}

	virtual bool Play(IPosewireStream&, const FPosewireRequest& Request, FString&) override
	{
		Time = 0;
		bLoop = Request.bLoop;
		bPlaying = true;
		return true;
	}
	virtual void Clear() override { bPlaying = false; }

	virtual void Advance(float Seconds) override
	{
		Time = bLoop ? FMath::Fmod(Time + Seconds, ClipSeconds) : FMath::Min(Time + Seconds, ClipSeconds);
	}

	virtual EPosewireMotion Sample(FPosewirePose& Out) override
	{
		const int32 Count = bPlaying ? Rig.Rest.Num() : 0;
		Out.Rotations.SetNum(Count);
		Out.Written.Init(true, Count);
		Out.Pelvis = INDEX_NONE;
		Out.Time = Time;
		Out.Duration = ClipSeconds;
		for (int32 Bone = 0; Bone < Count; ++Bone)
		{
			Out.Rotations[Bone] = Rig.Rest[Bone].GetRotation();
		}
		if (Count > 0)
		{
			const float Sway = 0.1f * FMath::Sin(2 * UE_PI * Time / ClipSeconds);
			Out.Rotations[0] = FQuat(FVector::UpVector, Sway) * Out.Rotations[0];
		}
		if (!bPlaying)
		{
			return EPosewireMotion::Idle;
		}
		return Time < ClipSeconds ? EPosewireMotion::Playing : EPosewireMotion::Ended;
	}

	virtual FString GetError(int32&) const override { return FString(); }
	virtual FTransform TakeRootMotion() override { return FTransform::Identity; }
	virtual bool NextContact(int32&, bool&) override { return false; }
	virtual bool WalkTo(IPosewireStream&, const FVector&, FString&) override { return true; }
	virtual bool GetSkeleton(FPosewireRig& Out) const override
	{
		Out = Rig;
		return Rig.Rest.Num() > 0;
	}

private:
	FPosewireRig Rig;
	float Time = 0;
	bool bLoop = false;
	bool bPlaying = false;
};

class FNullBackend : public IPosewireBackend
{
public:
	virtual EPosewireConnection GetConnection() const override { return EPosewireConnection::NoLibrary; }
	virtual FString GetVersion() const override { return FString(); }
	virtual void Warm(const TArray<FString>&, const FString&) override {}
	virtual TSharedPtr<IPosewireStream> Generate(const FPosewireRequest& Request, FString&) override
	{
		return MakeShared<FNullStream>(Request.Prompt);
	}
	virtual TSharedPtr<IPosewireStream> BeginLive(const FPosewireRequest& Request, bool, FString&) override
	{
		return MakeShared<FNullStream>(Request.Prompt);
	}
	virtual TSharedPtr<IPosewirePlayer> MakePlayer(const FPosewireCharacterOptions& Options, FString&) override
	{
		return MakeShared<FNullPlayer>(Options.Rig);
	}
};
} // namespace

TSharedRef<IPosewireBackend> MakePosewireNullBackend()
{
	return MakeShared<FNullBackend>();
}
