using System;
using System.Runtime.InteropServices;
using Posewire.Interop;

namespace Posewire
{
    /// <summary>A model and what it can be asked for.</summary>
    public sealed class ModelInfo
    {
        /// <summary>The name that requests use.</summary>
        public string Name;
        /// <summary>What it is, in a sentence or two.</summary>
        public string Description;
        /// <summary>SPDX identifier or the licence's own name.</summary>
        public string Licence;
        /// <summary>To show and pass on.</summary>
        public string LicenceNotice;
        /// <summary>Where it may be used; empty: everywhere.</summary>
        public string Territory;
        /// <summary>Frames a second.</summary>
        public double Fps;
        /// <summary>Joints of its skeleton.</summary>
        public uint Joints;
        /// <summary>Longer requests are refused.</summary>
        public uint MaxFrames;
        /// <summary>Requests that name no model get this one.</summary>
        public bool IsDefault;
        /// <summary>It is in memory.</summary>
        public bool Loaded;
        /// <summary>Lately it made nothing that was usable: better ask another model.</summary>
        public bool Degraded;
    }

    /// <summary>The answer to <see cref="PosewireClient.Models"/> or <see cref="PosewireClient.Warm"/>, once it is there.</summary>
    public sealed class PendingReply : IDisposable
    {
        private readonly ReplyHandle handle;

        internal PendingReply(ReplyHandle handle)
        {
            this.handle = handle;
        }

        /// <summary>Whether it is there; waits for it so long (0: just looks). Throws when the call failed.</summary>
        public bool Wait(double seconds)
        {
            if (ReplyHandle.pw_reply_wait(handle, seconds) == 0) return false;
            var code = (PosewireCode)ReplyHandle.pw_reply_code(handle);
            if (code != PosewireCode.Ok)
                throw new PosewireException(code, Text.Read(ReplyHandle.pw_reply_message(handle)));
            return true;
        }

        /// <summary>Of a request for models: the server's version.</summary>
        public string ServerVersion
        {
            get { return Text.Read(ReplyHandle.pw_reply_server_version(handle)); }
        }

        /// <summary>Of warming: how many prompts weren't encoded before.</summary>
        public uint Encoded
        {
            get { return ReplyHandle.pw_reply_encoded(handle); }
        }

        /// <summary>The models that are served, or were warmed.</summary>
        public ModelInfo[] Models()
        {
            var all = new ModelInfo[ReplyHandle.pw_reply_model_count(handle)];
            for (uint i = 0; i < all.Length; i++)
            {
                var model = new PwModel { structSize = (uint)Marshal.SizeOf(typeof(PwModel)) };
                Library.Check(ReplyHandle.pw_reply_model(handle, i, ref model));
                all[i] = Read(model);
            }
            return all;
        }

        public void Dispose()
        {
            handle.Dispose();
        }

        private static ModelInfo Read(PwModel model)
        {
            return new ModelInfo
            {
                Name = Text.Read(model.name),
                Description = Text.Read(model.description),
                Licence = Text.Read(model.licence),
                LicenceNotice = Text.Read(model.licenceNotice),
                Territory = Text.Read(model.territory),
                Fps = model.fps,
                Joints = SkeletonHandle.pw_skeleton_joint_count(model.skeleton),
                MaxFrames = model.maxFrames,
                IsDefault = model.isDefault != 0,
                Loaded = model.loaded != 0,
                Degraded = model.degraded != 0
            };
        }
    }
}
