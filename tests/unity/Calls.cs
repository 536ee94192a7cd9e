using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading;

namespace Posewire.Tests
{
    /// <summary>The package's client without scenes, against a real server.</summary>
    internal static class Calls
    {
        /// <summary>TARGET PACKING SEED FILE PROMPT: all frames of two clips, as tests/native/e2e.py reads them.</summary>
        internal static void Dump(string[] given)
        {
            using (var client = new PosewireClient(Game.At(given[0])))
            using (var file = new BinaryWriter(File.Create(given[3])))
            {
                client.WaitReady(20);
                var request = new GenerateRequest
                {
                    Prompt = given[4], Seconds = 2, Packing = (Packing)int.Parse(given[1]), Progress = true,
                    Verbatim = true, RequestId = "unity end to end", Seeds = new[] { ulong.Parse(given[2]) }
                };
                using (var stream = client.Generate(request)) Write(stream, file);
                request.Seeds = new[] { 12345678901234567890UL };
                using (var stream = client.Generate(request)) Write(stream, file);
            }
        }

        private static void Write(MotionStream stream, BinaryWriter file)
        {
            var rotations = new List<float>();
            var roots = new List<float>();
            uint joints = 0;
            ulong seed = 0;
            MotionEvent next;
            while (!stream.Ended)
            {
                if (!stream.Next(30, out next)) continue;
                if (next.Kind == EventKind.Header) joints = stream.Header().Joints;
                if (next.Kind == EventKind.ClipStart) seed = next.Seed;
                var rotation = new float[4 * joints];
                var root = new float[3];
                for (uint i = 0; next.Kind == EventKind.Chunk && i < next.Frames; i++)
                {
                    stream.CopyFrame(i, joints, rotation, root);
                    rotations.AddRange(rotation);
                    roots.AddRange(root);
                }
            }
            Scenario.Demand(stream.Code == PosewireCode.Ok, "a good end, found " + stream.Message);
            file.Write(seed);
            file.Write((ulong)(roots.Count / 3));
            file.Write((ulong)joints);
            foreach (var number in rotations) file.Write(number);
            foreach (var number in roots) file.Write(number);
        }

        internal static void Cancel(string[] given)
        {
            using (var client = new PosewireClient(Game.At(given[0])))
            {
                var request = new GenerateRequest { Prompt = "a person walks", Seconds = 5, Rate = 1 };
                using (var stream = client.Generate(request))
                {
                    MotionEvent next;
                    do Scenario.Demand(stream.Next(20, out next), "a chunk");
                    while (next.Kind != EventKind.Chunk);
                    var clock = Stopwatch.StartNew();
                    stream.Cancel();
                    while (!stream.Ended) stream.Next(5, out next);
                    Scenario.Demand(clock.Elapsed.TotalSeconds < 1, "the status soon after cancelling");
                    Scenario.Demand(stream.Code == PosewireCode.Cancelled, "CANCELLED, found " + stream.Code);
                }
            }
        }

        internal static void Models(string[] given)
        {
            using (var client = new PosewireClient(Game.At(given[0])))
            using (var reply = client.Models(20))
            {
                Scenario.Demand(reply.Wait(20) && reply.ServerVersion.Length > 0, "the server's version");
                var model = reply.Models()[0];
                Scenario.Demand(model.IsDefault && model.Joints == 22 && model.Fps > 0 && model.Licence.Length > 0,
                    "a default model with 22 joints and a licence");
                using (var warm = client.Warm(new[] { model.Name }, new[] { "a person jumps", "a person läuft" }))
                    Scenario.Demand(warm.Wait(60) && warm.Models()[0].Loaded, "a model that is loaded");
                using (var warm = client.Warm(new[] { "no-such-model" }, null))
                    Fails(PosewireCode.NotFound, "no-such-model", () => warm.Wait(20));
            }
        }

        /// <summary>TARGET: what a server refuses, whose token is "correct horse".</summary>
        internal static void Refused(string[] given)
        {
            foreach (var token in new[] { "", "wrong" })
                Ends(new ClientSettings { Target = given[0], Token = token }, PosewireCode.Unauthenticated, "token");
            Ends(new ClientSettings { Target = given[0], Token = "correct horse" }, PosewireCode.Ok, "");
            Ends(new ClientSettings { Target = "https://" + given[0], Token = "x" }, PosewireCode.Unavailable,
                "no answer from");
            Ends(Game.At("127.0.0.1:1"), PosewireCode.Unavailable, "is a server running there?");
        }

