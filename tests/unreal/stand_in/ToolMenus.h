#pragma once
#include "CoreMinimal.h"
struct FSlateIcon
{
};
struct FToolMenuContext
{
	std::vector<UObject*> Selected;
};
struct FExecuteAction
{
	template <typename T>
	static FExecuteAction CreateRaw(T* Object, void (T::*Method)())
	{
		return {[Object, Method] { (Object->*Method)(); }};
	}
	std::function<void()> Call;
};
struct FUIAction
{
	explicit FUIAction(const FExecuteAction& InExecute) : Execute(InExecute) {}
	FExecuteAction Execute;
};
struct FToolMenuExecuteAction
{
	template <typename T>
	static FToolMenuExecuteAction CreateRaw(T* Object, void (T::*Method)(const FToolMenuContext&))
	{
		return {[Object, Method](const FToolMenuContext& Context) { (Object->*Method)(Context); }};
	}
	std::function<void(const FToolMenuContext&)> Call;
};
struct FToolUIActionChoice
{
	FToolUIActionChoice(const FUIAction& Action) : Call([Action](const FToolMenuContext&) { Action.Execute.Call(); }) {}
	FToolUIActionChoice(const FToolMenuExecuteAction& Action) : Call(Action.Call) {}
	std::function<void(const FToolMenuContext&)> Call;
};
struct FToolMenuSection
{
	void AddMenuEntry(const FName& Name, const FText&, const FText&, const FSlateIcon&, const FToolUIActionChoice& Action)
	{
		Entries.emplace(*Name.ToString(), Action);
	}
	std::map<std::u16string, FToolUIActionChoice> Entries;
};
struct UToolMenu
{
	FToolMenuSection& FindOrAddSection(const FName& Name) { return Sections[*Name.ToString()]; }
	std::map<std::u16string, FToolMenuSection> Sections;
};
struct FSimpleMulticastDelegate
{
	struct FDelegate
	{
		template <typename T>
		static FDelegate CreateRaw(T* Object, void (T::*Method)())
		{
			return {[Object, Method] { (Object->*Method)(); }};
		}
		std::function<void()> Call;
	};
};
class UToolMenus
{
public:
	static UToolMenus* Get() { static UToolMenus Menus; return &Menus; }
	/** At once: the menus are there. */
	static void RegisterStartupCallback(const FSimpleMulticastDelegate::FDelegate& Delegate) { Delegate.Call(); }
	static void UnRegisterStartupCallback(const void*) {}
	static void UnregisterOwner(const void*) { Get()->Menus.clear(); }
	UToolMenu* ExtendMenu(const FName& Name) { return &Menus[*Name.ToString()]; }
	std::map<std::u16string, UToolMenu> Menus;
};
struct FToolMenuOwnerScoped
{
	explicit FToolMenuOwnerScoped(const void*) {}
	~FToolMenuOwnerScoped() {}
};
