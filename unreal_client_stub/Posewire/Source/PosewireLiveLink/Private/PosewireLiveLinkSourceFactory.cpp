#include "PosewireLiveLinkSourceFactory.h"

#include "Modules/ModuleManager.h"
#include "PosewireLiveLinkSource.h"
#include "PosewireSettings.h"

#define LOCTEXT_NAMESPACE "PosewireLiveLink"

FText UPosewireLiveLinkSourceFactory::GetSourceDisplayName() const
{
	return LOCTEXT("Name", "Posewire");
}

FText UPosewireLiveLinkSourceFactory::GetSourceTooltip() const
{
	return LOCTEXT("Tooltip", "Motion from a prompt: see Project Settings, Plugins, Posewire, Live Link");
}

TSharedPtr<ILiveLinkSource> UPosewireLiveLinkSourceFactory::CreateSource(const FString& ConnectionString) const
{
	const FString& Prompt = ConnectionString.IsEmpty() ? GetDefault<UPosewireSettings>()->LiveLinkPrompt : ConnectionString;
	return MakeShared<FPosewireLiveLinkSource>(Prompt);
}

#undef LOCTEXT_NAMESPACE

IMPLEMENT_MODULE(FDefaultModuleImpl, PosewireLiveLink)
