using UnityEngine;

namespace Posewire
{
    /// <summary>A scene's connection to a Posewire server; characters share it. Connects by itself, again and again.</summary>
    [AddComponentMenu("Posewire/Connection")]
    [DefaultExecutionOrder(-100)]
    public sealed class PosewireConnection : MonoBehaviour
    {
        [Tooltip("Where the server is, and how to be let in.")]
        [SerializeField] private ClientSettings settings = new ClientSettings();

        [Tooltip("Prompts that the server encodes at once, so that their first motion isn't late.")]
        [SerializeField] private string[] warmPrompts = new string[0];

        private PosewireClient client;
        private PendingReply warming;

        /// <summary>Where the server is, and how to be let in. Takes effect when the component is enabled next.</summary>
        public ClientSettings Settings
        {
            get { return settings; }
            set { settings = value; }
        }

        /// <summary>Prompts that the server encodes when the component is enabled.</summary>
        public string[] WarmPrompts
        {
            get { return warmPrompts; }
            set { warmPrompts = value; }
        }

        /// <summary>What the connection does now.</summary>
        public ClientState State
        {
            get { return client == null ? ClientState.Idle : client.State; }
        }

        /// <summary>What went wrong; empty: nothing.</summary>
        public string LastError { get; private set; }

        /// <summary>The client; null while the component is disabled, or the native library is missing.</summary>
        public PosewireClient Client
        {
            get
            {
                if (client == null && isActiveAndEnabled) Open();
                return client;
            }
        }

        private void OnEnable()
        {
            Open();
        }

        private void Update()
        {
            if (warming == null) return;
            try
            {
                if (!warming.Wait(0)) return;
            }
            catch (PosewireException error)
            {
                Tell(error);
            }
            warming.Dispose();
            warming = null;
        }

        private void OnDisable()
        {
            if (warming != null) warming.Dispose();
            if (client != null) client.Dispose();
            warming = null;
            client = null;
        }

        private void Open()
        {
            if (client != null) return;
            LastError = "";
            try
            {
                client = new PosewireClient(settings);
                client.Connect();
                if (warmPrompts.Length > 0) warming = client.Warm(null, warmPrompts);
            }
            catch (PosewireException error)
            {
                Tell(error);
            }
        }

        private void Tell(PosewireException error)
        {
            LastError = error.Message;
            Debug.LogError("Posewire: " + error.Message, this);
        }
    }
}
