using System;
using System.Runtime.InteropServices;

namespace Posewire.Interop
{
    /// <summary>The answer to a call that isn't a stream.</summary>
    internal sealed class ReplyHandle : NativeHandle
    {
        internal ReplyHandle(IntPtr given) : base(given) { }

        protected override void Destroy(IntPtr pointer)
        {
            pw_reply_destroy(pointer);
        }

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        private static extern void pw_reply_destroy(IntPtr reply);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_reply_wait(ReplyHandle reply, double seconds);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_reply_code(ReplyHandle reply);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr pw_reply_message(ReplyHandle reply);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr pw_reply_server_version(ReplyHandle reply);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern uint pw_reply_encoded(ReplyHandle reply);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern uint pw_reply_model_count(ReplyHandle reply);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_reply_model(ReplyHandle reply, uint index, ref PwModel model);
    }
}
