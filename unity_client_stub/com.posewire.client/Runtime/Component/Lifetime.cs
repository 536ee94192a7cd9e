using UnityEngine;

namespace Posewire
{
    /// <summary>No connection outlives the game, also where the editor doesn't reload code between two runs.</summary>
    internal static class Lifetime
    {
        [RuntimeInitializeOnLoadMethod(RuntimeInitializeLoadType.SubsystemRegistration)]
        internal static void Begin()
        {
            PosewireClient.DisposeAll();
            Application.quitting -= PosewireClient.DisposeAll;
            Application.quitting += PosewireClient.DisposeAll;
        }
    }
}
