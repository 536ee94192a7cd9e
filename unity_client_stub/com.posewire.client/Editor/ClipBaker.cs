using System;
using System.Collections.Generic;
using Posewire.Internal;
using UnityEditor;
using UnityEngine;

namespace Posewire.Editor
{
    /// <summary>
    /// Turns a prompt into an AnimationClip, in the editor: asks the server, and when all frames are there, samples the
    /// motion on a hidden copy of the character. Humanoid characters get muscle curves, so that the clip fits every humanoid;
    /// others get the rotations of their own bones.
    /// </summary>
    internal sealed class ClipBaker : IDisposable
    {
        private readonly PosewireCharacter character;
        private readonly PosewireClient client;
        private readonly MotionStream stream;
        private readonly Action<AnimationClip, string> done;

        /// <param name="done">Gets the clip, or null and why there is none.</param>
        internal ClipBaker(PosewireCharacter character, ClientSettings server, GenerateRequest request,
            Action<AnimationClip, string> done)
        {
            this.character = character;
            this.done = done;
            client = new PosewireClient(server);
            try
            {
                stream = client.Generate(request);
            }
            catch (PosewireException)
            {
                client.Dispose();
                throw;
            }
        }

        /// <summary>To be called until it gives true: the clip is made, or it failed.</summary>
        internal bool Poll()
        {
            MotionEvent next;
            while (stream.Poll(out next))
            {
                if (next.Kind != EventKind.Status) continue;
                if (next.Code == PosewireCode.Ok) Finish();
                else done(null, next.Message);
                return true;
            }
            return stream.Ended;
        }

        public void Dispose()
        {
            stream.Dispose();
            client.Dispose();
        }

        private void Finish()
        {
            var copy = UnityEngine.Object.Instantiate(character.gameObject);
            copy.hideFlags = HideFlags.HideAndDontSave;
            try
            {
                copy.transform.position = Vector3.zero;
                copy.transform.rotation = Quaternion.identity;
                using (var rig = copy.GetComponent<PosewireCharacter>().MakeRig())
                    done(Bake(rig, stream, copy), "");
            }
            catch (PosewireException error)
            {
                done(null, error.Message);
            }
            finally
            {
                UnityEngine.Object.DestroyImmediate(copy);
            }
        }

        /// <summary>All frames of a stream that has ended, at their own rate.</summary>
        internal static AnimationClip Bake(CharacterRig rig, MotionStream stream, GameObject copy)
        {
            var animator = copy.GetComponent<Animator>();
            var curves = animator != null && animator.isHuman
                ? (IClipCurves)new MuscleCurves(animator, copy.transform)
                : new BoneCurves(rig, copy.transform);
            var fps = stream.Header().Fps;
            var rotations = new float[4 * rig.Size];
            using (var player = new MotionPlayer(new PlayerSettings
            {
                Target = rig.Skeleton, Bones = rig.Bones, Root = Root.AsSent
            }))
            {
                player.Play(stream, 0, new PlaySettings());
                player.Advance(0);
                var pose = player.Sample(rotations);
                var frames = (int)Math.Round(pose.Duration * fps) + 1;
                for (int frame = 0; frame < frames; frame++)
                {
                    player.Seek(frame / fps);
                    rig.Apply(rotations, player.Sample(rotations));
                    curves.Add((float)(frame / fps));
                }
            }
            var clip = new AnimationClip { frameRate = (float)fps };
            curves.Write(clip);
            clip.EnsureQuaternionContinuity();
            return clip;
        }
    }

    /// <summary>What is recorded of each frame.</summary>
    internal interface IClipCurves
    {
        void Add(float time);
        void Write(AnimationClip clip);
    }

    /// <summary>Named curves that grow a key at a time.</summary>
    internal sealed class CurveSet
    {
        private readonly Dictionary<string, AnimationCurve> curves = new Dictionary<string, AnimationCurve>();

        internal void Add(string name, float time, float value)
        {
            AnimationCurve curve;
            if (!curves.TryGetValue(name, out curve)) curves[name] = curve = new AnimationCurve();
            curve.AddKey(time, value);
        }

        internal void Write(AnimationClip clip, string path, Type type)
        {
            foreach (var pair in curves) clip.SetCurve(path, type, pair.Key, pair.Value);
        }
    }

    /// <summary>Rotations of a character's own bones, and where its hips are.</summary>
    internal sealed class BoneCurves : IClipCurves
    {
        private readonly CharacterRig rig;
        private readonly Transform root;
        private readonly CurveSet[] curves;

        internal BoneCurves(CharacterRig rig, Transform root)
        {
            this.rig = rig;
            this.root = root;
            curves = new CurveSet[rig.Size];
            for (int i = 0; i < curves.Length; i++) curves[i] = new CurveSet();
        }

        public void Add(float time)
        {
            for (int i = 0; i < curves.Length; i++)
            {
                if (!rig.Writes(i)) continue;
                var turned = rig.Bone(i).localRotation;
                curves[i].Add("localRotation.x", time, turned.x);
                curves[i].Add("localRotation.y", time, turned.y);
                curves[i].Add("localRotation.z", time, turned.z);
                curves[i].Add("localRotation.w", time, turned.w);
                if (rig.Bone(i) != rig.Pelvis) continue;
                var placed = rig.Pelvis.localPosition;
                curves[i].Add("localPosition.x", time, placed.x);
                curves[i].Add("localPosition.y", time, placed.y);
                curves[i].Add("localPosition.z", time, placed.z);
            }
        }

        public void Write(AnimationClip clip)
        {
            for (int i = 0; i < curves.Length; i++)
                if (rig.Writes(i)) curves[i].Write(clip, PathOf(rig.Bone(i)), typeof(Transform));
        }

        private string PathOf(Transform bone)
        {
            return bone.parent == root ? bone.name : PathOf(bone.parent) + "/" + bone.name;
        }
    }

    /// <summary>A humanoid's muscles and body: what Mecanim plays on any humanoid.</summary>
    internal sealed class MuscleCurves : IClipCurves
    {
        private const int BodyMuscles = 55;  // those after them are fingers, which no model moves

        private readonly HumanPoseHandler handler;
        private readonly CurveSet curves = new CurveSet();
        private HumanPose pose;

        internal MuscleCurves(Animator animator, Transform root)
        {
            handler = new HumanPoseHandler(animator.avatar, root);
        }

        public void Add(float time)
        {
            handler.GetHumanPose(ref pose);
            for (int i = 0; i < BodyMuscles; i++) curves.Add(HumanTrait.MuscleName[i], time, pose.muscles[i]);
            curves.Add("RootT.x", time, pose.bodyPosition.x);
            curves.Add("RootT.y", time, pose.bodyPosition.y);
            curves.Add("RootT.z", time, pose.bodyPosition.z);
            curves.Add("RootQ.x", time, pose.bodyRotation.x);
            curves.Add("RootQ.y", time, pose.bodyRotation.y);
            curves.Add("RootQ.z", time, pose.bodyRotation.z);
            curves.Add("RootQ.w", time, pose.bodyRotation.w);
        }

        public void Write(AnimationClip clip)
        {
            curves.Write(clip, "", typeof(Animator));
            handler.Dispose();
        }
    }
}
