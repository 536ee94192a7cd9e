using UnrealBuildTool;

public class PosewireUncooked : ModuleRules
{
	public PosewireUncooked(ReadOnlyTargetRules Target) : base(Target)
	{
		PCHUsage = PCHUsageMode.UseExplicitOrSharedPCHs;
		// Files keep their own helpers to themselves.
		bUseUnity = false;
		PublicDependencyModuleNames.AddRange(new[] { "Core", "CoreUObject", "Engine", "AnimGraph", "Posewire" });
		PrivateDependencyModuleNames.AddRange(new[] { "BlueprintGraph", "AnimGraphRuntime" });
	}
}
