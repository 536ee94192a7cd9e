// In the editor a missing library is shown, not only logged.
#include "CoreMinimal.h"
#include "Framework/Notifications/NotificationManager.h"
#include "Modules/ModuleManager.h"
#include "PosewireModule.h"
#include "Widgets/Notifications/SNotificationList.h"

#define LOCTEXT_NAMESPACE "PosewireEditor"

class FPosewireEditorModule : public IModuleInterface
{
public:
	virtual void StartupModule() override
	{
		const FString Why = FPosewireModule::Get().GetLibraryError();
		if (Why.IsEmpty() || IsRunningCommandlet())
		{
			return;
		}
		FNotificationInfo Info(FText::Format(LOCTEXT("NoLibrary", "Posewire plays synthetic motion: {0}"), FText::FromString(Why)));
		Info.ExpireDuration = 15;
		FSlateNotificationManager::Get().AddNotification(Info);
	}
};

#undef LOCTEXT_NAMESPACE

IMPLEMENT_MODULE(FPosewireEditorModule, PosewireEditor)
