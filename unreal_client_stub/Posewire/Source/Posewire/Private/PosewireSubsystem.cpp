#include "PosewireSubsystem.h"

#include "PosewireBackend.h"
#include "PosewireModule.h"
#include "PosewireSettings.h"

void UPosewireSubsystem::Initialize(FSubsystemCollectionBase& Collection)
{
	Super::Initialize(Collection);
	Backend = FPosewireModule::Get().MakeBackend();
	const UPosewireSettings& Settings = *GetDefault<UPosewireSettings>();
	if (Settings.WarmPrompts.Num() > 0)
	{
		Backend->Warm(Settings.WarmPrompts, Settings.Model);
	}
}

void UPosewireSubsystem::Deinitialize()
{
	Backend.Reset();
	Super::Deinitialize();
}

EPosewireConnection UPosewireSubsystem::GetConnection() const
{
	return Backend ? Backend->GetConnection() : EPosewireConnection::Idle;
}

void UPosewireSubsystem::Warm(const TArray<FString>& Prompts)
{
	if (Backend)
	{
		Backend->Warm(Prompts, GetDefault<UPosewireSettings>()->Model);
	}
}

FString UPosewireSubsystem::GetLibraryVersion() const
{
	return Backend ? Backend->GetVersion() : FString();
}
