#include "PosewireLiveLinkSource.h"

#include "HAL/PlatformTime.h"
#include "ILiveLinkClient.h"
#include "PosewireBackend.h"
#include "PosewireModule.h"
#include "PosewireSettings.h"
#include "Roles/LiveLinkAnimationRole.h"
#include "Roles/LiveLinkAnimationTypes.h"

#define LOCTEXT_NAMESPACE "PosewireLiveLink"

namespace
{
const FName SubjectName(TEXT("Posewire"));
}

FPosewireLiveLinkSource::FPosewireLiveLinkSource(const FString& InPrompt)
	: Prompt(InPrompt)
{
}

FPosewireLiveLinkSource::~FPosewireLiveLinkSource() = default;

void FPosewireLiveLinkSource::ReceiveClient(ILiveLinkClient* InClient, FGuid InSourceGuid)
{
	Client = InClient;
	SourceGuid = InSourceGuid;
	Begin();
}

void FPosewireLiveLinkSource::Begin()
{
	FPosewireRequest Request;
	Request.Prompt = Prompt;
	Request.bLoop = true;
	LastSeconds = FPlatformTime::Seconds();
	Backend = FPosewireModule::Get().MakeBackend();
	Player = Backend->MakePlayer(FPosewireCharacterOptions(), LastError);
	Stream = Backend->Generate(Request, LastError);
	if (Player && Stream)
	{
		Player->Play(*Stream, Request, LastError);
	}
}

bool FPosewireLiveLinkSource::IsSourceStillValid() const
{
	return Client && Player;
}

bool FPosewireLiveLinkSource::RequestSourceShutdown()
{
	Stream.Reset();
	Player.Reset();
	Backend.Reset();
	Client = nullptr;
	return true;
}

FText FPosewireLiveLinkSource::GetSourceType() const
{
	return LOCTEXT("Type", "Posewire");
}

FText FPosewireLiveLinkSource::GetSourceMachineName() const
{
	return FText::FromString(GetDefault<UPosewireSettings>()->GetServer());
}

FText FPosewireLiveLinkSource::GetSourceStatus() const
{
	if (!LastError.IsEmpty())
	{
		return FText::FromString(LastError);
	}
	return Rest.Num() > 0 ? LOCTEXT("Playing", "Playing") : LOCTEXT("Waiting", "Waiting for the server");
}

/** Called on the game thread, once a frame. */
void FPosewireLiveLinkSource::Update()
{
	if (!IsSourceStillValid())
	{
		return;
	}
	const double Now = FPlatformTime::Seconds();
	Player->Advance(float(Now - LastSeconds));
	LastSeconds = Now;
	FPosewireEvent Event;
	while (Stream && Stream->Poll(Event))
	{
		if (Event.Kind == FPosewireEvent::EKind::Status && Event.Code != 0)
		{
			LastError = Event.Message;
		}
	}
	if (Rest.Num() > 0 || PushSkeleton())
	{
		PushFrame();
	}
}

bool FPosewireLiveLinkSource::PushSkeleton()
{
	FPosewireRig Rig;
	if (!Player->GetSkeleton(Rig))
	{
		return false;
	}
	FLiveLinkStaticDataStruct Data(FLiveLinkSkeletonStaticData::StaticStruct());
	FLiveLinkSkeletonStaticData& Skeleton = *Data.Cast<FLiveLinkSkeletonStaticData>();
	Skeleton.SetBoneNames(Rig.Names);
	Skeleton.SetBoneParents(Rig.Parents);
	Client->PushSubjectStaticData_AnyThread({SourceGuid, SubjectName}, ULiveLinkAnimationRole::StaticClass(), MoveTemp(Data));
	Rest = Rig.Rest;
	return true;
}

void FPosewireLiveLinkSource::PushFrame()
{
	FPosewirePose Pose;
	Player->Sample(Pose);
	if (Pose.Rotations.Num() != Rest.Num())
	{
		return;
	}
	FLiveLinkFrameDataStruct Data(FLiveLinkAnimationFrameData::StaticStruct());
	FLiveLinkAnimationFrameData& Frame = *Data.Cast<FLiveLinkAnimationFrameData>();
	Frame.WorldTime = FLiveLinkWorldTime(LastSeconds);
	for (int32 Bone = 0; Bone < Rest.Num(); ++Bone)
	{
		const FVector Place = Bone == Pose.Pelvis ? Pose.PelvisPosition : Rest[Bone].GetTranslation();
		Frame.Transforms.Add(FTransform(Pose.Rotations[Bone], Place));
	}
	Client->PushSubjectFrameData_AnyThread({SourceGuid, SubjectName}, MoveTemp(Data));
}

#undef LOCTEXT_NAMESPACE
