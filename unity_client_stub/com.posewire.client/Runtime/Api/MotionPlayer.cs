using System;
using System.Runtime.InteropServices;
using Posewire.Interop;

namespace Posewire
{
    /// <summary>Everything about this moment except the rotations, in the player's frame.</summary>
    public struct MotionPose
    {
        /// <summary>Of the newest motion that is seen.</summary>
        public PlayerState State;
        /// <summary>There is something to apply; false until the first motion has begun.</summary>
        public bool HasPose;
        /// <summary>Another motion waits for its first frames.</summary>
        public bool Waiting;
        /// <summary>Of the pose; 0: not known yet.</summary>
        public int Joints;
        /// <summary>Which feet touch: bits in the order of the header's contact names.</summary>
        public uint Contacts;
        /// <summary>Of the last motion, where it failed: see <see cref="MotionPlayer.Error"/>.</summary>
        public PosewireCode Code;
        /// <summary>How often the motion began again.</summary>
        public uint Loops;
        /// <summary>Play head, seconds in the motion.</summary>
        public double Time;
        /// <summary>Of the motion; 0: not known yet.</summary>
        public double Duration;
        /// <summary>Seconds ahead of the play head that have arrived.</summary>
        public double Buffered;
        /// <summary>The pelvis in model space.</summary>
        public float RootX, RootY, RootZ;
        /// <summary>The path: the floor under the pelvis.</summary>
        public float PathX, PathY, PathZ;
        /// <summary>And the turn about the vertical, a quaternion of which x and z are 0.</summary>
        public float TurnY, TurnW;
    }

    /// <summary>What one character plays: a clock, a jitter buffer, cross-fades, root motion, contacts, retargeting. One
    /// thread at a time. <see cref="Advance"/> and <see cref="Sample"/> allocate nothing, neither here nor natively.</summary>
    public sealed class MotionPlayer : IDisposable
    {
        private PwPose pose;

        public MotionPlayer(PlayerSettings settings)
        {
            Library.Need();
            pose.structSize = (uint)Marshal.SizeOf(typeof(PwPose));
            PwPlayerOptions options;
            PlayerHandle.pw_player_options_init(out options, (uint)Marshal.SizeOf(typeof(PwPlayerOptions)));
            using (var arena = new Arena())
            {
                options.frame = (uint)settings.Frame;
                options.root = (uint)settings.Root;
                if (settings.Target != null) options.target = settings.Target.Handle.DangerousGetHandle();
                options.bones = arena.Put(settings.Bones);
                options.boneCount = settings.Bones == null ? 0 : (uint)settings.Bones.Length;
                options.matchLimbs = settings.MatchLimbs ? 1 : 0;
                options.scaleTravel = settings.ScaleTravel ? 1 : 0;
                options.footIk = settings.FootIk;
                options.bufferSeconds = settings.BufferSeconds;
                IntPtr made;
                Library.Check(PlayerHandle.pw_player_create(ref options, out made));
                Handle = new PlayerHandle(made);
            }
            GC.KeepAlive(settings.Target);
        }

        internal PlayerHandle Handle { get; private set; }

        /// <summary>What went wrong with the last motion, where its pose's code says that something did.</summary>
        public string Error
        {
            get { return Text.Read(PlayerHandle.pw_player_error(Handle)); }
        }

        /// <summary>Play a clip of a stream as soon as enough of it has arrived; what plays now goes on until then.</summary>
        public void Play(MotionStream stream, uint clip, PlaySettings settings)
        {
            PwPlayOptions options;
            PlayerHandle.pw_play_options_init(out options, (uint)Marshal.SizeOf(typeof(PwPlayOptions)));
            options.loop = settings.Loop ? 1 : 0;
            options.fadeSeconds = settings.FadeSeconds;
            options.loopFadeSeconds = settings.LoopFadeSeconds;
            options.speed = settings.Speed;
            Library.Check(PlayerHandle.pw_player_play(Handle, stream.Handle, clip, ref options));
        }

        /// <summary>Forget all motions. The place on the path is kept.</summary>
        public void Clear()
        {
            PlayerHandle.pw_player_clear(Handle);
        }

        /// <summary>Stand here: where the floor under the pelvis is (3), and the turn about the vertical (4).</summary>
        public void Place(float[] position, float[] rotation)
        {
            Library.Check(PlayerHandle.pw_player_place(Handle, position, rotation));
        }

        /// <summary>Jump within the newest motion.</summary>
        public void Seek(double seconds)
        {
            Library.Check(PlayerHandle.pw_player_seek(Handle, seconds));
        }

        /// <summary>Speed of the newest motion, times real time.</summary>
        public void SetSpeed(double speed)
        {
            Library.Check(PlayerHandle.pw_player_set_speed(Handle, speed));
        }

        /// <summary>Move the play head.</summary>
        public void Advance(double seconds)
        {
            PlayerHandle.pw_player_advance(Handle, seconds);
        }

        /// <summary>The pose at the play head: parent-relative rotations, 4 numbers a joint. Null: the state alone.</summary>
        public unsafe MotionPose Sample(float[] rotations)
        {
            int code;
            fixed (float* room = rotations)
                code = PlayerHandle.pw_player_sample(Handle, room, rotations == null ? 0 : (uint)rotations.Length / 4,
                    ref pose);
            Library.Check(code);
            return Read();
        }

        /// <summary>Which joints of the target the motion drives; the others keep their rest rotation.</summary>
        public bool[] Driven(int joints)
        {
            var bytes = new byte[joints];
            Library.Check(PlayerHandle.pw_player_driven(Handle, bytes, (uint)joints));
            return Array.ConvertAll(bytes, b => b != 0);
        }

        /// <summary>Travel (3) and turn (4) since the last time, relative to where the character stood and headed.</summary>
        public unsafe void TakeRootMotion(float[] translation, float[] rotation)
        {
            MotionSkeleton.Need(translation, 3, "translation");
            MotionSkeleton.Need(rotation, 4, "rotation");
            PwRootMotion motion;
            PlayerHandle.pw_player_take_root_motion(Handle, out motion);
            for (int c = 0; c < 3; c++) translation[c] = motion.translation[c];
            for (int c = 0; c < 4; c++) rotation[c] = motion.rotation[c];
        }

        /// <summary>The next foot that came down (began) or lifted; false: none did.</summary>
        public bool NextContact(out uint bit, out bool began, out double time)
        {
            PwContact contact;
            var more = PlayerHandle.pw_player_next_contact(Handle, out contact) != 0;
            bit = contact.bit;
            began = contact.began != 0;
            time = contact.time;
            return more;
        }

        public void Dispose()
        {
            Handle.Dispose();
        }

        private unsafe MotionPose Read()
        {
            MotionPose read;
            fixed (PwPose* from = &pose)
            {
                read = new MotionPose
                {
                    State = (PlayerState)from->state,
                    HasPose = from->hasPose != 0,
                    Waiting = from->waiting != 0,
                    Joints = (int)from->joints,
                    Contacts = from->contacts,
                    Code = (PosewireCode)from->code,
                    Loops = from->loops,
                    Time = from->time,
                    Duration = from->duration,
                    Buffered = from->buffered,
                    RootX = from->rootPosition[0],
                    RootY = from->rootPosition[1],
                    RootZ = from->rootPosition[2],
                    PathX = from->position[0],
                    PathY = from->position[1],
                    PathZ = from->position[2],
                    TurnY = from->rotation[1],
                    TurnW = from->rotation[3]
                };
            }
            return read;
        }
    }
}
