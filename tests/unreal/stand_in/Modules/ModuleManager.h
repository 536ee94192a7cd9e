#pragma once
#include "CoreMinimal.h"
#include "Modules/ModuleInterface.h"
class FDefaultModuleImpl : public IModuleInterface
{
};
struct FModuleManager
{
	static std::map<std::u16string, IModuleInterface*>& All()
	{
		static std::map<std::u16string, IModuleInterface*> Modules;
		return Modules;
	}
	template <typename T>
	static T& LoadModuleChecked(const FName& Name) { return dynamic_cast<T&>(*All().at((*Name.ToString()))); }
};
#define IMPLEMENT_MODULE(Class, Name)                                     \
	static const bool Name##Registered = [] {                             \
		static Class Module;                                              \
		FModuleManager::All()[std::u16string(TEXT(#Name))] = &Module;     \
		return true;                                                      \
	}();
