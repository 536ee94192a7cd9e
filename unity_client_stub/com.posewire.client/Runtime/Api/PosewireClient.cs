using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Posewire.Interop;

namespace Posewire
{
    /// <summary>
    /// A connection to one Posewire server. It connects by itself, again and again, and nothing that it does waits,
    /// except where a method takes seconds. Dispose it; streams and players may be disposed before or after.
    /// </summary>
    public sealed class PosewireClient : IDisposable
    {
        private static readonly List<PosewireClient> Opened = new List<PosewireClient>();
        private readonly ClientHandle handle;

        public PosewireClient(ClientSettings settings)
        {
            Library.Need();
            PwClientOptions options;
            ClientHandle.pw_client_options_init(out options, (uint)Marshal.SizeOf(typeof(PwClientOptions)));
            using (var arena = new Arena())
            {
                if (!string.IsNullOrEmpty(settings.Target)) options.target = arena.Put(settings.Target);
                options.token = arena.Put(settings.Token);
                options.caPem = arena.Put(settings.CaPem);
                options.certificatePem = arena.Put(settings.CertificatePem);
                options.keyPem = arena.Put(settings.KeyPem);
                options.serverName = arena.Put(settings.ServerName);
                options.shutdownSeconds = settings.ShutdownSeconds;
                IntPtr made;
                Library.Check(ClientHandle.pw_client_create(ref options, out made));
                handle = new ClientHandle(made);
            }
            lock (Opened) Opened.Add(this);
        }

        /// <summary>Ends all clients, within the seconds that each was given. Before code is unloaded.</summary>
        public static void DisposeAll()
        {
            PosewireClient[] all;
            lock (Opened) all = Opened.ToArray();
            foreach (var client in all) client.Dispose();
        }

        /// <summary>The version of the native library.</summary>
        public static string LibraryVersion
        {
            get
            {
                Library.Need();
                return Library.Version;
            }
        }

        /// <summary>What the connection does now.</summary>
        public ClientState State
        {
            get { return handle.IsClosed ? ClientState.Idle : (ClientState)ClientHandle.pw_client_get_state(handle); }
        }

        /// <summary>Begins to connect, or goes on trying; returns at once.</summary>
        public void Connect()
        {
            ClientHandle.pw_client_connect(handle);
        }

        /// <summary>Connects and waits so long; throws when it isn't connected by then.</summary>
        public void WaitReady(double seconds)
        {
            Library.Check(ClientHandle.pw_client_wait_ready(handle, seconds));
        }

        /// <summary>Asks for motion; returns at once. What the server refuses comes as the stream's status.</summary>
        public MotionStream Generate(GenerateRequest request)
        {
            PwGenerateOptions options;
            ClientHandle.pw_generate_options_init(out options, (uint)Marshal.SizeOf(typeof(PwGenerateOptions)));
            using (var arena = new Arena())
            {
                options.prompt = arena.Put(request.Prompt);
                options.model = arena.Put(request.Model);
                options.preset = arena.Put(request.Preset);
                options.solver = arena.Put(request.Solver);
                options.requestId = arena.Put(request.RequestId);
                options.seeds = arena.Put(request.Seeds);
                options.seedCount = request.Seeds == null ? 0 : (uint)request.Seeds.Length;
                options.steps = request.Steps;
                options.guidance = request.Guidance;
                options.packing = (uint)request.Packing;
                options.priority = (uint)request.Priority;
                options.seconds = request.Seconds;
                options.rate = request.Rate;
                options.progress = request.Progress ? 1 : 0;
                options.verbatim = request.Verbatim ? 1 : 0;
                options.waitForServer = request.WaitForServer ? 1 : 0;
                options.timeoutSeconds = request.TimeoutSeconds;
                options.resumeSeconds = request.ResumeSeconds;
                IntPtr made;
                Library.Check(ClientHandle.pw_generate(handle, ref options, out made));
                return new MotionStream(new StreamHandle(made));
            }
        }

        /// <summary>Begins a live session: a character that moves without end. Returns at once.</summary>
        public LiveSession Live(LiveRequest request)
        {
            PwLiveOptions options;
            ClientHandle.pw_live_options_init(out options, (uint)Marshal.SizeOf(typeof(PwLiveOptions)));
            using (var arena = new Arena())
            {
                options.prompt = arena.Put(request.Prompt);
                options.model = arena.Put(request.Model);
                options.preset = arena.Put(request.Preset);
                options.solver = arena.Put(request.Solver);
                options.requestId = arena.Put(request.RequestId);
                if (request.Seed.HasValue) options.seed = arena.Put(new[] { request.Seed.Value });
                options.steps = request.Steps;
                options.guidance = request.Guidance;
                options.packing = (uint)request.Packing;
                options.priority = (uint)request.Priority;
                options.aheadSeconds = request.AheadSeconds;
                options.waitForServer = request.WaitForServer ? 1 : 0;
                options.resumeSeconds = request.ResumeSeconds;
                IntPtr made;
                Library.Check(ClientHandle.pw_live_open(handle, ref options, out made));
                return new LiveSession(new StreamHandle(made));
            }
        }

        /// <summary>Loads models and encodes prompts ahead of time; returns at once. Null: the default model.</summary>
        public PendingReply Warm(ICollection<string> models, ICollection<string> prompts)
        {
            PwWarmOptions options;
            ClientHandle.pw_warm_options_init(out options, (uint)Marshal.SizeOf(typeof(PwWarmOptions)));
            using (var arena = new Arena())
            {
                options.models = arena.Put(models);
                options.modelCount = models == null ? 0 : (uint)models.Count;
                options.prompts = arena.Put(prompts);
                options.promptCount = prompts == null ? 0 : (uint)prompts.Count;
                IntPtr made;
                Library.Check(ClientHandle.pw_warm(handle, ref options, out made));
                return new PendingReply(new ReplyHandle(made));
            }
        }

        /// <summary>Asks what is served; returns at once.</summary>
        public PendingReply Models(double timeoutSeconds)
        {
            IntPtr made;
            Library.Check(ClientHandle.pw_models(handle, timeoutSeconds, out made));
            return new PendingReply(new ReplyHandle(made));
        }

        /// <summary>Cancels what still runs.</summary>
        public void Dispose()
        {
            lock (Opened) Opened.Remove(this);
            handle.Dispose();
        }
    }
}
