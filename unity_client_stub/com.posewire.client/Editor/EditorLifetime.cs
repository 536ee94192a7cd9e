using UnityEditor;

namespace Posewire.Editor
{
    /// <summary>
    /// The native library stays loaded while the editor reloads code: all connections end before that, and when play mode
    /// ends, each within its bounded time.
    /// </summary>
    [InitializeOnLoad]
    internal static class EditorLifetime
    {
        static EditorLifetime()
        {
            AssemblyReloadEvents.beforeAssemblyReload += PosewireClient.DisposeAll;
            EditorApplication.quitting += PosewireClient.DisposeAll;
            EditorApplication.playModeStateChanged += Changed;
        }

        internal static void Changed(PlayModeStateChange change)
        {
            if (change == PlayModeStateChange.ExitingPlayMode) PosewireClient.DisposeAll();
        }
    }
}
