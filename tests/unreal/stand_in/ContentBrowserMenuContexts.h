#pragma once
#include "CoreMinimal.h"
#include "ToolMenus.h"
struct UContentBrowserAssetContextMenuContext
{
	static const UContentBrowserAssetContextMenuContext* FindContextWithAssets(const FToolMenuContext& Context)
	{
		static UContentBrowserAssetContextMenuContext Found;
		Found.Selected = Context.Selected;
		return Context.Selected.empty() ? nullptr : &Found;
	}
	template <typename T>
	TArray<T*> LoadSelectedObjects() const
	{
		TArray<T*> Out;
		for (UObject* Object : Selected)
			if (T* Wanted = dynamic_cast<T*>(Object)) Out.Add(Wanted);
		return Out;
	}
	std::vector<UObject*> Selected;
};
