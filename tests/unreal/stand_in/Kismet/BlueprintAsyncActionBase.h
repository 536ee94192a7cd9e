#pragma once
#include "CoreMinimal.h"
class UBlueprintAsyncActionBase : public UObject
{
public:
	virtual void Activate() {}
	virtual void SetReadyToDestroy() { bReadyToDestroy = true; }
	void RegisterWithGameInstance(const UObject*) {}
	bool bReadyToDestroy = false;
};
