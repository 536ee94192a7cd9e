using UnrealBuildTool;

public class PosewireEditor : ModuleRules
{
	public PosewireEditor(ReadOnlyTargetRules Target) : base(Target)
	{
		PCHUsage = PCHUsageMode.UseExplicitOrSharedPCHs;
		// Files keep their own helpers to themselves.
		bUseUnity = false;
		PrivateDependencyModuleNames.AddRange(new[] { "Core", "CoreUObject", "Engine", "Slate", "SlateCore", "UnrealEd", "Posewire" });
		PrivateDependencyModuleNames.AddRange(new[] { "AssetRegistry", "AssetTools", "ContentBrowser", "PropertyEditor", "ToolMenus" });
	}
}
