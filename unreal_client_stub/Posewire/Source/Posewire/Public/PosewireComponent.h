// What makes an actor's skeletal mesh move as a prompt says.
#pragma once

#include "Components/ActorComponent.h"
#include "CoreMinimal.h"
#include "PosewireTypes.h"
#include "PosewireComponent.generated.h"

class IPosewireBackend;
class IPosewirePlayer;
class IPosewireStream;
class USkeletalMeshComponent;
struct FPosewireEvent;

DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FPosewireStarted, FString, Model, FString, LicenceNotice);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FPosewireChunk, int32, FirstFrame, int32, Frames);
DECLARE_DYNAMIC_MULTICAST_DELEGATE(FPosewireCompleted);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FPosewireFailed, int32, Code, FString, Message);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FPosewireMotionChanged, EPosewireMotion, Motion);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FPosewireFootContact, FName, Foot, bool, bDown);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FPosewireSegment, FString, Prompt, int32, FirstFrame);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FPosewireRefused, FString, Message);

/**
 * Asks for motion and plays it on the owner's skeletal mesh; the animation blueprint's Posewire node applies it.
 * Everything here belongs to the game thread, and all events come on it.
 */
UCLASS(ClassGroup = (Animation), meta = (BlueprintSpawnableComponent))
class POSEWIRE_API UPosewireComponent : public UActorComponent
{
	GENERATED_BODY()

public:
	UPosewireComponent();
	virtual ~UPosewireComponent() override;

	/** What the character does when the game begins; an empty prompt: nothing. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire")
	FPosewireRequest Motion;

	/** Move without end: the prompt is what the character does first, `Say` what it does next. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire")
	bool bLive = false;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire|Character")
	EPosewireRoot Root = EPosewireRoot::Travel;

	/** With In Place: move the owner by the motion's travel, sweeping. Off: call `TakeRootMotion` yourself. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire|Character")
	bool bMoveOwner = true;

	/** How firmly feet that touch the floor stay where they are. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire|Character", meta = (ClampMin = 0, ClampMax = 1))
	float FootIk = 0;

	/** Scale the whole path by the character's size; off: only heights. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire|Character")
	bool bScaleTravel = true;

	/** Height of the soles in the reference pose, in centimetres. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire|Character")
	float SoleHeight = 0;

	/** Only for names that aren't recognised: from the model's joints ("Pelvis", "L_Elbow") to bones of this mesh. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Posewire|Character", AdvancedDisplay)
	TMap<FName, FName> Bones;

	/** The button in the details panel, while the game runs: do what Motion says now. */
	UFUNCTION(CallInEditor, Category = "Posewire")
	void DoIt();

	/** The other button: come to rest in a live session, else show no motion. */
	UFUNCTION(CallInEditor, Category = "Posewire")
	void ComeToRest();

	/** Ask for a motion and play it as soon as its first frames arrive; what plays now goes on until then. */
	UFUNCTION(BlueprintCallable, Category = "Posewire")
	bool Generate(const FPosewireRequest& Request);

	/** Begin a live session: the character moves without end. */
	UFUNCTION(BlueprintCallable, Category = "Posewire|Live")
	bool BeginLive(const FPosewireRequest& Request);

	/** In a live session: do this from now on, or, queued, once the present prompt has been done. */
	UFUNCTION(BlueprintCallable, Category = "Posewire|Live")
	bool Say(const FString& Prompt, bool bQueued = false);

	/** In a live session: bend the path towards a place in the world. */
	UFUNCTION(BlueprintCallable, Category = "Posewire|Live")
	bool WalkTo(FVector Place);

	/** In a live session: come to rest and stand. */
	UFUNCTION(BlueprintCallable, Category = "Posewire|Live")
	bool Rest();

	/** End a live session well: the character stays in its last pose. */
	UFUNCTION(BlueprintCallable, Category = "Posewire|Live")
	void EndLive();

	/** Stop asking: the server drops the work. What has arrived is played to its end. */
	UFUNCTION(BlueprintCallable, Category = "Posewire")
	void Cancel();

	/** Cancel, and show no motion: animation below is seen again. */
	UFUNCTION(BlueprintCallable, Category = "Posewire")
	void Stop();

	/** Travel and turn since the last time, in the mesh's component space. */
	UFUNCTION(BlueprintCallable, Category = "Posewire")
	FTransform TakeRootMotion();

	UFUNCTION(BlueprintPure, Category = "Posewire")
	EPosewireMotion GetMotion() const { return Seen; }

	/** Play head of the motion, in seconds. */
	UFUNCTION(BlueprintPure, Category = "Posewire")
	float GetTime() const { return float(Pose.Time); }

	UFUNCTION(BlueprintPure, Category = "Posewire")
	FString GetLastError() const { return LastError; }

	/** The pose of this frame, for the animation node. */
	const FPosewirePose& GetPose() const { return Pose; }

	UPROPERTY(BlueprintAssignable, Category = "Posewire")
	FPosewireStarted OnStarted;
	UPROPERTY(BlueprintAssignable, Category = "Posewire")
	FPosewireChunk OnChunk;
	/** All frames have arrived; playing them may take longer. */
	UPROPERTY(BlueprintAssignable, Category = "Posewire")
	FPosewireCompleted OnCompleted;
	UPROPERTY(BlueprintAssignable, Category = "Posewire")
	FPosewireFailed OnFailed;
	UPROPERTY(BlueprintAssignable, Category = "Posewire")
	FPosewireMotionChanged OnMotionChanged;
	UPROPERTY(BlueprintAssignable, Category = "Posewire")
	FPosewireFootContact OnFootContact;
	UPROPERTY(BlueprintAssignable, Category = "Posewire|Live")
	FPosewireSegment OnSegment;
	UPROPERTY(BlueprintAssignable, Category = "Posewire|Live")
	FPosewireRefused OnRefused;

	virtual void BeginPlay() override;
	virtual void EndPlay(const EEndPlayReason::Type Reason) override;
	virtual void TickComponent(float Delta, ELevelTick Type, FActorComponentTickFunction* Function) override;

private:
	bool Prepare();
	bool Play(TSharedPtr<IPosewireStream> Asked, const FString& Error, const FPosewireRequest& Request);
	void ReadEvents();
	void ReadEvent(const FPosewireEvent& Event);
	void EndStream(const FPosewireEvent& Event);
	void ReadContacts();
	void ShowMotion(EPosewireMotion Now);
	void Travel();
	bool Fail(int32 Code, const FString& Message);

	/** What is seen, and what went wrong last: visible in the details panel while the game runs. */
	UPROPERTY(VisibleInstanceOnly, Transient, Category = "Posewire|Now")
	EPosewireMotion Seen = EPosewireMotion::Idle;
	UPROPERTY(VisibleInstanceOnly, Transient, Category = "Posewire|Now")
	FString LastError;
	UPROPERTY(VisibleInstanceOnly, Transient, Category = "Posewire|Now")
	FString ModelName;

	UPROPERTY(Transient)
	TObjectPtr<USkeletalMeshComponent> Mesh;

	TSharedPtr<IPosewireBackend> Backend;
	TSharedPtr<IPosewirePlayer> Player;
	TSharedPtr<IPosewireStream> Stream;
	FPosewirePose Pose;
	FPosewireRequest Current;
	TArray<FName> Feet;
	bool bInSession = false;
};
