using System;
using System.Runtime.InteropServices;
using Posewire.Interop;

namespace Posewire
{
    /// <summary>Where a live session stands.</summary>
    public struct LiveInfo
    {
        /// <summary>The server has begun it.</summary>
        public bool Started;
        /// <summary>False before it began, after it ended, and while the client comes back to it.</summary>
        public bool Connected;
        /// <summary>Frames that have arrived.</summary>
        public uint Frames;
        /// <summary>Of them, those that have been played.</summary>
        public uint Played;
        /// <summary>How often the client came back to it.</summary>
        public uint Resumes;
        /// <summary>Of motion that the server sends before it is due.</summary>
        public double AheadSeconds;
    }

    /// <summary>
    /// A character that moves without end: while it plays, the server makes what follows, and commands say what that
    /// shall be. Each returns at once and gives its number, which its <see cref="EventKind.Answer"/> carries. One player
    /// at a time plays a session.
    /// </summary>
    public sealed class LiveSession : MotionStream
    {
        internal LiveSession(StreamHandle handle) : base(handle) { }

        /// <summary>Do this from the first frame on that wasn't sent yet, again and again. Queued: not before the
        /// present prompt has been done.</summary>
        public ulong Prompt(string prompt, bool queued = false, ulong? seed = null)
        {
            ulong command;
            using (var arena = new Arena())
            {
                var seeds = seed.HasValue ? arena.Put(new[] { seed.Value }) : IntPtr.Zero;
                Library.Check(StreamHandle.pw_live_prompt(Handle, arena.Put(prompt), seeds, queued ? 1 : 0,
                    out command));
            }
            return command;
        }

        /// <summary>Come to rest and stand, until there is another prompt.</summary>
        public ulong Stop()
        {
            ulong command;
            Library.Check(StreamHandle.pw_live_stop(Handle, out command));
            return command;
        }

        /// <summary>Bend the path towards a place, and turn to face as this rotation does, there or at once where there
        /// is no place. Both are in the frame and on the path of the player that plays this session; either may be
        /// null.</summary>
        public ulong Target(MotionPlayer through, float[] position, float[] rotation)
        {
            ulong command;
            Library.Check(StreamHandle.pw_live_target(Handle, through.Handle, position, rotation, out command));
            return command;
        }

        /// <summary>Go slower or faster: times the motion's own speed.</summary>
        public ulong Pace(double rate)
        {
            ulong command;
            Library.Check(StreamHandle.pw_live_pace(Handle, rate, out command));
            return command;
        }

        /// <summary>Forget queued prompts and the target, and go back to pace 1.</summary>
        public ulong Clear()
        {
            ulong command;
            Library.Check(StreamHandle.pw_live_clear(Handle, out command));
            return command;
        }

        /// <summary>End the session well.</summary>
        public void Close()
        {
            Library.Check(StreamHandle.pw_live_close(Handle));
        }

        public LiveInfo Describe()
        {
            var info = new PwLiveInfo { structSize = (uint)Marshal.SizeOf(typeof(PwLiveInfo)) };
            Library.Check(StreamHandle.pw_live_describe(Handle, ref info));
            return new LiveInfo
            {
                Started = info.started != 0,
                Connected = info.connected != 0,
                Frames = info.frames,
                Played = info.played,
                Resumes = info.resumes,
                AheadSeconds = info.aheadSeconds
            };
        }
    }
}
