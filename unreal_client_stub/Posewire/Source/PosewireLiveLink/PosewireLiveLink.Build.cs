using UnrealBuildTool;

public class PosewireLiveLink : ModuleRules
{
	public PosewireLiveLink(ReadOnlyTargetRules Target) : base(Target)
	{
		PCHUsage = PCHUsageMode.UseExplicitOrSharedPCHs;
		// Files keep their own helpers to themselves.
		bUseUnity = false;
		PublicDependencyModuleNames.AddRange(new[] { "Core", "CoreUObject", "LiveLinkInterface" });
		PrivateDependencyModuleNames.AddRange(new[] { "Engine", "Posewire" });
	}
}
