// Posewire as a Live Link source: for the editor and for virtual production. Games use the component and its node.
#pragma once

#include "CoreMinimal.h"
#include "ILiveLinkSource.h"

class IPosewireBackend;
class IPosewirePlayer;
class IPosewireStream;

/** A subject "Posewire" on the model's own skeleton, which plays the project settings' Live Link prompt again and again. */
class POSEWIRELIVELINK_API FPosewireLiveLinkSource : public ILiveLinkSource
{
public:
	explicit FPosewireLiveLinkSource(const FString& InPrompt);
	virtual ~FPosewireLiveLinkSource() override;

	virtual void ReceiveClient(ILiveLinkClient* InClient, FGuid InSourceGuid) override;
	virtual bool IsSourceStillValid() const override;
	virtual bool RequestSourceShutdown() override;
	virtual FText GetSourceType() const override;
	virtual FText GetSourceMachineName() const override;
	virtual FText GetSourceStatus() const override;
	virtual void Update() override;

private:
	void Begin();
	bool PushSkeleton();
	void PushFrame();

	FString Prompt;
	FString LastError;
	ILiveLinkClient* Client = nullptr;
	FGuid SourceGuid;
	TSharedPtr<IPosewireBackend> Backend;
	TSharedPtr<IPosewirePlayer> Player;
	TSharedPtr<IPosewireStream> Stream;
	TArray<FTransform> Rest;
	double LastSeconds = 0;
};
