using System;
using System.Runtime.InteropServices;

namespace Posewire.Interop
{
    /// <summary>The answer to one request, or a live session.</summary>
    internal sealed class StreamHandle : NativeHandle
    {
        internal StreamHandle(IntPtr given) : base(given) { }

        protected override void Destroy(IntPtr pointer)
        {
            pw_stream_destroy(pointer);
        }

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        private static extern void pw_stream_destroy(IntPtr stream);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void pw_stream_cancel(StreamHandle stream);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_stream_next(StreamHandle stream, double seconds, ref PwEvent happened);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_stream_header(StreamHandle stream, ref PwHeader header);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_live_prompt(StreamHandle live, IntPtr prompt, IntPtr seed, int queued,
            out ulong command);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_live_stop(StreamHandle live, out ulong command);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_live_target(StreamHandle live, PlayerHandle through, float[] position,
            float[] rotation, out ulong command);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_live_pace(StreamHandle live, double rate, out ulong command);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_live_clear(StreamHandle live, out ulong command);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_live_close(StreamHandle live);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_live_describe(StreamHandle live, ref PwLiveInfo info);
    }
}
