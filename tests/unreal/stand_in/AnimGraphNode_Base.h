#pragma once
#include "CoreMinimal.h"
namespace ENodeTitleType
{
enum Type { FullTitle, ListView };
}
class UAnimGraphNode_Base : public UObject
{
public:
	virtual FText GetNodeTitle(ENodeTitleType::Type TitleType) const { return FText(); }
	virtual FText GetTooltipText() const { return FText(); }
	virtual FText GetMenuCategory() const { return FText(); }
};
