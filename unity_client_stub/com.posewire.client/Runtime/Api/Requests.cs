using System;

namespace Posewire
{
    /// <summary>How to reach a server.</summary>
    [Serializable]
    public sealed class ClientSettings
    {
        /// <summary>"host:port"; "https://host:port" means TLS.</summary>
        public string Target = "127.0.0.1:50051";
        /// <summary>Sent with each call. Without TLS anybody on the way reads it.</summary>
        public string Token = "";
        /// <summary>Certificates to trust, as PEM text; empty: the system's.</summary>
        public string CaPem = "";
        /// <summary>This client's certificate, for mutual TLS.</summary>
        public string CertificatePem = "";
        /// <summary>And its key.</summary>
        public string KeyPem = "";
        /// <summary>The name that the server's certificate must have; empty: that of the target.</summary>
        public string ServerName = "";
        /// <summary>Most seconds that disposing a client waits.</summary>
        public double ShutdownSeconds = 2;
    }

    /// <summary>What generated motion and live sessions are asked for alike.</summary>
    [Serializable]
    public class MotionRequest
    {
        /// <summary>What the character does.</summary>
        public string Prompt = "";
        /// <summary>Empty: the server's default model.</summary>
        public string Model = "";
        /// <summary>One of the model's presets; empty: its default.</summary>
        public string Preset = "";
        /// <summary>Empty: the preset's.</summary>
        public string Solver = "";
        /// <summary>Your own id, for the server's log.</summary>
        public string RequestId = "";
        /// <summary>Network steps; 0: the preset's.</summary>
        public uint Steps;
        /// <summary>Classifier-free guidance; NaN: the preset's.</summary>
        public float Guidance = float.NaN;
        /// <summary>How frames travel.</summary>
        public Packing Packing = Packing.Float32;
        /// <summary>Who goes first.</summary>
        public Priority Priority = Priority.Interactive;
        /// <summary>Wait for the server to come up rather than fail at once.</summary>
        public bool WaitForServer;
        /// <summary>When the connection breaks, ask again for so many seconds and go on where it broke.</summary>
        public double ResumeSeconds = 20;
    }

    /// <summary>A request for a clip, or several.</summary>
    [Serializable]
    public sealed class GenerateRequest : MotionRequest
    {
        /// <summary>Length; 0: estimated from the prompt.</summary>
        public double Seconds;
        /// <summary>One clip for each; empty: one clip, its seed picked by the server.</summary>
        public ulong[] Seeds = new ulong[0];
        /// <summary>0: as fast as possible; 1: a second of motion each second.</summary>
        public double Rate;
        /// <summary>For the whole stream; 0: none.</summary>
        public double TimeoutSeconds;
        /// <summary>Tell of each network step.</summary>
        public bool Progress;
        /// <summary>Take the prompt as it is, also where the server has prompts rewritten.</summary>
        public bool Verbatim;
    }

    /// <summary>How a live session begins.</summary>
    [Serializable]
    public sealed class LiveRequest : MotionRequest
    {
        /// <summary>Null: picked by the server.</summary>
        public ulong? Seed;
        /// <summary>Seconds of motion that are sent before they are due, and so about how long a new prompt takes
        /// to be seen; 0: the server chooses.</summary>
        public double AheadSeconds;
    }

    /// <summary>How a motion is played.</summary>
    [Serializable]
    public sealed class PlaySettings
    {
        /// <summary>Begin again at the end.</summary>
        public bool Loop;
        /// <summary>Cross-fade from what plays now.</summary>
        public double FadeSeconds = 0.25;
        /// <summary>Cross-fade from the end to the beginning.</summary>
        public double LoopFadeSeconds = 0.25;
        /// <summary>Times real time.</summary>
        public double Speed = 1;
    }

    /// <summary>How a player shows motion.</summary>
    public sealed class PlayerSettings
    {
        /// <summary>The space of everything that the player gives.</summary>
        public Frame Frame = Frame.Unity;
        /// <summary>Where the travel goes.</summary>
        public Root Root = Root.Travel;
        /// <summary>The character; null: poses come on the motion's own skeleton.</summary>
        public MotionSkeleton Target;
        /// <summary>Which bones play which joints; null: recognised from their names.</summary>
        public BonePair[] Bones;
        /// <summary>Bring the arms of an A-pose to the T-pose first.</summary>
        public bool MatchLimbs = true;
        /// <summary>Scale the whole path by the ratio of hip heights.</summary>
        public bool ScaleTravel = true;
        /// <summary>How firmly feet that touch the floor stay where they are, 0 to 1.</summary>
        public float FootIk;
        /// <summary>How much must have arrived before a motion begins.</summary>
        public double BufferSeconds = 0.1;
    }

    /// <summary>Which bone of a character plays which joint of the model.</summary>
    public struct BonePair
    {
        /// <summary>The model's name, for example "L_Elbow".</summary>
        public string Joint;
        /// <summary>The character's.</summary>
        public string Bone;

        public BonePair(string joint, string bone)
        {
            Joint = joint;
            Bone = bone;
        }
    }

    /// <summary>One joint in its rest pose.</summary>
    public struct JointRest
    {
        /// <summary>Unique in the skeleton.</summary>
        public string Name;
        /// <summary>Index of the parent, which stands earlier in the list; -1: none.</summary>
        public int Parent;
        /// <summary>x, y, z.</summary>
        public float[] Position;
        /// <summary>x, y, z, w.</summary>
        public float[] Rotation;
    }
}
