#pragma once
#include "CoreMinimal.h"
class IAssetTools
{
public:
	static IAssetTools& Get() { static IAssetTools Tools; return Tools; }
	/** The folders' names stay; a name that is taken gets a number. */
	void CreateUniqueAssetName(const FString& Base, const FString& Suffix, FString& OutPackage, FString& OutAsset)
	{
		const int Taken = Count[Base.Units]++;
		OutPackage = Base + *Suffix;
		if (Taken) OutPackage.Units += StandInUtf16(std::to_string(Taken).c_str());
		OutAsset = FString(OutPackage.Units.substr(OutPackage.Units.rfind(u'/') + 1).c_str());
	}

private:
	std::map<std::u16string, int> Count;
};
