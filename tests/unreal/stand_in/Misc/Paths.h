#pragma once
#include "CoreMinimal.h"
struct FPaths
{
	template <typename... A>
	static FString Combine(const A&... Parts)
	{
		FString Out;
		((Out.Units += (Out.IsEmpty() ? u"" : u"/"), Out.Units += Units(Parts)), ...);
		return Out;
	}

private:
	static std::u16string Units(const FString& Part) { return Part.Units; }
};
