using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Posewire.Interop;

namespace Posewire
{
    /// <summary>Joints in rest pose; never changes.</summary>
    public sealed class MotionSkeleton : IDisposable
    {
        /// <param name="joints">Parents first, in the pose that the mesh is bound in.</param>
        /// <param name="frame">Whose axes and units the numbers are in.</param>
        /// <param name="rest">What they are relative to.</param>
        /// <param name="pelvis">Index of the joint that a frame's root position places.</param>
        /// <param name="sole">Height of the soles in rest pose.</param>
        public MotionSkeleton(IList<JointRest> joints, Frame frame, Rest rest, int pelvis = 0, float sole = 0)
        {
            Library.Need();
            Size = joints.Count;
            PwSkeletonOptions options;
            SkeletonHandle.pw_skeleton_options_init(out options, (uint)Marshal.SizeOf(typeof(PwSkeletonOptions)));
            using (var arena = new Arena())
            {
                options.frame = (uint)frame;
                options.rest = (uint)rest;
                options.jointCount = (uint)joints.Count;
                options.joints = arena.Put(joints);
                options.pelvis = pelvis;
                options.sole = sole;
                IntPtr made;
                Library.Check(SkeletonHandle.pw_skeleton_create(ref options, out made));
                Handle = new SkeletonHandle(made);
            }
        }

        internal SkeletonHandle Handle { get; private set; }

        /// <summary>How many joints there are.</summary>
        public int Size { get; private set; }

        /// <summary>Which bones play which joints, recognised from their names. Throws and says which are missing when
        /// no known rig fits.</summary>
        public BonePair[] GuessBones()
        {
            var found = new PwBone[22];
            uint count;
            IntPtr rig;
            Library.Check(SkeletonHandle.pw_skeleton_guess_bones(Handle, found, (uint)found.Length, out count, out rig));
            var pairs = new BonePair[count];
            for (int i = 0; i < pairs.Length; i++)
                pairs[i] = new BonePair(Text.Read(found[i].joint), Text.Read(found[i].bone));
            return pairs;
        }

        /// <summary>Forward kinematics of one frame, all canonical: rotations (joints x 4) and the pelvis' position (3) to
        /// the model space rotations and positions (joints x 3) of all joints.</summary>
        public void Forward(float[] rotations, float[] root, float[] modelRotations, float[] modelPositions)
        {
            Need(rotations, 4 * Size, "rotations");
            Need(root, 3, "root");
            Need(modelRotations, 4 * Size, "modelRotations");
            Need(modelPositions, 3 * Size, "modelPositions");
            Library.Check(SkeletonHandle.pw_skeleton_forward(Handle, rotations, root, modelRotations, modelPositions));
        }

        public void Dispose()
        {
            Handle.Dispose();
        }

        internal static void Need(Array numbers, int least, string name)
        {
            if (numbers == null || numbers.Length < least)
                throw new PosewireException(PosewireCode.InvalidArgument, name + ": expected room for " + least +
                    " numbers, found " + (numbers == null ? 0 : numbers.Length));
        }
    }

    /// <summary>One skeleton's motion on another, frame by frame; players do this by themselves.</summary>
    public sealed class Retargeter : IDisposable
    {
        private readonly RetargeterHandle handle;
        private readonly int sourceSize, targetSize;

        public Retargeter(MotionSkeleton source, MotionSkeleton target, BonePair[] bones, bool matchLimbs,
            bool scaleTravel)
        {
            sourceSize = source.Size;
            targetSize = target.Size;
            PwRetargetOptions options;
            RetargeterHandle.pw_retarget_options_init(out options, (uint)Marshal.SizeOf(typeof(PwRetargetOptions)));
            using (var arena = new Arena())
            {
                options.bones = arena.Put(bones);
                options.boneCount = bones == null ? 0 : (uint)bones.Length;
                options.matchLimbs = matchLimbs ? 1 : 0;
                options.scaleTravel = scaleTravel ? 1 : 0;
                IntPtr made;
                Library.Check(RetargeterHandle.pw_retargeter_create(source.Handle, target.Handle, ref options,
                    out made));
                handle = new RetargeterHandle(made);
            }
        }

        /// <summary>One frame, canonical.</summary>
        public void Apply(float[] rotations, float[] root, float[] targetRotations, float[] targetRoot)
        {
            MotionSkeleton.Need(rotations, 4 * sourceSize, "rotations");
            MotionSkeleton.Need(root, 3, "root");
            MotionSkeleton.Need(targetRotations, 4 * targetSize, "targetRotations");
            MotionSkeleton.Need(targetRoot, 3, "targetRoot");
            Library.Check(RetargeterHandle.pw_retarget(handle, rotations, root, targetRotations, targetRoot));
        }

        public void Dispose()
        {
            handle.Dispose();
        }
    }

    /// <summary>From canonical numbers to a program's and back, and from bytes to frames.</summary>
    public static class Coordinates
    {
        /// <summary>Positions, 3 numbers each; from and to may be the same.</summary>
        public static void PositionsTo(Frame frame, float[] from, float[] to)
        {
            MotionSkeleton.Need(to, from.Length, "to");
            Library.Check(SkeletonHandle.pw_positions_to((uint)frame, from, to, (UIntPtr)(from.Length / 3)));
        }

        /// <summary>And back.</summary>
        public static void PositionsFrom(Frame frame, float[] from, float[] to)
        {
            MotionSkeleton.Need(to, from.Length, "to");
            Library.Check(SkeletonHandle.pw_positions_from((uint)frame, from, to, (UIntPtr)(from.Length / 3)));
        }

        /// <summary>Quaternions, 4 numbers each.</summary>
        public static void RotationsTo(Frame frame, float[] from, float[] to)
        {
            MotionSkeleton.Need(to, from.Length, "to");
            Library.Check(SkeletonHandle.pw_rotations_to((uint)frame, from, to, (UIntPtr)(from.Length / 4)));
        }

        /// <summary>And back.</summary>
        public static void RotationsFrom(Frame frame, float[] from, float[] to)
        {
            MotionSkeleton.Need(to, from.Length, "to");
            Library.Check(SkeletonHandle.pw_rotations_from((uint)frame, from, to, (UIntPtr)(from.Length / 4)));
        }

        /// <summary>Frames that came over a transport of your own: rotations (frames x joints x 4), roots (frames x 3) and
        /// contact bits (frames).</summary>
        public static void Unpack(Packing packing, int joints, int frames, byte[] data, float[] rotations,
            float[] roots, byte[] contacts)
        {
            MotionSkeleton.Need(rotations, 4 * joints * frames, "rotations");
            MotionSkeleton.Need(roots, 3 * frames, "roots");
            MotionSkeleton.Need(contacts, frames, "contacts");
            Library.Check(SkeletonHandle.pw_unpack((uint)packing, (uint)joints, (uint)frames, data,
                (UIntPtr)data.Length, rotations, roots, contacts));
        }
    }
}
