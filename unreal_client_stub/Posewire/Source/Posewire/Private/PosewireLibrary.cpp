#include "PosewireLibrary.h"

#include "HAL/PlatformProcess.h"

FPosewireLibrary::~FPosewireLibrary()
{
	if (Handle)
	{
		FPlatformProcess::FreeDllHandle(Handle);
	}
}

TSharedPtr<const FPosewireLibrary> FPosewireLibrary::Load(const TArray<FString>& Files, FString& Error)
{
	for (const FString& File : Files)
	{
		TSharedPtr<FPosewireLibrary> Library = MakeShareable(new FPosewireLibrary());
		Library->Handle = FPlatformProcess::GetDllHandle(*File);
		if (Library->Handle)
		{
			if (!Library->Find(File, Error))
			{
				return nullptr;
			}
			return Library;
		}
	}
	Error = FString::Printf(TEXT("expected libposewire at one of %s, found none that loads: see docs/unreal.md"),
		*FString::Join(Files, TEXT(", ")));
	return nullptr;
}

bool FPosewireLibrary::Find(const FString& File, FString& Error)
{
#define POSEWIRE_FIND(Name)                                                                                            \
	Name = reinterpret_cast<decltype(&::Name)>(FPlatformProcess::GetDllExport(Handle, TEXT(#Name)));                   \
	if (!Name)                                                                                                         \
	{                                                                                                                  \
		Error = FString::Printf(TEXT("expected %s in %s, found none: put in the library of this version"), TEXT(#Name), *File); \
		return false;                                                                                                  \
	}
	POSEWIRE_FUNCTIONS(POSEWIRE_FIND)
#undef POSEWIRE_FIND
	if (pw_abi_version() != PW_ABI_VERSION)
	{
		Error = FString::Printf(TEXT("expected version %d of libposewire's interface, found %d in %s"), PW_ABI_VERSION,
			int32(pw_abi_version()), *File);
		return false;
	}
	return true;
}
