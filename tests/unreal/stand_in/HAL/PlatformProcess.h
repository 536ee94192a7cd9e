#pragma once
#include "CoreMinimal.h"
#include <dlfcn.h>
struct FPlatformProcess
{
	static const TCHAR* BaseDir() { return TEXT("/nowhere"); }
	static void* GetDllHandle(const TCHAR* File) { return dlopen(StandInUtf8(File).c_str(), RTLD_NOW | RTLD_LOCAL); }
	static void* GetDllExport(void* Handle, const TCHAR* Name) { return dlsym(Handle, StandInUtf8(Name).c_str()); }
	static void FreeDllHandle(void* Handle) { dlclose(Handle); }
};
