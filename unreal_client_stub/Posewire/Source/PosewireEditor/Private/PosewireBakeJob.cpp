#include "PosewireBakeJob.h"

#include "Animation/AnimSequence.h"
#include "Containers/Ticker.h"
#include "Engine/SkeletalMesh.h"
#include "PosewireBackend.h"
#include "PosewireModule.h"
#include "PosewireRig.h"
#include "PosewireSequence.h"
#include "PosewireSettings.h"
#include "PosewireTracks.h"
#include "UObject/Package.h"

UPosewireBakeJob::~UPosewireBakeJob() = default;

void UPosewireBakeJob::Bake()
{
	Cancel();
	if (!Ask(Status))
	{
		Cancel();
		return;
	}
	Status = TEXT("waiting for the server");
	FTSTicker::GetCoreTicker().AddTicker(FTickerDelegate::CreateUObject(this, &UPosewireBakeJob::Look));
}

void UPosewireBakeJob::Cancel()
{
	if (Stream)
	{
		Status = TEXT("cancelled");
	}
	Stream.Reset();
	Backend.Reset();
}

bool UPosewireBakeJob::Ask(FString& Error)
{
	if (!Mesh || !Mesh->GetSkeleton())
	{
		Error = TEXT("expected a skeletal mesh with a skeleton, found none: choose one under Mesh");
		return false;
	}
	Error = FPosewireModule::Get().GetLibraryError();
	if (!Error.IsEmpty() && !GetDefault<UPosewireSettings>()->bWithoutServer)
	{
		return false;
	}
	FPosewireRequest Request;
	Request.Prompt = Prompt;
	Request.Seconds = Seconds;
	Request.Seed = Seed;
	Request.Model = Model;
	Backend = FPosewireModule::Get().MakeBackend();
	Stream = Backend->Generate(Request, Error);
	return Stream.IsValid();
}

/** Called by the editor's ticker until it gives false. */
bool UPosewireBakeJob::Look(float)
{
	FPosewireEvent Event;
	while (Stream && Stream->Poll(Event))
	{
		if (Event.Kind == FPosewireEvent::EKind::Status)
		{
			Status = Event.Code == 0 ? Finish() : Event.Message;
			Stream.Reset();
			Backend.Reset();
		}
	}
	return Stream.IsValid();
}

/** A player on the motion that has come. */
TSharedPtr<IPosewirePlayer> UPosewireBakeJob::Begin(const FPosewireRig& Rig, EPosewireRoot Root, FString& Error) const
{
	FPosewireCharacterOptions Options;
	Options.Rig = Rig;
	Options.Root = Root;
	Options.Bones = Bones;
	FPosewireRequest Once;
	Once.Fade = 0;
	const TSharedPtr<IPosewirePlayer> Player = Backend->MakePlayer(Options, Error);
	return Player && Player->Play(*Stream, Once, Error) ? Player : nullptr;
}

/** Makes the animation; what became of it. */
FString UPosewireBakeJob::Finish() const
{
	FString Error;
	const FPosewireRig Rig = MakePosewireRig(Mesh->GetRefSkeleton());
	TSharedPtr<IPosewirePlayer> Player = Begin(Rig, EPosewireRoot::InPlace, Error);
	const bool bTravels = bRootMotion && Player && HasPosewireRootBone(*Player);
	if (Player && !bTravels)
	{
		Player = Begin(Rig, EPosewireRoot::Travel, Error);
	}
	if (!Player)
	{
		return Error;
	}
	FPosewireTracks Tracks;
	if (!ReadPosewireTracks(*Player, Rig, FramesPerSecond, bTravels, Tracks))
	{
		return TEXT("expected a motion, found none");
	}
	const UAnimSequence* Made = MakePosewireSequence(*Mesh, Tracks, Prompt, bTravels);
	return Made ? FString::Printf(TEXT("made %s: save it"), *Made->GetOutermost()->GetName())
				: FString(TEXT("expected a skeleton that has the mesh's bones, found another one"));
}
