using System;
using System.Runtime.InteropServices;
using Posewire.Interop;

namespace Posewire
{
    /// <summary>One event of a stream. Fields that its kind doesn't name are empty.</summary>
    public struct MotionEvent
    {
        /// <summary>What happened.</summary>
        public EventKind Kind;
        /// <summary>Index of the clip: that of its seed.</summary>
        public uint Clip;
        /// <summary>The first frame of a chunk, or of a segment.</summary>
        public uint FirstFrame;
        /// <summary>Frames of a chunk, or of a clip that begins.</summary>
        public uint Frames;
        /// <summary>Steps done, of <see cref="Steps"/>.</summary>
        public uint Step;
        /// <summary>Steps in all.</summary>
        public uint Steps;
        /// <summary>The seed that gives this clip again.</summary>
        public ulong Seed;
        /// <summary>Of a segment and an answer: the number of the command.</summary>
        public ulong Command;
        /// <summary>Of a status and an answer.</summary>
        public PosewireCode Code;
        /// <summary>When trying again makes sense; negative: it won't help.</summary>
        public double RetryAfterSeconds;
        /// <summary>A notice's stable word.</summary>
        public string Name;
        /// <summary>A sentence for people; of a segment the prompt.</summary>
        public string Message;
    }

    /// <summary>What is known before the first frame.</summary>
    public sealed class MotionHeader
    {
        /// <summary>The model that answers.</summary>
        public string Model;
        /// <summary>The server's id of this request, as in its log.</summary>
        public string StreamId;
        /// <summary>What must be shown about the weights; empty: nothing.</summary>
        public string LicenceNotice;
        /// <summary>Frames a second.</summary>
        public double Fps;
        /// <summary>Clips that will follow.</summary>
        public uint Clips;
        /// <summary>Joints of the model's skeleton.</summary>
        public uint Joints;
        /// <summary>Names of the bits of a pose's contacts, lowest first.</summary>
        public string[] ContactNames;
    }

    /// <summary>
    /// The answer to one request: events, and frames for players, as they arrive. Events may be left unread. Disposing
    /// it cancels what still runs; players keep the frames that they play.
    /// </summary>
    public class MotionStream : IDisposable
    {
        private PwEvent happened;

        internal MotionStream(StreamHandle handle)
        {
            Handle = handle;
            Message = "";
            happened.structSize = (uint)Marshal.SizeOf(typeof(PwEvent));
        }

        internal StreamHandle Handle { get; private set; }

        /// <summary>Its status was fetched: nothing will come.</summary>
        public bool Ended { get; private set; }

        /// <summary>How it ended.</summary>
        public PosewireCode Code { get; private set; }

        /// <summary>Why it failed; empty: it didn't.</summary>
        public string Message { get; private set; }

        /// <summary>The next event, if one is there; for a game's frame loop.</summary>
        public bool Poll(out MotionEvent next)
        {
            return Next(0, out next);
        }

        /// <summary>The next event; waits for it so long. False: none came, or nothing will: see <see cref="Ended"/>.</summary>
        public bool Next(double seconds, out MotionEvent next)
        {
            next = new MotionEvent();
            var got = StreamHandle.pw_stream_next(Handle, seconds, ref happened);
            if (got < 0) Ended = true;
            if (got <= 0) return false;
            next = Read();
            if (next.Kind == EventKind.Status)
            {
                Ended = true;
                Code = next.Code;
                Message = next.Message;
            }
            return true;
        }

        /// <summary>Null until it has arrived.</summary>
        public MotionHeader Header()
        {
            var header = new PwHeader { structSize = (uint)Marshal.SizeOf(typeof(PwHeader)) };
            if (StreamHandle.pw_stream_header(Handle, ref header) != 0) return null;
            return new MotionHeader
            {
                Model = Text.Read(header.model),
                StreamId = Text.Read(header.streamId),
                LicenceNotice = Text.Read(header.licenceNotice),
                Fps = header.fps,
                Clips = header.clips,
                Joints = SkeletonHandle.pw_skeleton_joint_count(header.skeleton),
                ContactNames = Text.ReadAll(header.contactNames, header.contactCount)
            };
        }

        /// <summary>Of the chunk that was fetched last and until the next event: one frame's rotations (joints x 4) and
        /// root (3), canonical. Live sessions have players instead.</summary>
        public void CopyFrame(uint indexInChunk, uint joints, float[] rotations, float[] root)
        {
            if (happened.rotations == IntPtr.Zero || indexInChunk >= happened.frames)
                throw new PosewireException(PosewireCode.FailedPrecondition,
                    "expected a frame of the chunk that was fetched last, found none of index " + indexInChunk);
            Marshal.Copy(new IntPtr(happened.rotations.ToInt64() + 16L * joints * indexInChunk), rotations, 0,
                (int)joints * 4);
            Marshal.Copy(new IntPtr(happened.roots.ToInt64() + 12L * indexInChunk), root, 0, 3);
        }

        /// <summary>Stop: the server drops the work. Frames that arrived stay.</summary>
        public void Cancel()
        {
            StreamHandle.pw_stream_cancel(Handle);
        }

        public void Dispose()
        {
            Handle.Dispose();
        }

        private MotionEvent Read()
        {
            return new MotionEvent
            {
                Kind = (EventKind)happened.kind,
                Clip = happened.clip,
                FirstFrame = happened.firstFrame,
                Frames = happened.frames,
                Step = happened.step,
                Steps = happened.steps,
                Seed = happened.seed,
                Command = happened.command,
                Code = (PosewireCode)happened.code,
                RetryAfterSeconds = happened.retryAfterSeconds,
                Name = Text.Read(happened.name),
                Message = Text.Read(happened.message)
            };
        }
    }
}
