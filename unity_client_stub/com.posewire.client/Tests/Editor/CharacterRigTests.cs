using System.Collections.Generic;
using System.Linq;
using NUnit.Framework;
using Posewire.Internal;
using UnityEngine;

namespace Posewire.Tests
{
    /// <summary>Rigs: which bones are found, their rest, and that poses land on them.</summary>
    public sealed class CharacterRigTests
    {
        [Test]
        public void AllJointsOfTheModelHaveAHumanBone()
        {
            Assert.AreEqual(22, HumanoidBones.All.Length);
            Assert.AreEqual(22, HumanoidBones.All.Select(pair => pair.Key).Distinct().Count());
            Assert.AreEqual(22, HumanoidBones.All.Select(pair => pair.Value).Distinct().Count());
        }

        [Test]
        public void BonesAreRecognisedFromTheirNames()
        {
            var root = Figures.Mixamo();
            var map = CharacterRig.Guess(root.transform);
            Assert.AreEqual(22, map.Count);
            Assert.AreEqual("mixamorig:LeftArm", map["L_Shoulder"].name);
            Assert.AreEqual("mixamorig:LeftLeg", map["L_Knee"].name);
            Object.DestroyImmediate(root);
        }

        [Test]
        public void NamesThatNobodyKnowsAreSaid()
        {
            var root = new GameObject("box");
            new GameObject("lid").transform.parent = root.transform;
            var error = Assert.Throws<PosewireException>(() => CharacterRig.Guess(root.transform));
            Assert.IsTrue(error.Message.Contains("bones: expected the bone names of a known rig"));
            Object.DestroyImmediate(root);
        }

        [Test]
        public void TheRestPoseHoldsScalesAndWhatStandsBetween()
        {
            var root = Figures.Mixamo();
            var armature = root.transform.GetChild(0);
            var hips = armature.GetChild(0);
            armature.localScale = new Vector3(0.01f, 0.01f, 0.01f);
            hips.localPosition = new Vector3(0, 95, 0);
            using (var rig = new CharacterRig(root.transform, CharacterRig.Guess(root.transform), null, 0))
            {
                Assert.IsFalse(rig.Writes(0));
                Assert.IsTrue(rig.Writes(1));
                Assert.AreEqual(hips.name, rig.Pelvis.name);
                var rotations = new float[4 * rig.Size];
                for (int i = 0; i < rig.Size; i++) rotations[4 * i + 3] = 1;
                rig.Apply(rotations, new MotionPose { RootX = 0.5f, RootY = 0.9f, RootZ = 2 });
                Assert.AreEqual(90, hips.localPosition.y, 1e-3);
                Assert.AreEqual(0.5, hips.position.x, 1e-5);
            }
            Object.DestroyImmediate(root);
        }

        [Test]
        public void BonesFromElsewhereAreRefused()
        {
            var root = Figures.Mixamo();
            var other = new GameObject("other");
            var map = new Dictionary<string, Transform> { { "Pelvis", other.transform } };
            var error = Assert.Throws<PosewireException>(() => new CharacterRig(root.transform, map, null, 0).Dispose());
            Assert.IsTrue(error.Message.Contains("found 'other' elsewhere"));
            map.Clear();
            error = Assert.Throws<PosewireException>(() => new CharacterRig(root.transform, map, null, 0).Dispose());
            Assert.IsTrue(error.Message.Contains("expected one that plays Pelvis"));
            Object.DestroyImmediate(root);
            Object.DestroyImmediate(other);
        }
    }
}
