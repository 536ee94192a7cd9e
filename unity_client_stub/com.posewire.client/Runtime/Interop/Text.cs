using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace Posewire.Interop
{
    /// <summary>UTF-8 texts that the native library lends.</summary>
    internal static unsafe class Text
    {
        internal static string Read(IntPtr text)
        {
            if (text == IntPtr.Zero) return "";
            var bytes = (byte*)text;
            int length = 0;
            while (bytes[length] != 0) length++;
            return length == 0 ? "" : Encoding.UTF8.GetString(bytes, length);
        }

        internal static string[] ReadAll(IntPtr texts, uint count)
        {
            var all = new string[count];
            for (uint i = 0; i < count; i++) all[i] = Read(((IntPtr*)texts)[i]);
            return all;
        }
    }

    /// <summary>Texts and arrays in native memory for the length of one call.</summary>
    internal sealed unsafe class Arena : IDisposable
    {
        private readonly List<IntPtr> blocks = new List<IntPtr>();

        /// <summary>A text as UTF-8; null or empty: no text.</summary>
        internal IntPtr Put(string text)
        {
            if (string.IsNullOrEmpty(text)) return IntPtr.Zero;
            var bytes = Encoding.UTF8.GetBytes(text);
            var block = Room(bytes.Length + 1);
            Marshal.Copy(bytes, 0, block, bytes.Length);
            Marshal.WriteByte(block, bytes.Length, 0);
            return block;
        }

        internal IntPtr Put(ICollection<string> texts)
        {
            if (texts == null || texts.Count == 0) return IntPtr.Zero;
            var block = (IntPtr*)Room(texts.Count * sizeof(IntPtr));
            int i = 0;
            foreach (var text in texts) block[i++] = Put(text);
            return (IntPtr)block;
        }

        internal IntPtr Put(ulong[] numbers)
        {
            if (numbers == null || numbers.Length == 0) return IntPtr.Zero;
            var block = (ulong*)Room(numbers.Length * sizeof(ulong));
            for (int i = 0; i < numbers.Length; i++) block[i] = numbers[i];
            return (IntPtr)block;
        }

        internal IntPtr Put(IList<BonePair> bones)
        {
            if (bones == null || bones.Count == 0) return IntPtr.Zero;
            var block = (PwBone*)Room(bones.Count * sizeof(PwBone));
            for (int i = 0; i < bones.Count; i++)
                block[i] = new PwBone { joint = Put(bones[i].Joint), bone = Put(bones[i].Bone) };
            return (IntPtr)block;
        }

        internal IntPtr Put(IList<JointRest> joints)
        {
            var block = (PwJoint*)Room(Math.Max(joints.Count, 1) * sizeof(PwJoint));
            for (int i = 0; i < joints.Count; i++)
            {
                block[i].name = Put(joints[i].Name);
                block[i].parent = joints[i].Parent;
                for (int c = 0; c < 3; c++) block[i].position[c] = joints[i].Position[c];
                for (int c = 0; c < 4; c++) block[i].rotation[c] = joints[i].Rotation[c];
            }
            return (IntPtr)block;
        }

        private IntPtr Room(int size)
        {
            var block = Marshal.AllocHGlobal(size);
            blocks.Add(block);
            return block;
        }

        public void Dispose()
        {
            foreach (var block in blocks) Marshal.FreeHGlobal(block);
            blocks.Clear();
        }
    }
}
