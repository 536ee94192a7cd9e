using System.Collections.Generic;
using UnityEngine;

namespace Posewire.Internal
{
    /// <summary>Which of a humanoid avatar's bones play the model's joints.</summary>
    internal static class HumanoidBones
    {
        internal static readonly KeyValuePair<string, HumanBodyBones>[] All =
        {
            Pair("Pelvis", HumanBodyBones.Hips),
            Pair("Spine1", HumanBodyBones.Spine),
            Pair("Spine2", HumanBodyBones.Chest),
            Pair("Spine3", HumanBodyBones.UpperChest),
            Pair("Neck", HumanBodyBones.Neck),
            Pair("Head", HumanBodyBones.Head),
            Pair("L_Collar", HumanBodyBones.LeftShoulder),
            Pair("R_Collar", HumanBodyBones.RightShoulder),
            Pair("L_Shoulder", HumanBodyBones.LeftUpperArm),
            Pair("R_Shoulder", HumanBodyBones.RightUpperArm),
            Pair("L_Elbow", HumanBodyBones.LeftLowerArm),
            Pair("R_Elbow", HumanBodyBones.RightLowerArm),
            Pair("L_Wrist", HumanBodyBones.LeftHand),
            Pair("R_Wrist", HumanBodyBones.RightHand),
            Pair("L_Hip", HumanBodyBones.LeftUpperLeg),
            Pair("R_Hip", HumanBodyBones.RightUpperLeg),
            Pair("L_Knee", HumanBodyBones.LeftLowerLeg),
            Pair("R_Knee", HumanBodyBones.RightLowerLeg),
            Pair("L_Ankle", HumanBodyBones.LeftFoot),
            Pair("R_Ankle", HumanBodyBones.RightFoot),
            Pair("L_Foot", HumanBodyBones.LeftToes),
            Pair("R_Foot", HumanBodyBones.RightToes)
        };

        /// <summary>Model joint to transform; bones that the avatar lacks (often the upper chest and the toes) are left
        /// out.</summary>
        internal static Dictionary<string, Transform> Of(Animator animator)
        {
            var found = new Dictionary<string, Transform>();
            foreach (var pair in All)
            {
                var bone = animator.GetBoneTransform(pair.Value);
                if (bone != null) found[pair.Key] = bone;
            }
            return found;
        }

        private static KeyValuePair<string, HumanBodyBones> Pair(string joint, HumanBodyBones bone)
        {
            return new KeyValuePair<string, HumanBodyBones>(joint, bone);
        }
    }
}
