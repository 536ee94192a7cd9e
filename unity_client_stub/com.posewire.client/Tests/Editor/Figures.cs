using System.Collections.Generic;
using UnityEngine;

namespace Posewire.Tests
{
    /// <summary>A figure in T-pose, a metre and three quarters tall, in Unity's axes (left is -X).</summary>
    internal static class Figures
    {
        private static readonly string[] Bones =
        {
            "Hips|Armature|0 0.95 0", "Spine|Hips|0 0.1 0", "Spine1|Spine|0 0.12 0", "Spine2|Spine1|0 0.12 0",
            "Neck|Spine2|0 0.16 0", "Head|Neck|0 0.1 0",
            "LeftShoulder|Spine2|-0.06 0.1 0", "LeftArm|LeftShoulder|-0.12 0 0", "LeftForeArm|LeftArm|-0.28 0 0",
            "LeftHand|LeftForeArm|-0.26 0 0", "LeftHandThumb1|LeftHand|-0.03 0 0.03",
            "RightShoulder|Spine2|0.06 0.1 0", "RightArm|RightShoulder|0.12 0 0", "RightForeArm|RightArm|0.28 0 0",
            "RightHand|RightForeArm|0.26 0 0",
            "LeftUpLeg|Hips|-0.09 -0.05 0", "LeftLeg|LeftUpLeg|0 -0.42 0", "LeftFoot|LeftLeg|0 -0.4 0",
            "LeftToeBase|LeftFoot|0 -0.06 0.13",
            "RightUpLeg|Hips|0.09 -0.05 0", "RightLeg|RightUpLeg|0 -0.42 0", "RightFoot|RightLeg|0 -0.4 0",
            "RightToeBase|RightFoot|0 -0.06 0.13"
        };

        internal static GameObject Mixamo()
        {
            var root = new GameObject("figure");
            var all = new Dictionary<string, Transform>();
            all["Armature"] = new GameObject("Armature").transform;
            all["Armature"].parent = root.transform;
            foreach (var line in Bones)
            {
                var parts = line.Split('|');
                var at = System.Array.ConvertAll(parts[2].Split(' '),
                    number => float.Parse(number, System.Globalization.CultureInfo.InvariantCulture));
                var bone = new GameObject("mixamorig:" + parts[0]).transform;
                bone.parent = all[parts[1]];
                bone.localPosition = new Vector3(at[0], at[1], at[2]);
                all[parts[0]] = bone;
            }
            return root;
        }
    }
}
