using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;
using Posewire.Editor;
using UnityEngine;

namespace Posewire.Tests
{
    /// <summary>The components in a scene, against a real server.</summary>
    internal static class Characters
    {
        /// <summary>TARGET: one clip, by hips and by object.</summary>
        internal static void Clip(string[] given)
        {
            foreach (var travel in new[] { TravelMode.MoveHips, TravelMode.MoveObject })
                using (var game = new Game(Game.At(given[0]), made =>
                {
                    made.IsLive = false;
                    made.Seconds = 2;
                    made.Travel = travel;
                    made.Prompt = "a person walks forward";
                }))
                {
                    var thumb = game.Bone("LeftHandThumb1").localRotation;
                    game.Until("the end", () => game.Character.State == CharacterState.Ended);
                    Scenario.Demand(game.WasTold("started") && game.WasTold("ended") && game.WasTold("foot: "),
                        "events, found " + string.Join(", ", game.Told.ToArray()));
                    Scenario.Demand(game.Character.Header.Joints == 22, "a header");
                    var hips = game.Bone("Hips").position;
                    var moved = game.Figure.transform.position;
                    Scenario.Demand(hips.z > 0.5f && Math.Abs(hips.y - 0.95f) < 0.15f, "hips that walked, found " + hips.z);
                    Scenario.Demand(travel == TravelMode.MoveHips ? moved.magnitude == 0 : moved.z > 0.5f,
                        "the object to move only where it shall, found " + moved.z);
                    Scenario.Demand(Math.Abs(game.Bone("LeftLeg").localRotation.w) < 0.99999f, "knees that bend");
                    Scenario.Demand(game.Bone("LeftHandThumb1").localRotation.Equals(thumb), "a thumb that is left alone");
                }
        }

        /// <summary>TARGET: a session: prompts, a target, rest.</summary>
        internal static void Live(string[] given)
        {
            using (var game = new Game(Game.At(given[0]), made => made.Prompt = "a person walks forward"))
            {
                game.Until("motion", () => game.Character.State == CharacterState.Playing);
                game.For(1.5);
                var session = game.Character.Session;
                game.Character.Play("a person waves");
                game.Character.GoTo(new Vector3(-2, 0, 3));
                game.Character.Face(Quaternion.AngleAxis(90, Vector3.up));
                game.For(2);
                Scenario.Demand(ReferenceEquals(session, game.Character.Session), "the same session");
                Scenario.Demand(game.Character.State == CharacterState.Playing, "it to play on");
                game.Character.Play(" ");
                Scenario.Demand(game.WasTold("prompt: expected a text"), "a blank prompt to be refused");
                game.Character.Stop();
                game.For(1);
                Scenario.Demand(session.Describe().Connected && game.Character.State == CharacterState.Playing,
                    "a session that rests and runs");
                game.Character.enabled = false;
                Scenario.Demand(game.Character.State == CharacterState.Idle, "an idle character");
                game.Character.enabled = true;
                game.Until("motion again", () => game.Character.State == CharacterState.Playing);
            }
        }

        /// <summary>TARGET: it walks to a place in the world, by hips and by object, from a corner and turned.</summary>
        internal static void Walk(string[] given)
        {
            foreach (var travel in new[] { TravelMode.MoveHips, TravelMode.MoveObject })
                using (var game = new Game(Game.At(given[0]), made =>
                {
                    made.Prompt = "a person walks forward";
                    made.Travel = travel;
                    made.transform.position = new Vector3(4, 0, -3);
                    made.transform.rotation = Quaternion.AngleAxis(120, Vector3.up);
                }))
                {
                    var goal = new Vector3(7, 0, -1);
                    game.Until("motion", () => game.Character.State == CharacterState.Playing);
                    game.For(0.5);
                    game.Character.GoTo(goal);
                    var nearest = float.MaxValue;
                    game.Until("arriving, the nearest was " + nearest, () =>
                    {
                        var away = game.Bone("Hips").position - goal;
                        away.y = 0;
                        nearest = Math.Min(nearest, away.magnitude);
                        return nearest < 0.4f;
                    });
                    Scenario.Tell(travel + ": came within " + nearest.ToString("0.00") + " m of its goal");
                }
        }

