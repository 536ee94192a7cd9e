#include "PosewireComponent.h"

#include "Components/SkeletalMeshComponent.h"
#include "Engine/GameInstance.h"
#include "Engine/SkeletalMesh.h"
#include "Engine/World.h"
#include "GameFramework/Actor.h"
#include "PosewireBackend.h"
#include "PosewireLog.h"
#include "PosewireRig.h"
#include "PosewireSettings.h"
#include "PosewireSubsystem.h"

namespace
{
constexpr int32 CodeOk = 0;
constexpr int32 CodeCancelled = 1;
constexpr int32 CodeInvalidArgument = 3;
constexpr int32 CodeNotFound = 5;
constexpr int32 CodeFailedPrecondition = 9;
constexpr int32 CodeUnavailable = 14;

/** How a live session ends whose server is gone. */
bool IsLost(int32 Code)
{
	return Code == CodeNotFound || Code == CodeFailedPrecondition || Code == CodeUnavailable;
}
} // namespace

UPosewireComponent::UPosewireComponent()
{
	PrimaryComponentTick.bCanEverTick = true;
}

UPosewireComponent::~UPosewireComponent() = default;

void UPosewireComponent::BeginPlay()
{
	Super::BeginPlay();
	if (bLive || !Motion.Prompt.IsEmpty())
	{
		DoIt();
	}
}

void UPosewireComponent::DoIt()
{
	if (bInSession)
	{
		Say(Motion.Prompt);
	}
	else if (bLive)
	{
		BeginLive(Motion);
	}
	else
	{
		Generate(Motion);
	}
}

void UPosewireComponent::ComeToRest()
{
	if (bInSession)
	{
		Rest();
	}
	else
	{
		Stop();
	}
}

void UPosewireComponent::EndPlay(const EEndPlayReason::Type Reason)
{
	bInSession = false;
	Stream.Reset();
	Player.Reset();
	Backend.Reset();
	Super::EndPlay(Reason);
}

bool UPosewireComponent::Prepare()
{
	LastError.Reset();
	const UGameInstance* Game = GetWorld() ? GetWorld()->GetGameInstance() : nullptr;
	const UPosewireSubsystem* Subsystem = Game ? Game->GetSubsystem<UPosewireSubsystem>() : nullptr;
	if (!Subsystem)
	{
		return Fail(CodeFailedPrecondition, TEXT("expected a running game, found none: press Play first"));
	}
	Backend = Subsystem->GetBackend();
	if (Player)
	{
		return true;
	}
	Mesh = GetOwner()->FindComponentByClass<USkeletalMeshComponent>();
	if (!Mesh || !Mesh->GetSkeletalMeshAsset())
	{
		return Fail(CodeInvalidArgument, TEXT("expected a skeletal mesh on the owner, found none: add one, and give it a mesh"));
	}
	FPosewireCharacterOptions Options;
	Options.Rig = MakePosewireRig(Mesh->GetSkeletalMeshAsset()->GetRefSkeleton());
	Options.Root = Root;
	Options.FootIk = FootIk;
	Options.bScaleTravel = bScaleTravel;
	Options.SoleHeight = SoleHeight;
	Options.Bones = Bones;
	FString Error;
	Player = Backend->MakePlayer(Options, Error);
	// The animation node reads this frame's pose, so the mesh comes after this component.
	Mesh->AddTickPrerequisiteComponent(this);
	return Player ? true : Fail(CodeInvalidArgument, Error);
}

bool UPosewireComponent::Generate(const FPosewireRequest& Request)
{
	if (!Prepare())
	{
		return false;
	}
	FString Error;
	bInSession = false;
	return Play(Backend->Generate(Request, Error), Error, Request);
}

bool UPosewireComponent::BeginLive(const FPosewireRequest& Request)
{
	if (!Prepare())
	{
		return false;
	}
	FString Error;
	bInSession = true;
	return Play(Backend->BeginLive(Request, false, Error), Error, Request);
}

bool UPosewireComponent::Play(TSharedPtr<IPosewireStream> Asked, const FString& Error, const FPosewireRequest& Request)
{
	FString Why = Error;
	if (Stream)
	{
		Stream.Reset();
		OnFailed.Broadcast(CodeCancelled, TEXT("replaced by another motion"));
	}
	Stream = Asked;
	Current = Request;
	FPosewireRequest How = Request;
	How.bLoop = Request.bLoop && !bInSession;
	if (Stream && Player->Play(*Stream, How, Why))
	{
		return true;
	}
	bInSession = false;
	return Fail(CodeInvalidArgument, Why);
}

bool UPosewireComponent::Say(const FString& Prompt, bool bQueued)
{
	FString Error = TEXT("expected a live session, found none: call Begin Live first");
	return (Stream && Stream->Say(Prompt, bQueued, Error)) || Fail(CodeInvalidArgument, Error);
}

