using System;
using System.Runtime.InteropServices;

namespace Posewire.Interop
{
    /// <summary>Joints in rest pose. Also what is computed with them and without a handle.</summary>
    internal sealed class SkeletonHandle : NativeHandle
    {
        internal SkeletonHandle(IntPtr given) : base(given) { }

        protected override void Destroy(IntPtr pointer)
        {
            pw_skeleton_destroy(pointer);
        }

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void pw_skeleton_options_init(out PwSkeletonOptions options, uint structSize);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_skeleton_create(ref PwSkeletonOptions options, out IntPtr skeleton);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        private static extern void pw_skeleton_destroy(IntPtr skeleton);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern uint pw_skeleton_joint_count(IntPtr skeleton);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_skeleton_joint(IntPtr skeleton, uint index, out PwJoint joint);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_skeleton_forward(SkeletonHandle skeleton, float[] rotations, float[] root,
            float[] modelRotations, float[] modelPositions);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_skeleton_guess_bones(SkeletonHandle skeleton, [Out] PwBone[] bones,
            uint capacity, out uint count, out IntPtr rig);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_positions_to(uint frame, float[] from, float[] to, UIntPtr count);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_positions_from(uint frame, float[] from, float[] to, UIntPtr count);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_rotations_to(uint frame, float[] from, float[] to, UIntPtr count);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_rotations_from(uint frame, float[] from, float[] to, UIntPtr count);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_unpack(uint packing, uint joints, uint frames, byte[] data, UIntPtr size,
            float[] rotations, float[] roots, byte[] contacts);
    }

    /// <summary>One skeleton's motion on another.</summary>
    internal sealed class RetargeterHandle : NativeHandle
    {
        internal RetargeterHandle(IntPtr given) : base(given) { }

        protected override void Destroy(IntPtr pointer)
        {
            pw_retargeter_destroy(pointer);
        }

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void pw_retarget_options_init(out PwRetargetOptions options, uint structSize);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_retargeter_create(SkeletonHandle source, SkeletonHandle target,
            ref PwRetargetOptions options, out IntPtr retargeter);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        private static extern void pw_retargeter_destroy(IntPtr retargeter);

        [DllImport(Library.Name, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int pw_retarget(RetargeterHandle retargeter, float[] rotations, float[] root,
            float[] targetRotations, float[] targetRoot);
    }
}
