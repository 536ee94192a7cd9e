// The Posewire node as it stands in the animation graph.
#pragma once

#include "AnimGraphNode_Base.h"
#include "AnimNode_Posewire.h"
#include "CoreMinimal.h"
#include "AnimGraphNode_Posewire.generated.h"

/** Puts the motion of the actor's Posewire component over the incoming pose. */
UCLASS()
class POSEWIREUNCOOKED_API UAnimGraphNode_Posewire : public UAnimGraphNode_Base
{
	GENERATED_BODY()

public:
	UPROPERTY(EditAnywhere, Category = "Settings")
	FAnimNode_Posewire Node;

	virtual FText GetNodeTitle(ENodeTitleType::Type TitleType) const override;
	virtual FText GetTooltipText() const override;
	virtual FText GetMenuCategory() const override;
};
