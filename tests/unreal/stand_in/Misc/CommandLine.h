#pragma once
#include "CoreMinimal.h"
struct FCommandLine
{
	static const TCHAR* Get() { return Text().c_str(); }
	static std::u16string& Text() { static std::u16string Line; return Line; }
};
