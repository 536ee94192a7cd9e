// What Blueprints and code say to Posewire, and hear from it.
#pragma once

#include "CoreMinimal.h"
#include "PosewireTypes.generated.h"

/** What is seen of a motion. */
UENUM(BlueprintType)
enum class EPosewireMotion : uint8
{
	Idle,
	Buffering,
	Playing,
	Starved UMETA(ToolTip = "Holds its pose: frames didn't arrive in time"),
	Ended,
	Failed
};

/** What the connection does. */
UENUM(BlueprintType)
enum class EPosewireConnection : uint8
{
	Idle,
	Connecting,
	Ready,
	Waiting UMETA(ToolTip = "The last try failed; the next one is due soon"),
	NoLibrary UMETA(ToolTip = "libposewire is missing: synthetic motion is played instead")
};

/** Where the travel of a motion goes. */
UENUM(BlueprintType)
enum class EPosewireRoot : uint8
{
	AsSent UMETA(ToolTip = "The path as it was generated; each motion begins at the component's origin again"),
	Travel UMETA(ToolTip = "One path through all motions and loops: each goes on where the last one led"),
	InPlace UMETA(ToolTip = "The pose stays in place; the actor travels instead")
};

/** One wish for a motion. */
USTRUCT(BlueprintType)
struct POSEWIRE_API FPosewireRequest
{
	GENERATED_BODY()

	/** What the character does. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire")
	FString Prompt;

	/** Length in seconds; 0: estimated from the prompt. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire", meta = (ClampMin = 0))
	float Seconds = 0;

	/** The same seed gives the same motion again; negative: the server picks one. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire")
	int64 Seed = -1;

	/** Which of the server's models; empty: its default. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire", AdvancedDisplay)
	FString Model;

	/** One of the model's presets; empty: its default. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire", AdvancedDisplay)
	FString Preset;

	/** Begin again at the end. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire")
	bool bLoop = false;

	/** Cross-fade from what plays now, in seconds. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire", meta = (ClampMin = 0))
	float Fade = 0.25f;

	/** Playing speed, times real time. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire", meta = (ClampMin = 0))
	float Speed = 1;

	/** When the connection breaks on the way, try so many seconds to go on where it broke. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire", AdvancedDisplay)
	float ResumeSeconds = 20;
};

/** A pose on the bones of one skeletal mesh, in component space's axes and centimetres. */
struct POSEWIRE_API FPosewirePose
{
	/** Parent-relative rotation of each bone of the mesh's reference skeleton. Empty: there is no pose. */
	TArray<FQuat> Rotations;

	/** Which bones the motion says something about; the others are for animation below. */
	TArray<bool> Written;

	/** The bone that carries the position; INDEX_NONE: none. */
	int32 Pelvis = INDEX_NONE;

	/** Where it is, relative to its parent bone. */
	FVector PelvisPosition = FVector::ZeroVector;

	/** Play head and length of the motion, in seconds; length 0: not known yet. */
	double Time = 0;
	double Duration = 0;
};
