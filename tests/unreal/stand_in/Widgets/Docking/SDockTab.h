#pragma once
#include "CoreMinimal.h"
class SWidget
{
public:
	virtual ~SWidget() = default;
};
enum ETabRole { MajorTab, PanelTab, NomadTab };
class SDockTab : public SWidget
{
public:
	struct FArguments
	{
		FArguments& TabRole(ETabRole) { return *this; }
		TSharedRef<SDockTab> operator[](const TSharedRef<SWidget>& Content)
		{
			TSharedRef<SDockTab> Tab = MakeShared<SDockTab>();
			Tab->Shown = Content;
			return Tab;
		}
	};
	TSharedPtr<SWidget> Shown;
};
#define SNew(Widget) Widget::FArguments()
