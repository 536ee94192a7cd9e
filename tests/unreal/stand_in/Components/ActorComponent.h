#pragma once
#include "CoreMinimal.h"
class AActor;
class UWorld;
enum ELevelTick { LEVELTICK_All };
namespace EEndPlayReason
{
enum Type { Destroyed, Quit };
}
struct FActorComponentTickFunction
{
};
class UActorComponent : public UObject
{
public:
	virtual void BeginPlay() {}
	virtual void EndPlay(const EEndPlayReason::Type) {}
	virtual void TickComponent(float, ELevelTick, FActorComponentTickFunction*) {}
	void AddTickPrerequisiteComponent(UActorComponent* Before) { Prerequisite = Before; }
	AActor* GetOwner() const { return Owner; }
	UWorld* GetWorld() const;

	AActor* Owner = nullptr;
	UActorComponent* Prerequisite = nullptr;

protected:
	struct { bool bCanEverTick = false; } PrimaryComponentTick;
};
