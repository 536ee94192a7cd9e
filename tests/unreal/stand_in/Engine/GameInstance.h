#pragma once
#include "CoreMinimal.h"
#include "Subsystems/GameInstanceSubsystem.h"
class UGameInstance : public UObject
{
public:
	template <typename T>
	T* GetSubsystem() const { return dynamic_cast<T*>(Subsystem); }
	UGameInstanceSubsystem* Subsystem = nullptr;
};
