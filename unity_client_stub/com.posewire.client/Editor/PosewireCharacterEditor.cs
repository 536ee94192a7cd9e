using UnityEditor;
using UnityEngine;

namespace Posewire.Editor
{
    /// <summary>The inspector of a character: what it does now, a box for prompts, and baking.</summary>
    [CustomEditor(typeof(PosewireCharacter))]
    internal sealed class PosewireCharacterEditor : UnityEditor.Editor
    {
        private string text = "";
        private string told = "";
        private ClipBaker baker;

        public override void OnInspectorGUI()
        {
            DrawDefaultInspector();
            var character = (PosewireCharacter)target;
            EditorGUILayout.Space();
            ShowState(character);
            if (text.Length == 0) text = character.Prompt;
            text = EditorGUILayout.TextField("Prompt", text);
            if (Application.isPlaying) Play(character);
            else Bake(character);
            if (told.Length > 0) EditorGUILayout.HelpBox(told, MessageType.Info);
        }

        private static void ShowState(PosewireCharacter character)
        {
            EditorGUILayout.LabelField("State", character.State.ToString());
            if (character.Connection != null)
                EditorGUILayout.LabelField("Connection", character.Connection.State.ToString());
            if (character.Header != null)
            {
                EditorGUILayout.LabelField("Model", character.Header.Model);
                if (character.Header.LicenceNotice.Length > 0)
                    EditorGUILayout.HelpBox(character.Header.LicenceNotice, MessageType.Info);
            }
            if (!string.IsNullOrEmpty(character.LastError))
                EditorGUILayout.HelpBox(character.LastError, MessageType.Error);
        }

        private void Play(PosewireCharacter character)
        {
            if (GUILayout.Button("Do it")) character.Play(text);
            if (GUILayout.Button("Come to rest")) character.Stop();
        }

        /// <summary>The state is shown as it changes.</summary>
        public override bool RequiresConstantRepaint()
        {
            return Application.isPlaying || baker != null;
        }

        private void Bake(PosewireCharacter character)
        {
            if (baker != null)
            {
                EditorGUILayout.LabelField("Baking", "waiting for the server");
                if (GUILayout.Button("Cancel")) EndBaking("cancelled");
                return;
            }
            if (GUILayout.Button("Bake to AnimationClip")) BeginBaking(character);
        }

        private void BeginBaking(PosewireCharacter character)
        {
            var connection = character.Connection != null
                ? character.Connection
                : FindObjectOfType<PosewireConnection>();
            var server = connection != null ? connection.Settings : new ClientSettings();
            told = "";
            try
            {
                var request = new GenerateRequest { Prompt = text, Seconds = character.Seconds };
                baker = new ClipBaker(character, server, request, Save);
                EditorApplication.update += PollBaker;
            }
            catch (PosewireException error)
            {
                told = error.Message;
            }
        }

        private void PollBaker()
        {
            if (baker != null && baker.Poll()) EndBaking(told);
        }

        private void EndBaking(string message)
        {
            EditorApplication.update -= PollBaker;
            if (baker != null) baker.Dispose();
            baker = null;
            told = message;
        }

        private void Save(AnimationClip clip, string message)
        {
            told = message;
            if (clip == null) return;
            var path = EditorUtility.SaveFilePanelInProject("Save the clip", AssetName(text), "anim",
                "Where the clip is kept");
            if (string.IsNullOrEmpty(path)) return;
            AssetDatabase.CreateAsset(clip, path);
            told = "saved " + path;
        }

        /// <summary>Letters and digits of a prompt, joined by underscores.</summary>
        internal static string AssetName(string prompt)
        {
            var name = new System.Text.StringBuilder();
            foreach (var letter in prompt)
                if (letter < 128 && char.IsLetterOrDigit(letter)) name.Append(char.ToLowerInvariant(letter));
                else if (name.Length > 0 && name[name.Length - 1] != '_') name.Append('_');
            var text = name.ToString().Trim('_');
            return text.Length == 0 ? "motion" : text.Length > 40 ? text.Substring(0, 40).Trim('_') : text;
        }

        private void OnDisable()
        {
            EndBaking(told);
        }
    }
}
