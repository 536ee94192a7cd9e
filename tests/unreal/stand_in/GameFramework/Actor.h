#pragma once
#include "CoreMinimal.h"
#include "Components/ActorComponent.h"
class AActor : public UObject
{
public:
	template <typename T>
	T* FindComponentByClass() const
	{
		for (UActorComponent* Component : Components)
			if (T* Found = dynamic_cast<T*>(Component)) return Found;
		return nullptr;
	}
	FTransform GetActorTransform() const { return Transform; }
	bool SetActorLocationAndRotation(FVector Location, const FQuat& Rotation, bool bSweep = false)
	{
		bSwept = bSweep;
		Transform = FTransform(Rotation, Location);
		return true;
	}
	void Attach(UActorComponent* Component)
	{
		Component->Owner = this;
		Components.Add(Component);
	}

	FTransform Transform;
	bool bSwept = false;
	UWorld* World = nullptr;
	TArray<UActorComponent*> Components;
};
inline UWorld* UActorComponent::GetWorld() const { return Owner ? Owner->World : nullptr; }
