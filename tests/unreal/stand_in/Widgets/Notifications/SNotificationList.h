#pragma once
#include "CoreMinimal.h"
struct FNotificationInfo
{
	explicit FNotificationInfo(const FText& InText) : Text(InText) {}
	FText Text;
	float ExpireDuration = 1;
};
