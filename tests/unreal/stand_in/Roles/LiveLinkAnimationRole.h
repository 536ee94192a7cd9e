#pragma once
#include "CoreMinimal.h"
class ULiveLinkAnimationRole : public UObject
{
public:
	static UClass* StaticClass() { static UClass Class; return &Class; }
};
