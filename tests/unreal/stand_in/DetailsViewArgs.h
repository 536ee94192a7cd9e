#pragma once
#include "CoreMinimal.h"
struct FDetailsViewArgs
{
	uint8 bAllowSearch : 1 = 1;
	uint8 bHideSelectionTip : 1 = 0;
};