        /// <summary>TARGET: the server is killed and started again while the character plays.</summary>
        internal static void Lost(string[] given)
        {
            using (var game = new Game(Game.At(given[0]), made => made.Prompt = "a person walks forward"))
            {
                game.Until("motion", () => game.Character.Pose.Time > 1);
                Scenario.Tell("kill it");
                game.Until("a held pose", () => game.Character.State == CharacterState.Holding);
                var held = game.Bone("LeftHand").position;
                game.For(1);
                Scenario.Demand((game.Bone("LeftHand").position - held).magnitude < 1e-5f, "a pose that stays");
                Scenario.Tell("start it");
                var farthest = 0f;
                var last = game.Bone("Hips").position;
                game.Until("motion again", () =>
                {
                    var hips = game.Bone("Hips").position;
                    farthest = Math.Max(farthest, (hips - last).magnitude);
                    last = hips;
                    return game.WasTold("the session was lost") && game.Character.State == CharacterState.Playing &&
                        game.Character.Pose.Time > 1;
                }, 60);
                Scenario.Tell("the hips' largest step at the join: " + farthest.ToString("0.000") + " m");
                Scenario.Demand(farthest < 0.1f, "no jump");
                Scenario.Demand(!game.Told.Exists(line => line.StartsWith("failed: ")),
                    "no failure, found " + game.Character.LastError);
            }
        }

        /// <summary>TARGET: the package's sample, as it is.</summary>
        internal static void Sample(string[] given)
        {
            var thing = new GameObject("sample");
            thing.AddComponent<Posewire.Samples.QuickStart>(made => made.Server = given[0]);
            var character = UnityEngine.Object.FindObjectOfType<PosewireCharacter>();
            var clock = System.Diagnostics.Stopwatch.StartNew();
            while (character.Pose.Time < 1 && clock.Elapsed.TotalSeconds < 30)
            {
                Messages.Frame(1 / 60f);
                System.Threading.Thread.Sleep(16);
            }
            Scenario.Demand(character.State == CharacterState.Playing, "a sample that plays, found " +
                character.State + " " + character.LastError);
            UnityEngine.Object.DestroyImmediate(thing);
        }

        /// <summary>TARGET: a server whose token is "correct horse"; and none.</summary>
        internal static void Troubles(string[] given)
        {
            Fails(new ClientSettings { Target = given[0], Token = "wrong" }, "token");
            Fails(Game.At("127.0.0.1:1"), "no answer from 127.0.0.1:1");
            using (var game = new Game(Game.At("127.0.0.1:1"), made => made.WaitForServer = true))
            {
                game.For(0.5);
                Scenario.Demand(game.Character.State == CharacterState.Waiting, "one that waits");
            }
            var alone = Figures.Mixamo();
            var character = alone.AddComponent<PosewireCharacter>();
            Scenario.Demand(character.State == CharacterState.Failed &&
                character.LastError.Contains("expected a PosewireConnection in the scene"), character.LastError);
            UnityEngine.Object.DestroyImmediate(alone);
        }

        private static void Fails(ClientSettings settings, string part)
        {
            foreach (var live in new[] { true, false })
                using (var game = new Game(settings, made => made.IsLive = live))
                {
                    game.Until("a failure", () => game.Character.State == CharacterState.Failed);
                    Scenario.Demand(game.Character.LastError.Contains(part), "'" + part + "', found " +
                        game.Character.LastError);
                    Scenario.Demand(game.WasTold("failed: "), "that it is told");
                    game.For(0.2);
                    Scenario.Demand(game.Character.State == CharacterState.Failed, "that it stays so");
                }
        }

