using System;
using System.Collections.Generic;
using UnityEngine;

namespace Posewire.Internal
{
    /// <summary>
    /// A character's bones: their rest pose, for the native library, and where poses are written. Knows transforms, not
    /// motion. It holds the mapped bones and all that stand between them and the character's root.
    /// </summary>
    internal sealed class CharacterRig : IDisposable
    {
        private readonly Transform root;
        private readonly Transform[] bones;
        private readonly int pelvis;
        private readonly bool[] written;

        /// <param name="root">What the character's bones hang from; it stands on the floor.</param>
        /// <param name="map">Model joint to bone; at least the pelvis.</param>
        /// <param name="bind">Local transforms of the bind pose by bone name; bones that it lacks are taken as they
        /// stand now. Null: all are.</param>
        /// <param name="sole">Height of the soles above the root in the bind pose.</param>
        internal CharacterRig(Transform root, IDictionary<string, Transform> map, IDictionary<string, BoneRest> bind,
            float sole)
        {
            this.root = root;
            if (!map.ContainsKey("Pelvis"))
                throw new PosewireException(PosewireCode.InvalidArgument,
                    "bones: expected one that plays Pelvis, found none; map the hips");
            bones = Gather(root, map.Values);
            pelvis = Array.IndexOf(bones, map["Pelvis"]);
            var rests = new JointRest[bones.Length];
            var parents = new int[bones.Length];
            for (int i = 0; i < bones.Length; i++) parents[i] = Array.IndexOf(bones, bones[i].parent);
            Fill(rests, parents, bind);
            written = new bool[bones.Length];
            for (int i = 0; i < bones.Length; i++) written[i] = i == pelvis || parents[i] >= 0 && written[parents[i]];
            Skeleton = new MotionSkeleton(rests, Frame.Unity, Rest.Model, pelvis, sole);
            Bones = new BonePair[map.Count];
            int at = 0;
            foreach (var pair in map)
                Bones[at++] = new BonePair(pair.Key, rests[Array.IndexOf(bones, pair.Value)].Name);
        }

        /// <summary>As the native library knows it.</summary>
        internal MotionSkeleton Skeleton { get; private set; }

        /// <summary>Which bones play which joints.</summary>
        internal BonePair[] Bones { get; private set; }

        /// <summary>How many bones there are; rotations have four numbers each.</summary>
        internal int Size
        {
            get { return bones.Length; }
        }

        internal Transform Bone(int index)
        {
            return bones[index];
        }

        internal Transform Pelvis
        {
            get { return bones[pelvis]; }
        }

        /// <summary>Whether poses turn this bone; those above the pelvis stay.</summary>
        internal bool Writes(int index)
        {
            return written[index];
        }

        /// <summary>Puts a pose on the bones.</summary>
        internal void Apply(float[] rotations, MotionPose pose)
        {
            for (int i = 0; i < bones.Length; i++)
            {
                if (!written[i]) continue;
                int at = 4 * i;
                bones[i].localRotation = new Quaternion(rotations[at], rotations[at + 1], rotations[at + 2],
                    rotations[at + 3]);
            }
            bones[pelvis].position = root.TransformPoint(new Vector3(pose.RootX, pose.RootY, pose.RootZ));
        }

        public void Dispose()
        {
            Skeleton.Dispose();
        }

        /// <summary>Model joint to bone, recognised from the names of what hangs from a root; names that occur twice count
        /// for nothing. Throws and says what is missing.</summary>
        internal static Dictionary<string, Transform> Guess(Transform root)
        {
            var byName = new Dictionary<string, Transform>();
            var twice = new HashSet<string>();
            foreach (var bone in Below(root))
                if (byName.ContainsKey(bone.name)) twice.Add(bone.name);
                else byName[bone.name] = bone;
            var joints = new List<JointRest>();
            foreach (var name in byName.Keys)
                if (!twice.Contains(name))
                    joints.Add(new JointRest
                    {
                        Name = name, Parent = -1, Position = new float[3], Rotation = new float[] { 0, 0, 0, 1 }
                    });
            if (joints.Count == 0)
                throw new PosewireException(PosewireCode.InvalidArgument,
                    "bones: expected some below '" + root.name + "', found none");
            var map = new Dictionary<string, Transform>();
            using (var names = new MotionSkeleton(joints, Frame.Unity, Rest.Model))
                foreach (var pair in names.GuessBones()) map[pair.Joint] = byName[pair.Bone];
            return map;
        }

        private static IEnumerable<Transform> Below(Transform root)
        {
            for (int i = 0; i < root.childCount; i++)
            {
                var child = root.GetChild(i);
                yield return child;
                foreach (var deeper in Below(child)) yield return deeper;
            }
        }

        /// <summary>The bones and all between them and the root, parents first.</summary>
        private static Transform[] Gather(Transform root, IEnumerable<Transform> mapped)
        {
            var needed = new HashSet<Transform>();
            foreach (var bone in mapped)
            {
                var at = bone;
                for (; at != null && at != root; at = at.parent) needed.Add(at);
                if (at == null)
                    throw new PosewireException(PosewireCode.InvalidArgument,
                        "bones: expected bones below '" + root.name + "', found '" + bone.name + "' elsewhere");
            }
            var ordered = new List<Transform>();
            foreach (var bone in Below(root))
                if (needed.Contains(bone)) ordered.Add(bone);
            return ordered.ToArray();
        }

        /// <summary>Rest transforms relative to the root, with the scales between taken into the positions.</summary>
        private void Fill(JointRest[] rests, int[] parents, IDictionary<string, BoneRest> bind)
        {
            var turned = new Quaternion[bones.Length];
            var placed = new Vector3[bones.Length];
            var scaled = new Vector3[bones.Length];
            for (int i = 0; i < bones.Length; i++)
            {
                BoneRest own;
                if (bind == null || !bind.TryGetValue(bones[i].name, out own)) own = BoneRest.Of(bones[i]);
                var above = parents[i];
                var scale = above < 0 ? Vector3.one : scaled[above];
                var turn = above < 0 ? Quaternion.identity : turned[above];
                turned[i] = turn * own.Rotation;
                placed[i] = (above < 0 ? Vector3.zero : placed[above]) + turn * Vector3.Scale(scale, own.Position);
                scaled[i] = Vector3.Scale(scale, own.Scale);
                rests[i] = new JointRest
                {
                    Name = i + " " + bones[i].name,
                    Parent = above,
                    Position = new[] { placed[i].x, placed[i].y, placed[i].z },
                    Rotation = new[] { turned[i].x, turned[i].y, turned[i].z, turned[i].w }
                };
            }
        }
    }

    /// <summary>A bone's local transform in the bind pose.</summary>
    internal struct BoneRest
    {
        internal Vector3 Position;
        internal Quaternion Rotation;
        internal Vector3 Scale;

        internal static BoneRest Of(Transform bone)
        {
            return new BoneRest
            {
                Position = bone.localPosition, Rotation = bone.localRotation, Scale = bone.localScale
            };
        }

        /// <summary>The T-pose of a humanoid avatar, by bone name.</summary>
        internal static Dictionary<string, BoneRest> Of(Avatar avatar)
        {
            var rests = new Dictionary<string, BoneRest>();
            foreach (var bone in avatar.humanDescription.skeleton)
                rests[bone.name] = new BoneRest
                {
                    Position = bone.position, Rotation = bone.rotation, Scale = bone.scale
                };
            return rests;
        }
    }
}
