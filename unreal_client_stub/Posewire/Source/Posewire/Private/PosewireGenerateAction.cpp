#include "PosewireGenerateAction.h"

namespace
{
constexpr int32 InvalidArgument = 3;
}

UPosewireGenerateAction* UPosewireGenerateAction::GenerateMotion(UPosewireComponent* Character, const FPosewireRequest& Request)
{
	UPosewireGenerateAction* Action = NewObject<UPosewireGenerateAction>();
	Action->Target = Character;
	Action->Wish = Request;
	Action->RegisterWithGameInstance(Character);
	return Action;
}

void UPosewireGenerateAction::Activate()
{
	// Listening begins afterwards: what the component says until then is about the motion before.
	if (!Target || !Target->Generate(Wish))
	{
		const FString Why = Target ? Target->GetLastError() : TEXT("Character: expected a Posewire component, found none");
		SetReadyToDestroy();
		OnFailed.Broadcast(InvalidArgument, Why);
		return;
	}
	Target->OnStarted.AddDynamic(this, &UPosewireGenerateAction::HandleStarted);
	Target->OnChunk.AddDynamic(this, &UPosewireGenerateAction::HandleChunk);
	Target->OnCompleted.AddDynamic(this, &UPosewireGenerateAction::HandleCompleted);
	Target->OnFailed.AddDynamic(this, &UPosewireGenerateAction::HandleFailed);
}

void UPosewireGenerateAction::Cancel()
{
	if (Target)
	{
		Target->Cancel();
	}
	Leave();
}

void UPosewireGenerateAction::HandleStarted(FString Model, FString LicenceNotice)
{
	OnStarted.Broadcast(Model, LicenceNotice);
}

void UPosewireGenerateAction::HandleChunk(int32 FirstFrame, int32 Frames)
{
	OnChunk.Broadcast(FirstFrame, Frames);
}

void UPosewireGenerateAction::HandleCompleted()
{
	Leave();
	OnCompleted.Broadcast();
}

void UPosewireGenerateAction::HandleFailed(int32 Code, FString Message)
{
	Leave();
	OnFailed.Broadcast(Code, Message);
}

void UPosewireGenerateAction::Leave()
{
	if (Target)
	{
		Target->OnStarted.RemoveDynamic(this, &UPosewireGenerateAction::HandleStarted);
		Target->OnChunk.RemoveDynamic(this, &UPosewireGenerateAction::HandleChunk);
		Target->OnCompleted.RemoveDynamic(this, &UPosewireGenerateAction::HandleCompleted);
		Target->OnFailed.RemoveDynamic(this, &UPosewireGenerateAction::HandleFailed);
		Target = nullptr;
	}
	SetReadyToDestroy();
}
