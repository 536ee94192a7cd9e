using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Posewire.Tests
{
    /// <summary>Just enough JSON for the golden vectors: lists, objects, numbers, texts, true and false.</summary>
    internal sealed class Json
    {
        internal readonly List<Json> Items = new List<Json>();
        internal readonly Dictionary<string, Json> Fields = new Dictionary<string, Json>();
        internal string Text = "";
        internal double Number;

        internal Json this[string name]
        {
            get { return Fields[name]; }
        }

        internal Json this[int index]
        {
            get { return Items[index]; }
        }

        /// <summary>All numbers within, however deep.</summary>
        internal float[] Floats()
        {
            var all = new List<float>();
            Collect(all);
            return all.ToArray();
        }

        private void Collect(List<float> all)
        {
            if (Items.Count == 0) all.Add((float)Number);
            foreach (var item in Items)
                if (item.Items.Count > 0) item.Collect(all);
                else all.Add((float)item.Number);
        }

        internal static Json Parse(string text)
        {
            int at = 0;
            return Read(text, ref at);
        }

        private static Json Read(string text, ref int at)
        {
            Skip(text, ref at);
            var value = new Json();
            if (text[at] == '{' || text[at] == '[') ReadInside(text, ref at, value, text[at] == '{');
            else if (text[at] == '"') value.Text = ReadText(text, ref at);
            else ReadWord(text, ref at, value);
            return value;
        }

        private static void ReadInside(string text, ref int at, Json value, bool named)
        {
            char end = named ? '}' : ']';
            for (at++; ; at++)
            {
                Skip(text, ref at);
                if (text[at] == end) break;
                string name = "";
                if (named)
                {
                    name = ReadText(text, ref at);
                    Skip(text, ref at);
                    at++;
                }
                var item = Read(text, ref at);
                if (named) value.Fields[name] = item;
                else value.Items.Add(item);
                Skip(text, ref at);
                if (text[at] == end) break;
            }
            at++;
        }

        private static string ReadText(string text, ref int at)
        {
            var read = new StringBuilder();
            for (at++; text[at] != '"'; at++)
            {
                if (text[at] == '\\') throw new NotSupportedException("escapes");
                read.Append(text[at]);
            }
            at++;
            return read.ToString();
        }

        private static void ReadWord(string text, ref int at, Json value)
        {
            int begun = at;
            while (at < text.Length && ",]} \n".IndexOf(text[at]) < 0) at++;
            var word = text.Substring(begun, at - begun);
            if (word == "true") value.Number = 1;
            else if (word != "false" && word != "null") value.Number = double.Parse(word, CultureInfo.InvariantCulture);
        }

        private static void Skip(string text, ref int at)
        {
            while (char.IsWhiteSpace(text[at])) at++;
        }
    }
}
