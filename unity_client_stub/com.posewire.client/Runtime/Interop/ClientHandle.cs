using System;
using System.Runtime.InteropServices;

namespace Posewire.Interop
{
    /// <summary>A connection to one server, and the calls that begin on it.</summary>
    internal sealed class ClientHandle : NativeHandle
    {
        internal ClientHandle(IntPtr given) : base(given) { }

        protected override void Destroy(IntPtr pointer)
        {
            pw_client_destroy(pointer);
        }

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void pw_client_options_init(out PwClientOptions options, uint structSize);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_client_create(ref PwClientOptions options, out IntPtr client);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        private static extern void pw_client_destroy(IntPtr client);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void pw_client_connect(ClientHandle client);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_client_get_state(ClientHandle client);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_client_wait_ready(ClientHandle client, double seconds);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void pw_generate_options_init(out PwGenerateOptions options, uint structSize);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_generate(ClientHandle client, ref PwGenerateOptions options, out IntPtr stream);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void pw_live_options_init(out PwLiveOptions options, uint structSize);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_live_open(ClientHandle client, ref PwLiveOptions options, out IntPtr live);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void pw_warm_options_init(out PwWarmOptions options, uint structSize);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_warm(ClientHandle client, ref PwWarmOptions options, out IntPtr reply);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_models(ClientHandle client, double timeoutSeconds, out IntPtr reply);
    }
}
