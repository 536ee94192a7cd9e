// Live Link, Add Source, Posewire.
#pragma once

#include "CoreMinimal.h"
#include "LiveLinkSourceFactory.h"
#include "PosewireLiveLinkSourceFactory.generated.h"

/** Makes the source by the project's settings, without asking. */
UCLASS()
class POSEWIRELIVELINK_API UPosewireLiveLinkSourceFactory : public ULiveLinkSourceFactory
{
	GENERATED_BODY()

public:
	virtual FText GetSourceDisplayName() const override;
	virtual FText GetSourceTooltip() const override;
	virtual EMenuType GetMenuType() const override { return EMenuType::MenuEntry; }
	virtual TSharedPtr<ILiveLinkSource> CreateSource(const FString& ConnectionString) const override;
};
