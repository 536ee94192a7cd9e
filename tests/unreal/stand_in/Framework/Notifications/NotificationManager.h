#pragma once
#include "CoreMinimal.h"
#include "Widgets/Notifications/SNotificationList.h"
class FSlateNotificationManager
{
public:
	static FSlateNotificationManager& Get() { static FSlateNotificationManager Manager; return Manager; }
	void AddNotification(const FNotificationInfo& Info) { Said.push_back(Info.Text.ToString()); }
	std::vector<FString> Said;
};
