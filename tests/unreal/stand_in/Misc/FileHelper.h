#pragma once
#include "CoreMinimal.h"
struct FFileHelper
{
	static bool LoadFileToString(FString&, const TCHAR*) { return false; }
};
