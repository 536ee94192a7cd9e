// What the tab "Posewire" shows: a prompt, a mesh, and a button that makes an animation of them.
#pragma once

#include "CoreMinimal.h"
#include "PosewireTypes.h"
#include "PosewireBakeJob.generated.h"

class IPosewireBackend;
class IPosewirePlayer;
class IPosewireStream;
class USkeletalMesh;
struct FPosewireRig;

/** Makes animation assets from prompts, in the editor: asks the server, waits without blocking, writes the keys. */
UCLASS()
class UPosewireBakeJob : public UObject
{
	GENERATED_BODY()

public:
	virtual ~UPosewireBakeJob() override;

	/** The character; the animation is put beside it, on its skeleton. */
	UPROPERTY(EditAnywhere, Category = "Bake")
	TObjectPtr<USkeletalMesh> Mesh;

	/** What it does. */
	UPROPERTY(EditAnywhere, Category = "Bake", meta = (MultiLine = true))
	FString Prompt = TEXT("a person walks forward");

	/** Length in seconds; 0: estimated from the prompt. */
	UPROPERTY(EditAnywhere, Category = "Bake", meta = (ClampMin = 0))
	float Seconds = 0;

	/** The same seed gives the same motion again; negative: the server picks one. */
	UPROPERTY(EditAnywhere, Category = "Bake")
	int64 Seed = -1;

	UPROPERTY(EditAnywhere, Category = "Bake", meta = (ClampMin = 1, ClampMax = 240))
	int32 FramesPerSecond = 30;

	/** The travel goes to the root bone, and the asset's root motion is on; off, or without a root bone: the pelvis travels. */
	UPROPERTY(EditAnywhere, Category = "Bake")
	bool bRootMotion = true;

	/** Which of the server's models; empty: its default. */
	UPROPERTY(EditAnywhere, Category = "Bake", AdvancedDisplay)
	FString Model;

	/** Only for names that aren't recognised: from the model's joints ("Pelvis", "L_Elbow") to bones of this mesh. */
	UPROPERTY(EditAnywhere, Category = "Bake", AdvancedDisplay)
	TMap<FName, FName> Bones;

	/** How it goes, and where the animation is. */
	UPROPERTY(VisibleAnywhere, Transient, Category = "Bake")
	FString Status;

	/** Ask the server, and make the animation once all frames are there. */
	UFUNCTION(CallInEditor, Category = "Bake")
	void Bake();

	/** Stop asking: the server drops the work. */
	UFUNCTION(CallInEditor, Category = "Bake")
	void Cancel();

private:
	bool Ask(FString& Error);
	bool Look(float Delta);
	TSharedPtr<IPosewirePlayer> Begin(const FPosewireRig& Rig, EPosewireRoot Root, FString& Error) const;
	FString Finish() const;

	TSharedPtr<IPosewireBackend> Backend;
	TSharedPtr<IPosewireStream> Stream;
};
