using System.Linq;
using NUnit.Framework;
using Posewire.Internal;
using Posewire.Interop;
using UnityEngine;

namespace Posewire.Tests
{
    /// <summary>Which bones a character takes: of a humanoid those of its avatar, which knows their T-pose. Here the Animator
    /// is a stand-in; a real avatar comes from Unity's importer.</summary>
    public sealed class CharacterTests
    {
        [Test]
        public void TheRestPoseIsTheAvatarsNotTheOneItStandsIn()
        {
            var figure = Figures.Mixamo();
            var straight = Rests(figure);
            var animator = figure.AddComponent<Animator>();
            animator.avatar = AvatarOf(figure);
            var map = CharacterRig.Guess(figure.transform);
            foreach (var pair in HumanoidBones.All) animator.bones[pair.Value] = map[pair.Key];
            animator.bones.Remove(HumanBodyBones.UpperChest);
            animator.bones.Remove(HumanBodyBones.LeftToes);
            map["L_Shoulder"].localRotation = Quaternion.AngleAxis(70, Vector3.forward);
            var character = figure.AddComponent<PosewireCharacter>(made => made.PlayOnEnable = false);
            using (var rig = character.MakeRig())
            {
                Assert.AreEqual(20, rig.Bones.Length);
                Assert.IsFalse(rig.Bones.Any(pair => pair.Joint == "Spine3"));
                for (int i = 0; i < rig.Size; i++) IsAt(rig, i, straight[rig.Bone(i).name]);
            }
            UnityEngine.Object.DestroyImmediate(figure);
        }

        [Test]
        public void MappedBonesComeFirstAndOthersAreLeftAlone()
        {
            var figure = Figures.Mixamo();
            var map = CharacterRig.Guess(figure.transform);
            map["Pelvis"].name = "a";
            map["L_Elbow"].name = "b";
            var character = figure.AddComponent<PosewireCharacter>(made =>
            {
                made.PlayOnEnable = false;
                made.Bones = new[]
                {
                    new PosewireCharacter.MappedBone { joint = "Pelvis", bone = map["Pelvis"] },
                    new PosewireCharacter.MappedBone { joint = "L_Elbow", bone = map["L_Elbow"] },
                    new PosewireCharacter.MappedBone { joint = "R_Elbow", bone = null }
                };
            });
            using (var rig = character.MakeRig())
            {
                Assert.AreEqual(2, rig.Bones.Length);
                Assert.AreEqual("a", rig.Pelvis.name);
                var names = Enumerable.Range(0, rig.Size).Select(i => rig.Bone(i).name).ToArray();
                Assert.IsTrue(names.Contains("mixamorig:Spine2"));  // stands between
                Assert.IsFalse(names.Contains("mixamorig:Head"));
            }
            UnityEngine.Object.DestroyImmediate(figure);
        }

        private static unsafe void IsAt(CharacterRig rig, int bone, Vector3 expected)
        {
            PwJoint joint;
            var skeleton = rig.Skeleton.Handle.DangerousGetHandle();
            Assert.AreEqual(0, SkeletonHandle.pw_skeleton_joint(skeleton, (uint)bone, out joint));
            Assert.AreEqual(-expected.x, joint.position[0], 1e-5);
            Assert.AreEqual(expected.y, joint.position[1], 1e-5);
            Assert.AreEqual(expected.z, joint.position[2], 1e-5);
            Assert.AreEqual(1, joint.rotation[3], 1e-5);
        }

        private static System.Collections.Generic.Dictionary<string, Vector3> Rests(GameObject figure)
        {
            return All(figure.transform).ToDictionary(bone => bone.name, bone => bone.position);
        }

        private static Avatar AvatarOf(GameObject figure)
        {
            var bones = All(figure.transform).Select(bone => new SkeletonBone
            {
                name = bone.name, position = bone.localPosition, rotation = bone.localRotation, scale = bone.localScale
            });
            return new Avatar { description = new HumanDescription { skeleton = bones.ToArray() } };
        }

        private static System.Collections.Generic.IEnumerable<Transform> All(Transform from)
        {
            yield return from;
            for (int i = 0; i < from.childCount; i++)
                foreach (var deeper in All(from.GetChild(i))) yield return deeper;
        }
    }
}
