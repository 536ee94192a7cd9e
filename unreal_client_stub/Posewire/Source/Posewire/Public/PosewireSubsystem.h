// One connection for all characters of a game.
#pragma once

#include "CoreMinimal.h"
#include "PosewireTypes.h"
#include "Subsystems/GameInstanceSubsystem.h"
#include "PosewireSubsystem.generated.h"

class IPosewireBackend;

/** The connection to the server: one for each game instance, made on first use. */
UCLASS()
class POSEWIRE_API UPosewireSubsystem : public UGameInstanceSubsystem
{
	GENERATED_BODY()

public:
	virtual void Initialize(FSubsystemCollectionBase& Collection) override;
	virtual void Deinitialize() override;

	/** What the connection does. */
	UFUNCTION(BlueprintPure, Category = "Posewire")
	EPosewireConnection GetConnection() const;

	/** Load the model and encode prompts ahead of time: while a level loads, for example. Returns at once. */
	UFUNCTION(BlueprintCallable, Category = "Posewire")
	void Warm(const TArray<FString>& Prompts);

	/** Version of libposewire; empty: it isn't there. */
	UFUNCTION(BlueprintPure, Category = "Posewire")
	FString GetLibraryVersion() const;

	/** For this plugin's own modules. */
	TSharedPtr<IPosewireBackend> GetBackend() const { return Backend; }

private:
	TSharedPtr<IPosewireBackend> Backend;
};
