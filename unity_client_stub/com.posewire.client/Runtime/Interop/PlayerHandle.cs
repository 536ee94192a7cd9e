using System;
using System.Runtime.InteropServices;

namespace Posewire.Interop
{
    /// <summary>What one character plays.</summary>
    internal sealed class PlayerHandle : NativeHandle
    {
        internal PlayerHandle(IntPtr given) : base(given) { }

        protected override void Destroy(IntPtr pointer)
        {
            pw_player_destroy(pointer);
        }

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void pw_player_options_init(out PwPlayerOptions options, uint structSize);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_player_create(ref PwPlayerOptions options, out IntPtr player);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        private static extern void pw_player_destroy(IntPtr player);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void pw_play_options_init(out PwPlayOptions options, uint structSize);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_player_play(PlayerHandle player, StreamHandle stream, uint clip,
            ref PwPlayOptions options);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void pw_player_clear(PlayerHandle player);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_player_place(PlayerHandle player, float[] position, float[] rotation);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_player_seek(PlayerHandle player, double seconds);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_player_set_speed(PlayerHandle player, double speed);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void pw_player_advance(PlayerHandle player, double seconds);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern unsafe int pw_player_sample(PlayerHandle player, float* rotations, uint capacity,
            ref PwPose pose);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr pw_player_error(PlayerHandle player);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_player_driven(PlayerHandle player, byte[] driven, uint capacity);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void pw_player_take_root_motion(PlayerHandle player, out PwRootMotion motion);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_player_next_contact(PlayerHandle player, out PwContact contact);
    }
}
