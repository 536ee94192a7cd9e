using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading;
using Posewire.Interop;
using UnityEngine;

namespace Posewire.Tests
{
    /// <summary>One scenario: Posewire.Tests.exe SCENARIO [ARGUMENT...]; end_to_end.py starts servers and says which.</summary>
    internal static class Scenario
    {
        private static readonly Dictionary<string, Action<string[]>> All = new Dictionary<string, Action<string[]>>
        {
            { "tests", Tests }, { "golden", arguments => Golden.Run(arguments[0]) },
            { "dump", Calls.Dump }, { "cancel", Calls.Cancel }, { "models", Calls.Models }, { "refused", Calls.Refused },
            { "leaks", Calls.Leaks }, { "missing", Calls.MissingLibrary }, { "resume", Calls.Resume },
            { "clip", Characters.Clip }, { "live", Characters.Live }, { "lost", Characters.Lost },
            { "troubles", Characters.Troubles }, { "bones", Characters.Bones }, { "sample", Characters.Sample }, { "walk", Characters.Walk }
        };

        private static int Main(string[] arguments)
        {
            try
            {
                All[arguments[0]](new List<string>(arguments).GetRange(1, arguments.Length - 1).ToArray());
                GC.Collect();
                GC.WaitForPendingFinalizers();
                Demand(NativeHandle.Open == 0, "no open handles at the end, found " + NativeHandle.Open);
            }
            catch (Exception error)
            {
                Console.Error.WriteLine(arguments[0] + ": " + error);
                return 1;
            }
            return 0;
        }

        internal static void Demand(bool fine, string what)
        {
            if (!fine) throw new Exception("expected " + what);
        }

        internal static void Tell(string line)
        {
            Console.WriteLine(line);
            Console.Out.Flush();
        }

        private static void Tests(string[] arguments)
        {
            Demand(NUnit.Framework.Runner.Run(typeof(Scenario).Assembly) == 0, "tests that pass");
        }
    }

    /// <summary>A game: a scene with a connection, and frames at sixty a second of the wall's clock.</summary>
    internal sealed class Game : IDisposable
    {
        internal readonly GameObject Figure = Figures.Mixamo();
        internal readonly PosewireConnection Connection;
        internal readonly PosewireCharacter Character;
        internal readonly List<string> Told = new List<string>();
        private readonly GameObject server = new GameObject("server");

        internal Game(ClientSettings settings, Action<PosewireCharacter> prepare)
        {
            Connection = server.AddComponent<PosewireConnection>(made => made.Settings = settings);
            Character = Figure.AddComponent<PosewireCharacter>(made =>
            {
                made.onStarted.AddListener(() => Told.Add("started"));
                made.onEnded.AddListener(() => Told.Add("ended"));
                made.onFailed.AddListener(text => Told.Add("failed: " + text));
                made.onNotice.AddListener(text => Told.Add("notice: " + text));
                made.onFootDown.AddListener(text => Told.Add("foot: " + text));
                prepare(made);
            });
        }

        internal static ClientSettings At(string target)
        {
            return new ClientSettings { Target = target };
        }

        internal void Frame()
        {
            Messages.Frame(1 / 60f);
            Thread.Sleep(16);
        }

        internal void Until(string what, Func<bool> done, double seconds = 40)
        {
            var clock = Stopwatch.StartNew();
            while (!done())
            {
                Frame();
                Scenario.Demand(clock.Elapsed.TotalSeconds < seconds,
                    what + " in time, found " + Character.State + " " + Character.LastError);
            }
        }

        internal void For(double seconds)
        {
            var clock = Stopwatch.StartNew();
            while (clock.Elapsed.TotalSeconds < seconds) Frame();
        }

        internal Transform Bone(string name)
        {
            return Find(Figure.transform, "mixamorig:" + name);
        }

        internal bool WasTold(string part)
        {
            return Told.Exists(line => line.Contains(part));
        }

        public void Dispose()
        {
            UnityEngine.Object.DestroyImmediate(Figure);
            UnityEngine.Object.DestroyImmediate(server);
        }

        private static Transform Find(Transform from, string name)
        {
            if (from.name == name) return from;
            for (int i = 0; i < from.childCount; i++)
            {
                var found = Find(from.GetChild(i), name);
                if (found != null) return found;
            }
            return null;
        }
    }
}
