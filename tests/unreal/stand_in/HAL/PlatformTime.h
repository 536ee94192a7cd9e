#pragma once
#include "CoreMinimal.h"
struct FPlatformTime
{
	static double Seconds() { return Now(); }
	static double& Now() { static double Seconds = 0; return Seconds; }
};
