using System.Runtime.InteropServices;
using NUnit.Framework;
using Posewire.Editor;
using Posewire.Interop;
using UnityEditor;

namespace Posewire.Tests
{
    /// <summary>The native library as C# sees it, without a server.</summary>
    public sealed class LibraryTests
    {
        [Test]
        public void StructsAreAsLargeAsInC()
        {
            Assert.AreEqual(40, Marshal.SizeOf(typeof(PwJoint)));
            Assert.AreEqual(28, Marshal.SizeOf(typeof(PwRootMotion)));
            Assert.AreEqual(16, Marshal.SizeOf(typeof(PwContact)));
            Assert.IsTrue(PosewireClient.LibraryVersion.Length > 0);
        }

        [Test]
        public void NoServerIsSaidSoonAndClearly()
        {
            var before = NativeHandle.Open;
            using (var client = new PosewireClient(new ClientSettings { Target = "127.0.0.1:1" }))
            using (var stream = client.Generate(new GenerateRequest { Prompt = "a person walks" }))
            {
                MotionEvent next;
                Assert.IsTrue(stream.Next(20, out next));
                Assert.AreEqual(EventKind.Status, next.Kind);
                Assert.AreEqual(PosewireCode.Unavailable, next.Code);
                Assert.IsTrue(next.Message.Contains("no answer from 127.0.0.1:1"));
                Assert.IsFalse(stream.Next(0, out next));
                Assert.IsTrue(stream.Ended);
            }
            Assert.AreEqual(before, NativeHandle.Open);
        }

        [Test]
        public void RequestsThatCannotBeAreRefusedAtOnce()
        {
            using (var client = new PosewireClient(new ClientSettings { Target = "127.0.0.1:1" }))
            {
                var error = Assert.Throws<PosewireException>(() => client.Generate(new GenerateRequest()));
                Assert.AreEqual(PosewireCode.InvalidArgument, error.Code);
                Assert.IsTrue(error.Message.Contains("prompt: expected a text"));
            }
            Assert.Throws<PosewireException>(() => new PosewireClient(new ClientSettings { Token = "a\nb" }));
        }

        [Test]
        public void NothingIsLeftWhenCodeIsReloadedOrPlayModeEnds()
        {
            System.Runtime.CompilerServices.RuntimeHelpers.RunClassConstructor(typeof(EditorLifetime).TypeHandle);
            var before = NativeHandle.Open;
            var first = new PosewireClient(new ClientSettings());
            EditorLifetime.Changed(PlayModeStateChange.ExitingPlayMode);
            Assert.AreEqual(before, NativeHandle.Open);
            Assert.AreEqual(ClientState.Idle, first.State);
            var second = new PosewireClient(new ClientSettings());
            Assert.AreEqual(before + 1, NativeHandle.Open);
            Lifetime.Begin();
            Assert.AreEqual(before, NativeHandle.Open);
            second.Dispose();
            Assert.AreEqual(before, NativeHandle.Open);
        }

        [Test]
        public void PromptsBecomeFileNames()
        {
            Assert.AreEqual("a_person_waves_2x", PosewireCharacterEditor.AssetName("A person waves: 2x!"));
            Assert.AreEqual("motion", PosewireCharacterEditor.AssetName("…"));
        }
    }
}
