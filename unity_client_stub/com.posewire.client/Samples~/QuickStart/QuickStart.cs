using System.Collections.Generic;
using UnityEngine;

namespace Posewire.Samples
{
    /// <summary>
    /// Put this on an empty object and press Play: it makes a figure of bones and balls, connects to a server on this machine,
    /// and shows a box for prompts.
    /// </summary>
    public sealed class QuickStart : MonoBehaviour
    {
        // Name, parent, place relative to the parent in Unity's axes: the character faces +Z, its left is -X.
        private static readonly string[] Bones =
        {
            "Hips - 0 0.95 0", "Spine Hips 0 0.1 0", "Chest Spine 0 0.12 0", "UpperChest Chest 0 0.12 0",
            "Neck UpperChest 0 0.16 0", "Head Neck 0 0.12 0",
            "LeftShoulder UpperChest -0.06 0.1 0", "LeftUpperArm LeftShoulder -0.12 0 0",
            "LeftLowerArm LeftUpperArm -0.28 0 0", "LeftHand LeftLowerArm -0.26 0 0",
            "RightShoulder UpperChest 0.06 0.1 0", "RightUpperArm RightShoulder 0.12 0 0",
            "RightLowerArm RightUpperArm 0.28 0 0", "RightHand RightLowerArm 0.26 0 0",
            "LeftUpperLeg Hips -0.09 -0.05 0", "LeftLowerLeg LeftUpperLeg 0 -0.42 0", "LeftFoot LeftLowerLeg 0 -0.4 0",
            "LeftToes LeftFoot 0 -0.06 0.13",
            "RightUpperLeg Hips 0.09 -0.05 0", "RightLowerLeg RightUpperLeg 0 -0.42 0",
            "RightFoot RightLowerLeg 0 -0.4 0", "RightToes RightFoot 0 -0.06 0.13"
        };

        [SerializeField] private string server = "127.0.0.1:50051";

        private PosewireCharacter character;
        private string prompt = "a person walks forward, then waves";
        private string notice = "";

        /// <summary>Where the server is.</summary>
        public string Server
        {
            get { return server; }
            set { server = value; }
        }

        private void OnEnable()
        {
            var figure = new GameObject("figure");
            figure.transform.SetParent(transform, false);
            figure.SetActive(false);  // until everything is set
            var connection = figure.AddComponent<PosewireConnection>();
            connection.Settings = new ClientSettings { Target = server };
            MakeBones(figure.transform);
            character = figure.AddComponent<PosewireCharacter>();
            character.Connection = connection;
            character.Prompt = prompt;
            character.WaitForServer = true;
            character.onNotice.AddListener(text => notice = text);
            figure.SetActive(true);
        }

        private void OnGUI()
        {
            prompt = GUI.TextField(new Rect(10, 10, 400, 24), prompt);
            if (GUI.Button(new Rect(420, 10, 80, 24), "Do it")) character.Play(prompt);
            if (GUI.Button(new Rect(510, 10, 80, 24), "Rest")) character.Stop();
            var trouble = string.IsNullOrEmpty(character.LastError) ? notice : character.LastError;
            GUI.Label(new Rect(10, 40, 800, 48), character.State + "  " + trouble);
        }

        private static void MakeBones(Transform figure)
        {
            var made = new Dictionary<string, Transform> { { "-", figure } };
            foreach (var line in Bones)
            {
                var words = line.Split(' ');
                var bone = new GameObject(words[0]).transform;
                bone.SetParent(made[words[1]], false);
                bone.localPosition = new Vector3(Number(words[2]), Number(words[3]), Number(words[4]));
                made[words[0]] = bone;
                var ball = GameObject.CreatePrimitive(PrimitiveType.Sphere).transform;
                ball.SetParent(bone, false);
                ball.localScale = new Vector3(0.08f, 0.08f, 0.08f);
                ball.name = "ball of " + words[0];
            }
        }

        private static float Number(string text)
        {
            return float.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
        }
    }
}
