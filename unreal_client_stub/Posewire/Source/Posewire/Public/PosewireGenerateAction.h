// The Blueprint node "Generate Motion".
#pragma once

#include "CoreMinimal.h"
#include "Kismet/BlueprintAsyncActionBase.h"
#include "PosewireComponent.h"
#include "PosewireGenerateAction.generated.h"

/** Generate Motion: goes on at once, and tells through its other pins how it goes. */
UCLASS()
class POSEWIRE_API UPosewireGenerateAction : public UBlueprintAsyncActionBase
{
	GENERATED_BODY()

public:
	/** The model answers. */
	UPROPERTY(BlueprintAssignable)
	FPosewireStarted OnStarted;
	/** So many more frames have arrived. */
	UPROPERTY(BlueprintAssignable)
	FPosewireChunk OnChunk;
	/** All frames have arrived. */
	UPROPERTY(BlueprintAssignable)
	FPosewireCompleted OnCompleted;
	UPROPERTY(BlueprintAssignable)
	FPosewireFailed OnFailed;

	/** Generate a motion from text and play it on a character. */
	UFUNCTION(BlueprintCallable, Category = "Posewire", meta = (BlueprintInternalUseOnly = "true", DisplayName = "Generate Motion"))
	static UPosewireGenerateAction* GenerateMotion(UPosewireComponent* Character, const FPosewireRequest& Request);

	/** Stop: the server drops the work. */
	UFUNCTION(BlueprintCallable, Category = "Posewire")
	void Cancel();

	virtual void Activate() override;

private:
	UFUNCTION()
	void HandleStarted(FString Model, FString LicenceNotice);
	UFUNCTION()
	void HandleChunk(int32 FirstFrame, int32 Frames);
	UFUNCTION()
	void HandleCompleted();
	UFUNCTION()
	void HandleFailed(int32 Code, FString Message);

	void Leave();

	UPROPERTY()
	TObjectPtr<UPosewireComponent> Target;
	FPosewireRequest Wish;
};