        private static void Ends(ClientSettings settings, PosewireCode code, string part)
        {
            using (var client = new PosewireClient(settings))
            using (var stream = client.Generate(new GenerateRequest { Prompt = "a person walks", Seconds = 1 }))
            {
                var clock = Stopwatch.StartNew();
                MotionEvent next;
                while (!stream.Ended && clock.Elapsed.TotalSeconds < 30) stream.Next(5, out next);
                Scenario.Demand(stream.Code == code && (stream.Message ?? "").Contains(part),
                    code + " with '" + part + "', found " + stream.Code + ": " + stream.Message);
            }
        }

        /// <summary>TARGET: the server is killed and started again while a clip plays, which goes on.</summary>
        internal static void Resume(string[] given)
        {
            using (var client = new PosewireClient(Game.At(given[0])))
            using (var player = new MotionPlayer(new PlayerSettings()))
            using (var stream = client.Generate(new GenerateRequest
            {
                Prompt = "a person walks in a circle", Seconds = 4, Rate = 1, ResumeSeconds = 60
            }))
            {
                player.Play(stream, 0, new PlaySettings());
                PlayUntil(player, stream, pose => pose.Time > 0.5);
                Scenario.Tell("kill it");
                var held = PlayUntil(player, stream, pose => pose.State == PlayerState.Starved);
                PlayUntil(player, stream, pose => pose.State != PlayerState.Starved, 0.5);
                Scenario.Demand(held.HasPose, "a pose that is held");
                Scenario.Tell("start it");
                var last = PlayUntil(player, stream, pose => pose.State == PlayerState.Ended);
                Scenario.Demand(last.Time > held.Time, "motion after the break");
            }
        }

        private static MotionPose PlayUntil(MotionPlayer player, MotionStream stream, Predicate<MotionPose> done,
            double seconds = 60)
        {
            var rotations = new float[256 * 4];
            var clock = Stopwatch.StartNew();
            for (; ; )
            {
                MotionEvent next;
                while (stream.Poll(out next)) { }
                player.Advance(0.016);
                var pose = player.Sample(rotations);
                if (done(pose) || seconds < 1 && clock.Elapsed.TotalSeconds > seconds) return pose;
                Scenario.Demand(pose.State != PlayerState.Failed, "a motion that goes on, found " + player.Error);
                Scenario.Demand(clock.Elapsed.TotalSeconds < seconds, "it in time, found " + pose.State);
                Thread.Sleep(16);
            }
        }

        /// <summary>TARGET: many clients, streams and players, some dropped for the collector; then no more threads and
        /// file handles than before.</summary>
        internal static void Leaks(string[] given)
        {
            for (int i = 0; i < 5; i++) Round(given[0], true);
            var before = Resources();
            for (int i = 0; i < 60; i++) Round(given[0], i % 4 != 0);
            GC.Collect();
            GC.WaitForPendingFinalizers();
            var clock = Stopwatch.StartNew();
            while (clock.Elapsed.TotalSeconds < 10 && (Resources()[0] > before[0] || Resources()[1] > before[1]))
                Thread.Sleep(100);
            var after = Resources();
            Scenario.Tell("threads " + before[0] + " -> " + after[0] + ", files " + before[1] + " -> " + after[1]);
            Scenario.Demand(after[0] <= before[0] + 2 && after[1] <= before[1] + 2, "no more threads and files");
            Scenario.Demand(Interop.NativeHandle.Open == 0, "no open handles, found " + Interop.NativeHandle.Open);
        }

        private static void Round(string target, bool dispose)
        {
            var client = new PosewireClient(Game.At(target));
            var stream = client.Generate(new GenerateRequest { Prompt = "a person walks", Seconds = 1 });
            var live = client.Live(new LiveRequest { Prompt = "a person walks" });
            var player = new MotionPlayer(new PlayerSettings());
            player.Play(stream, 0, new PlaySettings());
            player.Play(live, 0, new PlaySettings());
            MotionEvent next;
            stream.Next(5, out next);
            live.Next(5, out next);
            player.Advance(0.1);
            if (!dispose)
            {
                client.Dispose();  // what it answered is left to the collector
                return;
            }
            player.Dispose();
            live.Dispose();
            stream.Dispose();
            client.Dispose();
        }

        private static int[] Resources()
        {
            return new[]
            {
                Directory.GetDirectories("/proc/self/task").Length, Directory.GetFileSystemEntries("/proc/self/fd").Length
            };
        }

        /// <summary>Without the native library: a sentence that says so.</summary>
        internal static void MissingLibrary(string[] given)
        {
            Fails(PosewireCode.FailedPrecondition, "Runtime/Plugins", () => new PosewireClient(new ClientSettings()));
        }

        internal static void Fails(PosewireCode code, string part, Action body)
        {
            try
            {
                body();
            }
            catch (PosewireException error)
            {
                Scenario.Demand(error.Code == code && error.Message.Contains(part),
                    code + " with '" + part + "', found " + error.Code + ": " + error.Message);
                return;
            }
            Scenario.Demand(false, "a refusal with '" + part + "'");
        }
    }
}
