// libposewire: its header, and the library beside the program. It is loaded when the plugin starts, not linked, so that a
// missing library is a message and not a plugin that doesn't load.

using System.IO;
using UnrealBuildTool;

public class PosewireNative : ModuleRules
{
	public PosewireNative(ReadOnlyTargetRules Target) : base(Target)
	{
		Type = ModuleType.External;

		// Inside a checkout of Posewire the header is that of the native client; scripts/package_unreal copies it.
		string Packaged = Path.Combine(ModuleDirectory, "include");
		string Checkout = Path.GetFullPath(Path.Combine(ModuleDirectory, "../../../../../native_client/include"));
		PublicSystemIncludePaths.Add(Directory.Exists(Packaged) ? Packaged : Checkout);

		string Library = LibraryName(Target.Platform);
		string Source = Path.Combine(ModuleDirectory, "bin", Target.Platform.ToString(), Library);
		if (File.Exists(Source))
		{
			RuntimeDependencies.Add("$(BinaryOutputDir)/" + Library, Source);
		}
	}

	private static string LibraryName(UnrealTargetPlatform Platform)
	{
		if (Platform == UnrealTargetPlatform.Win64)
		{
			return "posewire.dll";
		}
		return Platform == UnrealTargetPlatform.Mac ? "libposewire.dylib" : "libposewire.so";
	}
}
