#pragma once
#include "CoreMinimal.h"
#include "Widgets/Docking/SDockTab.h"
namespace ETabSpawnerMenuType
{
enum Type { Enabled, Disabled, Hidden };
}
struct FSpawnTabArgs
{
};
struct FOnSpawnTab
{
	template <typename T>
	static FOnSpawnTab CreateRaw(T* Object, TSharedRef<SDockTab> (T::*Method)(const FSpawnTabArgs&))
	{
		return {[Object, Method] { return (Object->*Method)(FSpawnTabArgs()); }};
	}
	std::function<TSharedRef<SDockTab>()> Call;
};
struct FTabSpawnerEntry
{
	FTabSpawnerEntry& SetDisplayName(const FText&) { return *this; }
	FTabSpawnerEntry& SetMenuType(ETabSpawnerMenuType::Type) { return *this; }
	FOnSpawnTab Spawn;
};
class FGlobalTabmanager
{
public:
	static FGlobalTabmanager* Get() { static FGlobalTabmanager Manager; return &Manager; }
	FTabSpawnerEntry& RegisterNomadTabSpawner(const FName& Name, const FOnSpawnTab& Spawn)
	{
		return Spawners[*Name.ToString()] = {Spawn};
	}
	void UnregisterNomadTabSpawner(const FName& Name) { Spawners.erase(*Name.ToString()); }
	/** A tab that is open already comes to the front. */
	TSharedPtr<SDockTab> TryInvokeTab(const FName& Name)
	{
		if (!Open) Open = Spawners.at(*Name.ToString()).Spawn.Call();
		return Open;
	}
	std::map<std::u16string, FTabSpawnerEntry> Spawners;
	TSharedPtr<SDockTab> Open;
};
