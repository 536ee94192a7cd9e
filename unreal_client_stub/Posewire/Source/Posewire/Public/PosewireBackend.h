// Where motion comes from, behind one interface: a server through libposewire, or a synthetic swaying without either.
// Only the game thread uses any of this. For this plugin's own modules.
#pragma once

#include "CoreMinimal.h"
#include "PosewireTypes.h"

/** What happened in a stream since the last look. */
struct FPosewireEvent
{
	enum class EKind : uint8 { Other, Started, Chunk, Notice, Segment, Refused, Status };

	EKind Kind = EKind::Other;
	/** Of a status or a refusal: 0 is well, 1 cancelled; the numbers of gRPC's codes. */
	int32 Code = 0;
	/** A sentence for people; of a segment its prompt, of a start the licence's notice. */
	FString Message;
	/** The model that answers, or a notice's stable word. */
	FString Name;
	int32 FirstFrame = 0;
	int32 Frames = 0;
	/** Of a start: names of the contact bits. */
	TArray<FName> Feet;
};

/** The skeleton of a mesh in its reference pose, parents first. */
struct FPosewireRig
{
	TArray<FName> Names;
	TArray<int32> Parents;
	/** Relative to the parent, centimetres, component space's axes. */
	TArray<FTransform> Rest;
};

/** How a character wants its motion. */
struct FPosewireCharacterOptions
{
	/** No bones: poses come on the model's own skeleton. */
	FPosewireRig Rig;
	EPosewireRoot Root = EPosewireRoot::Travel;
	float FootIk = 0;
	bool bScaleTravel = true;
	float SoleHeight = 0;
	/** Joint of the model -> bone; empty: recognised by name. */
	TMap<FName, FName> Bones;
};

/** The answer to one request. Letting go of it cancels what still runs. */
class IPosewireStream
{
public:
	virtual ~IPosewireStream() = default;
	virtual bool Poll(FPosewireEvent& Out) = 0;
	virtual void Cancel() = 0;

	/** Commands of live sessions; false and why where there is none. */
	virtual bool Say(const FString& Prompt, bool bQueued, FString& Error) = 0;
	virtual bool Rest(FString& Error) = 0;
	virtual void EndLive() = 0;
};

/** What one character plays. */
class IPosewirePlayer
{
public:
	virtual ~IPosewirePlayer() = default;
	virtual bool Play(IPosewireStream& Stream, const FPosewireRequest& Request, FString& Error) = 0;
	virtual void Clear() = 0;
	virtual void Advance(float Seconds) = 0;
	/** The pose at the play head; without one `Out` has no rotations. */
	virtual EPosewireMotion Sample(FPosewirePose& Out) = 0;
	/** Why the last sample's motion failed, with its code; empty: it didn't, or its stream tells. */
	virtual FString GetError(int32& Code) const = 0;
	virtual FTransform TakeRootMotion() = 0;
	virtual bool NextContact(int32& Bit, bool& bDown) = 0;
	/** In component space, on the path of this player. */
	virtual bool WalkTo(IPosewireStream& Stream, const FVector& Place, FString& Error) = 0;
	/** The skeleton of the poses, once a motion plays; false: not known yet. */
	virtual bool GetSkeleton(FPosewireRig& Out) const = 0;
};

/** A connection. */
class IPosewireBackend
{
public:
	virtual ~IPosewireBackend() = default;
	virtual EPosewireConnection GetConnection() const = 0;
	virtual FString GetVersion() const = 0;
	virtual void Warm(const TArray<FString>& Prompts, const FString& Model) = 0;
	/** Null and `Error` where not even asking was possible. */
	virtual TSharedPtr<IPosewireStream> Generate(const FPosewireRequest& Request, FString& Error) = 0;
	virtual TSharedPtr<IPosewireStream> BeginLive(const FPosewireRequest& Request, bool bWaitForServer, FString& Error) = 0;
	virtual TSharedPtr<IPosewirePlayer> MakePlayer(const FPosewireCharacterOptions& Options, FString& Error) = 0;
};
