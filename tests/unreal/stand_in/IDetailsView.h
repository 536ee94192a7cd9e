#pragma once
#include "CoreMinimal.h"
#include "Widgets/Docking/SDockTab.h"
class IDetailsView : public SWidget
{
public:
	void SetObject(UObject* To) { Object = To; }
	UObject* Object = nullptr;
};
