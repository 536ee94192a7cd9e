using System;
using System.Collections.Generic;
using System.IO;

namespace Posewire.Tests
{
    /// <summary>The golden vectors that Python and C++ are held to as well, through the package's own classes.</summary>
    internal sealed class Golden
    {
        private const double Exact = 1e-5;

        private static readonly KeyValuePair<string, Frame>[] Frames =
        {
            new KeyValuePair<string, Frame>("canonical", Frame.Canonical), new KeyValuePair<string, Frame>("gltf", Frame.Gltf),
            new KeyValuePair<string, Frame>("godot", Frame.Godot), new KeyValuePair<string, Frame>("unity", Frame.Unity),
            new KeyValuePair<string, Frame>("blender", Frame.Blender),
            new KeyValuePair<string, Frame>("unreal_component", Frame.UnrealComponent),
            new KeyValuePair<string, Frame>("unreal_actor", Frame.UnrealActor)
        };

        private readonly string folder;
        private double worst;
        private int compared;

        private Golden(string folder)
        {
            this.folder = folder;
        }

        internal static void Run(string folder)
        {
            var golden = new Golden(folder);
            golden.Step("conversions", golden.Conversions);
            golden.Step("packing", golden.PackedFrames);
            golden.Step("kinematics", golden.Kinematics);
            golden.Step("retarget", golden.Retargeting);
        }

        private void Step(string name, Action check)
        {
            worst = compared = 0;
            check();
            Console.WriteLine(name + ": " + compared + " numbers, worst relative difference " + worst.ToString("0.0e+0"));
            Scenario.Demand(compared > 0 && worst <= Exact, name + " within " + Exact + ", found " + worst);
        }

        private void Conversions()
        {
            var file = Read("conversions.json");
            var positions = file["canonical"]["positions"].Floats();
            var rotations = file["canonical"]["rotations"].Floats();
            foreach (var pair in Frames)
            {
                var placed = new float[positions.Length];
                var turned = new float[rotations.Length];
                Coordinates.PositionsTo(pair.Value, positions, placed);
                Coordinates.RotationsTo(pair.Value, rotations, turned);
                Compare(placed, file[pair.Key]["positions"].Floats());
                Compare(turned, file[pair.Key]["rotations"].Floats());
                Coordinates.PositionsFrom(pair.Value, placed, placed);
                Coordinates.RotationsFrom(pair.Value, turned, turned);
                Compare(placed, positions);
                Compare(turned, rotations);
            }
        }

        private void PackedFrames()
        {
            var file = Read("packing.json");
            var rotations = new float[12];
            var root = new float[3];
            var contacts = new byte[1];
            foreach (var packing in new[] { Packing.Float32, Packing.SmallestThree48 })
            {
                var name = packing == Packing.Float32 ? "float32" : "smallest_three_48";
                Coordinates.Unpack(packing, 3, 1, Bytes(file["frame"][name].Text), rotations, root, contacts);
                Compare(root, file["frame"]["root"].Floats());
                Compare(new float[] { contacts[0] }, file["frame"]["contacts"].Floats());
                if (packing == Packing.Float32) Compare(rotations, file["frame"]["rotations"].Floats());
            }
            var rotation = new float[4];
            for (int i = 0; i < file["smallest_three_48"].Items.Count; i++)
            {
                var frame = new List<byte>(new byte[12]);
                frame.AddRange(Bytes(file["smallest_three_48"][i].Text));
                frame.Add(0);
                Coordinates.Unpack(Packing.SmallestThree48, 1, 1, frame.ToArray(), rotation, root, contacts);
                Compare(rotation, file["restored"][i].Floats());
            }
        }

        private void Kinematics()
        {
            foreach (var test in Read("kinematics.json")["cases"].Items)
                using (var skeleton = Skeleton(test["skeleton"]))
                    for (int f = 0; f < test["rotations"].Items.Count; f++)
                    {
                        var turned = new float[4 * skeleton.Size];
                        var placed = new float[3 * skeleton.Size];
                        skeleton.Forward(test["rotations"][f].Floats(), test["root"][f].Floats(), turned, placed);
                        CompareTurns(turned, test["global_rotations"][f].Floats());
                        Compare(placed, test["positions"][f].Floats());
                    }
        }

        private void Retargeting()
        {
            foreach (var test in Read("retarget.json")["cases"].Items)
            {
                var bones = new List<BonePair>();
                foreach (var pair in test["bones"].Fields) bones.Add(new BonePair(pair.Key, pair.Value.Text));
                using (var source = Skeleton(test["source"]))
                using (var target = Skeleton(test["target"]))
                using (var retargeter = new Retargeter(source, target, bones.ToArray(), test["match_limbs"].Number != 0,
                    test["scale_travel"].Number != 0))
                    for (int f = 0; f < test["rotations"].Items.Count; f++)
                    {
                        var rotations = new float[4 * target.Size];
                        var root = new float[3];
                        retargeter.Apply(test["rotations"][f].Floats(), test["root"][f].Floats(), rotations, root);
                        CompareTurns(rotations, test["target_rotations"][f].Floats());
                        Compare(root, test["target_root"][f].Floats());
                    }
            }
        }

        private Json Read(string name)
        {
            return Json.Parse(File.ReadAllText(Path.Combine(folder, name)));
        }

        private static MotionSkeleton Skeleton(Json from)
        {
            var joints = new JointRest[from["names"].Items.Count];
            for (int j = 0; j < joints.Length; j++)
                joints[j] = new JointRest
                {
                    Name = from["names"][j].Text,
                    Parent = (int)from["parents"][j].Number,
                    Position = from["positions"][j].Floats(),
                    Rotation = from.Fields.ContainsKey("rotations") && from["rotations"].Items.Count > 0
                        ? from["rotations"][j].Floats()
                        : new float[] { 0, 0, 0, 1 }
                };
            return new MotionSkeleton(joints, Frame.Canonical, Rest.Wire, (int)from["pelvis"].Number,
                (float)from["sole"].Number);
        }

        private static byte[] Bytes(string hex)
        {
            var bytes = new byte[hex.Length / 2];
            for (int i = 0; i < bytes.Length; i++) bytes[i] = Convert.ToByte(hex.Substring(2 * i, 2), 16);
            return bytes;
        }

        /// <summary>As rotations: q and -q are the same.</summary>
        private void CompareTurns(float[] found, float[] expected)
        {
            for (int i = 0; i + 3 < found.Length; i += 4)
            {
                double dot = 0;
                for (int c = 0; c < 4; c++) dot += found[i + c] * expected[i + c];
                for (int c = 0; dot < 0 && c < 4; c++) expected[i + c] = -expected[i + c];
            }
            Compare(found, expected);
        }

        /// <summary>Relative to the larger one, with one as a floor.</summary>
        private void Compare(float[] found, float[] expected)
        {
            Scenario.Demand(found.Length == expected.Length, expected.Length + " numbers, found " + found.Length);
            for (int i = 0; i < found.Length; i++, compared++)
            {
                double scale = Math.Max(1, Math.Max(Math.Abs(found[i]), Math.Abs(expected[i])));
                double off = Math.Abs(found[i] - expected[i]) / scale;
                if (!(off <= worst)) worst = off;
            }
        }
    }
}
