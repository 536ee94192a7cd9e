#pragma once
#include "DetailsViewArgs.h"
#include "IDetailsView.h"
#include "Modules/ModuleManager.h"
class FPropertyEditorModule : public IModuleInterface
{
public:
	TSharedRef<IDetailsView> CreateDetailView(const FDetailsViewArgs&) { return MakeShared<IDetailsView>(); }
};
