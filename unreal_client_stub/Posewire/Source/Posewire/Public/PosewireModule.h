// The plugin's runtime module: it owns libposewire.
#pragma once

#include "CoreMinimal.h"
#include "Modules/ModuleInterface.h"

class IPosewireBackend;
class FPosewireLibrary;

/** Loads libposewire when the plugin starts, and lets go of it when all backends are gone. */
class POSEWIRE_API FPosewireModule : public IModuleInterface
{
public:
	static FPosewireModule& Get();

	virtual void StartupModule() override;
	virtual void ShutdownModule() override;

	/** A connection by the project's settings; synthetic motion where the library is missing or settings ask for it. */
	TSharedRef<IPosewireBackend> MakeBackend() const;

	/** Why there is no library; empty: there is. */
	FString GetLibraryError() const;

private:
	TSharedPtr<const FPosewireLibrary> Library;
	FString LibraryError;
};
