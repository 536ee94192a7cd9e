// Project Settings, Plugins, Posewire.
#pragma once

#include "CoreMinimal.h"
#include "Engine/DeveloperSettings.h"
#include "PosewireSettings.generated.h"

/** Which server this project talks to. `-PosewireServer=host:port` and `-PosewireToken=…` on the command line win. */
UCLASS(Config = Game, DefaultConfig, meta = (DisplayName = "Posewire"))
class POSEWIRE_API UPosewireSettings : public UDeveloperSettings
{
	GENERATED_BODY()

public:
	/** host:port; "https://host:port" means TLS. */
	UPROPERTY(Config, EditAnywhere, Category = "Server")
	FString Server = TEXT("127.0.0.1:50051");

	/** Sent with each call. Without TLS anybody on the way can read it. */
	UPROPERTY(Config, EditAnywhere, Category = "Server")
	FString Token;

	/** PEM file with the certificates to trust; empty: the system's. */
	UPROPERTY(Config, EditAnywhere, Category = "Server", AdvancedDisplay)
	FString CertificateFile;

	/** Most seconds that leaving the game or the editor may wait for the connection to close. */
	UPROPERTY(Config, EditAnywhere, Category = "Server", AdvancedDisplay)
	float ShutdownSeconds = 2;

	/** Default model of requests that name none; empty: the server's. */
	UPROPERTY(Config, EditAnywhere, Category = "Motion")
	FString Model;

	/** Encoded when the game begins, so that the first request isn't the cold one. */
	UPROPERTY(Config, EditAnywhere, Category = "Motion")
	TArray<FString> WarmPrompts;

	/** Play synthetic motion without any server: for automation, and for work without a network. */
	UPROPERTY(Config, EditAnywhere, Category = "Motion")
	bool bWithoutServer = false;

	/** What the Live Link source plays in the editor. */
	UPROPERTY(Config, EditAnywhere, Category = "Live Link")
	FString LiveLinkPrompt = TEXT("a person walks in a circle");

	virtual FName GetCategoryName() const override;

	/** The address in force, the command line considered. */
	FString GetServer() const;
	FString GetToken() const;
};
