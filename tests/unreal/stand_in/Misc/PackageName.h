#pragma once
#include "CoreMinimal.h"
struct FPackageName
{
	static FString GetLongPackagePath(const FString& Name) { return FString(Name.Units.substr(0, Name.Units.rfind(u'/')).c_str()); }
};
