#pragma once
#include "CoreMinimal.h"
inline UPackage* CreatePackage(const TCHAR* Name)
{
	UPackage* Package = new UPackage();
	Package->Name = FString(Name);
	return Package;
}
