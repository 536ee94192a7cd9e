#include "AnimGraphNode_Posewire.h"

#include "Modules/ModuleManager.h"

#define LOCTEXT_NAMESPACE "PosewireUncooked"

FText UAnimGraphNode_Posewire::GetNodeTitle(ENodeTitleType::Type TitleType) const
{
	return LOCTEXT("Title", "Posewire");
}

FText UAnimGraphNode_Posewire::GetTooltipText() const
{
	return LOCTEXT("Tooltip", "Puts the motion of the actor's Posewire component over the incoming pose");
}

FText UAnimGraphNode_Posewire::GetMenuCategory() const
{
	return LOCTEXT("Category", "Animation|Posewire");
}

#undef LOCTEXT_NAMESPACE

IMPLEMENT_MODULE(FDefaultModuleImpl, PosewireUncooked)