bool UPosewireComponent::WalkTo(FVector Place)
{
	FString Error = TEXT("expected a live session, found none: call Begin Live first");
	const bool bThere = Stream && Player && Mesh;
	return (bThere && Player->WalkTo(*Stream, Mesh->GetComponentTransform().InverseTransformPosition(Place), Error))
		|| Fail(CodeInvalidArgument, Error);
}

bool UPosewireComponent::Rest()
{
	FString Error = TEXT("expected a live session, found none: call Begin Live first");
	return (Stream && Stream->Rest(Error)) || Fail(CodeInvalidArgument, Error);
}

void UPosewireComponent::EndLive()
{
	bInSession = false;
	if (Stream)
	{
		Stream->EndLive();
	}
}

void UPosewireComponent::Cancel()
{
	bInSession = false;
	if (Stream)
	{
		Stream->Cancel();
	}
}

void UPosewireComponent::Stop()
{
	Cancel();
	if (Player)
	{
		Player->Clear();
	}
}

FTransform UPosewireComponent::TakeRootMotion()
{
	return Player ? Player->TakeRootMotion() : FTransform::Identity;
}

void UPosewireComponent::TickComponent(float Delta, ELevelTick Type, FActorComponentTickFunction* Function)
{
	Super::TickComponent(Delta, Type, Function);
	if (!Player)
	{
		return;
	}
	Player->Advance(Delta);
	ReadEvents();
	ReadContacts();
	ShowMotion(Player->Sample(Pose));
	if (Root == EPosewireRoot::InPlace && bMoveOwner)
	{
		Travel();
	}
}

void UPosewireComponent::ReadEvents()
{
	// A listener may ask for the next motion: what is left of this stream is then nobody's business.
	FPosewireEvent Event;
	for (TSharedPtr<IPosewireStream> Reading = Stream; Reading && Reading == Stream && Reading->Poll(Event);)
	{
		ReadEvent(Event);
	}
}

void UPosewireComponent::ReadEvent(const FPosewireEvent& Event)
{
	switch (Event.Kind)
	{
	case FPosewireEvent::EKind::Started:
		ModelName = Event.Name;
		Feet = Event.Feet;
		OnStarted.Broadcast(Event.Name, Event.Message);
		break;
	case FPosewireEvent::EKind::Chunk:
		OnChunk.Broadcast(Event.FirstFrame, Event.Frames);
		break;
	case FPosewireEvent::EKind::Segment:
		Current.Prompt = Event.Message;
		OnSegment.Broadcast(Event.Message, Event.FirstFrame);
		break;
	case FPosewireEvent::EKind::Refused:
		OnRefused.Broadcast(Event.Message);
		break;
	case FPosewireEvent::EKind::Notice:
		UE_LOG(LogPosewire, Log, TEXT("%s: %s"), *Event.Name, *Event.Message);
		break;
	case FPosewireEvent::EKind::Status:
		EndStream(Event);
		break;
	default:
		break;
	}
}

void UPosewireComponent::EndStream(const FPosewireEvent& Event)
{
	Stream.Reset();
	if (bInSession && IsLost(Event.Code))
	{
		UE_LOG(LogPosewire, Warning, TEXT("the live session was lost and begins again: %s"), *Event.Message);
		FString Error;
		Play(Backend->BeginLive(Current, true, Error), Error, Current);
	}
	else if (Event.Code == CodeOk)
	{
		OnCompleted.Broadcast();
	}
	else if (Event.Code != CodeCancelled)
	{
		Fail(Event.Code, Event.Message);
	}
}

void UPosewireComponent::ReadContacts()
{
	int32 Bit = 0;
	bool bDown = false;
	while (Player->NextContact(Bit, bDown))
	{
		if (Feet.IsValidIndex(Bit))
		{
			OnFootContact.Broadcast(Feet[Bit], bDown);
		}
	}
}

void UPosewireComponent::ShowMotion(EPosewireMotion Now)
{
	if (Seen == Now)
	{
		return;
	}
	Seen = Now;
	OnMotionChanged.Broadcast(Now);
	int32 Code = CodeOk;
	const FString Why = Now == EPosewireMotion::Failed && LastError.IsEmpty() ? Player->GetError(Code) : FString();
	if (!Why.IsEmpty())
	{
		Fail(Code, Why);
	}
}

/** Component space's travel, carried out by the actor, which the mesh hangs on turned and moved. */
void UPosewireComponent::Travel()
{
	const FTransform Here = Mesh->GetComponentTransform();
	const FTransform Actor = GetOwner()->GetActorTransform();
	const FTransform Goal = Actor.GetRelativeTransform(Here) * TakeRootMotion() * Here;
	// Normalised: what rounding adds here would be multiplied in each of the frames to come.
	GetOwner()->SetActorLocationAndRotation(Goal.GetTranslation(), Goal.GetRotation().GetNormalized(), true);
}

bool UPosewireComponent::Fail(int32 Code, const FString& Message)
{
	LastError = Message;
	UE_LOG(LogPosewire, Error, TEXT("%s"), *Message);
	OnFailed.Broadcast(Code, Message);
	return false;
}
