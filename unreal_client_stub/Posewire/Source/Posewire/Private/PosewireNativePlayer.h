// Players of libposewire, in a mesh's component space.
#pragma once

#include "PosewireNativeStream.h"

/** A player of libposewire. */
class FPosewireNativePlayer : public IPosewirePlayer
{
public:
	/** Null and `Error` where the skeleton isn't one that motion can be put on. */
	static TSharedPtr<IPosewirePlayer> Make(TSharedRef<const FPosewireLibrary> Library, const FPosewireCharacterOptions& Options, FString& Error);
	virtual ~FPosewireNativePlayer() override;

	virtual bool Play(IPosewireStream& Stream, const FPosewireRequest& Request, FString& Error) override;
	virtual void Clear() override;
	virtual void Advance(float Seconds) override;
	virtual EPosewireMotion Sample(FPosewirePose& Out) override;
	virtual FString GetError(int32& Code) const override;
	virtual FTransform TakeRootMotion() override;
	virtual bool NextContact(int32& Bit, bool& bDown) override;
	virtual bool WalkTo(IPosewireStream& Stream, const FVector& Place, FString& Error) override;
	virtual bool GetSkeleton(FPosewireRig& Out) const override;

private:
	FPosewireNativePlayer(TSharedRef<const FPosewireLibrary> InLibrary, const FPosewireCharacterOptions& Options, pw_player* InHandle);
	void FindWritten(int32 Count, FPosewirePose& Out);

	TSharedRef<const FPosewireLibrary> Library;
	pw_player* Handle;
	/** Of the target; empty: the model's own skeleton. */
	TArray<int32> Parents;
	TArray<float> Rotations;
	TArray<uint8> Driven;
	int32 LastCode = 0;
};
