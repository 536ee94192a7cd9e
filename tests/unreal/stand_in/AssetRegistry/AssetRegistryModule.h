#pragma once
#include "CoreMinimal.h"
struct FAssetRegistryModule
{
	static std::vector<UObject*>& Created() { static std::vector<UObject*> Assets; return Assets; }
	static void AssetCreated(UObject* Asset) { Created().push_back(Asset); }
};
