#pragma once
#include "CoreMinimal.h"
class IPlugin
{
public:
	virtual ~IPlugin() = default;
	virtual FString GetBaseDir() const { return BaseDir(); }
	static FString& BaseDir() { static FString Folder; return Folder; }
};
class IPluginManager
{
public:
	static IPluginManager& Get() { static IPluginManager Manager; return Manager; }
	TSharedPtr<IPlugin> FindPlugin(const FString&) { return MakeShareable(new IPlugin()); }
};
