using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Posewire.Interop
{
    /// <summary>The native library: its name, its version, its errors.</summary>
    internal static class Library
    {
#if UNITY_IOS && !UNITY_EDITOR
        internal const string Name = "__Internal";
#else
        internal const string Name = "posewire";
#endif
        internal const uint AbiVersion = 1;

        private static bool found;

        /// <summary>Throws, and says what to do, unless the library is there and is one that this package knows.</summary>
        internal static void Need()
        {
            if (found) return;
            uint version;
            try
            {
                version = pw_abi_version();
            }
            catch (DllNotFoundException error)
            {
                throw new PosewireException(PosewireCode.FailedPrecondition,
                    "expected the native library '" + Name + "', found none (" + error.Message +
                    "); put it into the package's Runtime/Plugins, see Documentation~/index.md");
            }
            if (version != AbiVersion)
                throw new PosewireException(PosewireCode.FailedPrecondition,
                    "expected a native library with ABI version " + AbiVersion + ", found " + version +
                    "; take the library of this package's version");
            found = true;
        }

        /// <summary>Throws what went wrong in this thread's last call.</summary>
        internal static void Check(int code)
        {
            if (code != 0) throw new PosewireException((PosewireCode)code, Text.Read(pw_last_error()));
        }

        internal static string Version
        {
            get { return Text.Read(pw_version()); }
        }

        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        private static extern uint pw_abi_version();

        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        private static extern IntPtr pw_version();

        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        private static extern IntPtr pw_last_error();
    }

    /// <summary>A pointer that the native library gave and takes back. Counts how many are open.</summary>
    internal abstract class NativeHandle : SafeHandle
    {
        private static int open;

        protected NativeHandle(IntPtr given) : base(IntPtr.Zero, true)
        {
            SetHandle(given);
            Interlocked.Increment(ref open);
        }

        /// <summary>How many handles haven't been given back yet.</summary>
        internal static int Open
        {
            get { return open; }
        }

        public override bool IsInvalid
        {
            get { return handle == IntPtr.Zero; }
        }

        protected sealed override bool ReleaseHandle()
        {
            Destroy(handle);
            Interlocked.Decrement(ref open);
            return true;
        }

        protected abstract void Destroy(IntPtr pointer);
    }
}