        /// <summary>TARGET FILE SEED PROMPT: bakes a clip and writes, as text, the rest pose and where all bones are in each
        /// frame.</summary>
        internal static void Bones(string[] given)
        {
            var figure = Figures.Mixamo();
            var text = new StringBuilder();
            var clip = BakedClip(figure, given[0], new GenerateRequest
            {
                Prompt = given[3], Seconds = 2, Seeds = new[] { ulong.Parse(given[2]) }
            });
            using (var rig = new Posewire.Internal.CharacterRig(figure.transform,
                Posewire.Internal.CharacterRig.Guess(figure.transform), null, 0))
            {
                WriteRest(rig, text);
                var hips = clip.curves["Armature/mixamorig:Hips:localPosition.y"].keys;
                Scenario.Demand(clip.frameRate == 30 && hips.Length == 60, "60 keys, found " + hips.Length);
                for (int frame = 0; frame < hips.Length; frame++)
                {
                    for (int i = 0; i < rig.Size; i++) Pose(clip, rig.Bone(i), figure.transform, frame);
                    WritePositions(rig, text);
                }
            }
            File.WriteAllText(given[1], text.ToString());
            UnityEngine.Object.DestroyImmediate(figure);
        }

        /// <summary>As the inspector's button does it; and a request that fails says so.</summary>
        private static AnimationClip BakedClip(GameObject figure, string target, GenerateRequest request)
        {
            var character = figure.AddComponent<PosewireCharacter>(made => made.PlayOnEnable = false);
            AnimationClip baked = null;
            var told = "";
            Action<AnimationClip, string> done = (clip, message) =>
            {
                baked = clip;
                told = message;
            };
            using (var baker = new ClipBaker(character, Game.At(target), request, done))
                while (!baker.Poll()) System.Threading.Thread.Sleep(5);
            Scenario.Demand(baked != null, "a clip, found " + told);
            var result = baked;
            using (var baker = new ClipBaker(character, Game.At("127.0.0.1:1"), request, done))
                while (!baker.Poll()) System.Threading.Thread.Sleep(5);
            Scenario.Demand(baked == null && told.Contains("no answer from"), "why there is none, found " + told);
            return result;
        }

        /// <summary>Puts a frame of a clip on a bone, as an Animation would.</summary>
        private static void Pose(AnimationClip clip, Transform bone, Transform root, int frame)
        {
            var path = bone.name;
            for (var at = bone.parent; at != root; at = at.parent) path = at.name + "/" + path;
            Func<string, float> key = name => clip.curves[path + ":" + name].keys[frame].value;
            if (clip.curves.ContainsKey(path + ":localRotation.x"))
                bone.localRotation = new Quaternion(key("localRotation.x"), key("localRotation.y"),
                    key("localRotation.z"), key("localRotation.w"));
            if (clip.curves.ContainsKey(path + ":localPosition.x"))
                bone.localPosition = new Vector3(key("localPosition.x"), key("localPosition.y"), key("localPosition.z"));
        }

        private static void WriteRest(Posewire.Internal.CharacterRig rig, StringBuilder text)
        {
            for (int i = 0; i < rig.Size; i++)
            {
                var parent = -1;
                for (int j = 0; j < rig.Size; j++)
                    if (rig.Bone(j) == rig.Bone(i).parent) parent = j;
                text.Append(rig.Bone(i).name).Append(' ').Append(parent);
                Append(text, rig.Bone(i).position);
                text.Append('\n');
            }
            text.Append('\n');
        }

        private static void WritePositions(Posewire.Internal.CharacterRig rig, StringBuilder text)
        {
            for (int i = 0; i < rig.Size; i++) Append(text, rig.Bone(i).position);
            text.Append('\n');
        }

        private static void Append(StringBuilder text, Vector3 v)
        {
            foreach (var number in new[] { v.x, v.y, v.z })
                text.Append(' ').Append(number.ToString("R", CultureInfo.InvariantCulture));
        }
    }
}
