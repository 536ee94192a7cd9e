#include "PosewireModule.h"

#include "Interfaces/IPluginManager.h"
#include "HAL/PlatformProcess.h"
#include "Misc/FileHelper.h"
#include "Misc/Paths.h"
#include "Modules/ModuleManager.h"
#include "PosewireBackends.h"
#include "PosewireLibrary.h"
#include "PosewireLog.h"
#include "PosewireSettings.h"

DEFINE_LOG_CATEGORY(LogPosewire);

namespace
{
#if PLATFORM_WINDOWS
const TCHAR* const Platform = TEXT("Win64");
const TCHAR* const FileName = TEXT("posewire.dll");
#elif PLATFORM_MAC
const TCHAR* const Platform = TEXT("Mac");
const TCHAR* const FileName = TEXT("libposewire.dylib");
#else
const TCHAR* const Platform = TEXT("Linux");
const TCHAR* const FileName = TEXT("libposewire.so");
#endif

/** Beside the program, where Build.cs stages it; else inside the plugin. */
TArray<FString> LibraryFiles()
{
	TArray<FString> Files;
	Files.Add(FPaths::Combine(FPlatformProcess::BaseDir(), FileName));
	if (const TSharedPtr<IPlugin> Plugin = IPluginManager::Get().FindPlugin(TEXT("Posewire")))
	{
		Files.Add(FPaths::Combine(Plugin->GetBaseDir(), TEXT("Source/ThirdParty/PosewireNative/bin"), Platform, FileName));
	}
	return Files;
}

FPosewireServer ServerOf(const UPosewireSettings& Settings)
{
	FPosewireServer Out;
	Out.Target = Settings.GetServer();
	Out.Token = Settings.GetToken();
	Out.ShutdownSeconds = Settings.ShutdownSeconds;
	if (!Settings.CertificateFile.IsEmpty() && !FFileHelper::LoadFileToString(Out.Certificates, *Settings.CertificateFile))
	{
		UE_LOG(LogPosewire, Error, TEXT("expected a PEM file at %s, found none"), *Settings.CertificateFile);
	}
	return Out;
}
} // namespace

FPosewireModule& FPosewireModule::Get()
{
	return FModuleManager::LoadModuleChecked<FPosewireModule>(TEXT("Posewire"));
}

void FPosewireModule::StartupModule()
{
	Library = FPosewireLibrary::Load(LibraryFiles(), LibraryError);
	if (!Library)
	{
		UE_LOG(LogPosewire, Error, TEXT("%s. Synthetic motion is played instead."), *LibraryError);
	}
}

void FPosewireModule::ShutdownModule()
{
	// Backends hold the library too: the last of them unloads it.
	Library.Reset();
}

FString FPosewireModule::GetLibraryError() const
{
	return LibraryError;
}

TSharedRef<IPosewireBackend> FPosewireModule::MakeBackend() const
{
	const UPosewireSettings& Settings = *GetDefault<UPosewireSettings>();
	if (!Library || Settings.bWithoutServer)
	{
		return MakePosewireNullBackend();
	}
	FString Error;
	const TSharedPtr<IPosewireBackend> Made = MakePosewireNativeBackend(Library.ToSharedRef(), ServerOf(Settings), Error);
	if (Made)
	{
		return Made.ToSharedRef();
	}
	UE_LOG(LogPosewire, Error, TEXT("%s. Synthetic motion is played instead."), *Error);
	return MakePosewireNullBackend();
}

IMPLEMENT_MODULE(FPosewireModule, Posewire)
