using System;
using System.Collections.Generic;
using Posewire.Internal;
using UnityEngine;
using UnityEngine.Events;

namespace Posewire
{
    /// <summary>What a character does.</summary>
    public enum CharacterState
    {
        Idle = 0,
        /// <summary>Asked, and nothing to see yet.</summary>
        Waiting = 1,
        Playing = 2,
        /// <summary>It holds its pose until frames come again.</summary>
        Holding = 3,
        /// <summary>It holds its last pose.</summary>
        Ended = 4,
        /// <summary>See <see cref="PosewireCharacter.LastError"/>.</summary>
        Failed = 5
    }

    /// <summary>Where the travel of a motion goes.</summary>
    public enum TravelMode
    {
        /// <summary>The hips travel, the object stays.</summary>
        MoveHips = 0,
        /// <summary>The object travels, through its CharacterController if it has one.</summary>
        MoveObject = 1
    }

    /// <summary>An event with a text.</summary>
    [Serializable]
    public sealed class TextEvent : UnityEvent<string> { }

    /// <summary>
    /// Makes a character do what a prompt says. Humanoid characters need an Animator with their avatar on the same object;
    /// others are recognised from their bones' names, or mapped. It writes the pose in LateUpdate, after the Animator.
    /// </summary>
    [AddComponentMenu("Posewire/Character")]
    [DisallowMultipleComponent]
    public sealed class PosewireCharacter : MonoBehaviour
    {
        /// <summary>Which bone plays a joint of the model.</summary>
        [Serializable]
        public struct MappedBone
        {
            [Tooltip("The model's name, for example L_Elbow.")]
            public string joint;
            [Tooltip("The character's bone.")]
            public Transform bone;
        }

        [Tooltip("The connection; empty: the first one in the scene.")]
        [SerializeField] private PosewireConnection connection;
        [TextArea] [SerializeField] private string prompt = "a person walks forward";
        [Tooltip("Begin when the component is enabled.")]
        [SerializeField] private bool playOnEnable = true;
        [Tooltip("A live session goes on without end and takes new prompts as it goes. Off: one clip for each prompt.")]
        [SerializeField] private bool live = true;
        [Tooltip("Clips begin again at their end.")]
        [SerializeField] private bool loop;
        [Tooltip("Seconds of a clip; 0: estimated from the prompt.")]
        [SerializeField] private double seconds;
        [SerializeField] private TravelMode travel = TravelMode.MoveHips;
        [Tooltip("How firmly feet that touch the floor stay where they are.")]
        [Range(0, 1)] [SerializeField] private float footIk;
        [Tooltip("Height of the soles above this object in the bind pose.")]
        [SerializeField] private float sole;
        [Tooltip("Seconds in which one motion fades into the next.")]
        [SerializeField] private double fadeSeconds = 0.25;
        [Tooltip("Bones of a character that is neither humanoid nor has names of a known rig.")]
        [SerializeField] private MappedBone[] bones = new MappedBone[0];
        [Tooltip("A server's model; empty: its default.")]
        [SerializeField] private string model = "";
        [Tooltip("Wait for a server that isn't there yet rather than fail.")]
        [SerializeField] private bool waitForServer;

        /// <summary>The first pose of a motion is seen.</summary>
        public UnityEvent onStarted = new UnityEvent();
        /// <summary>A clip has come to its end.</summary>
        public UnityEvent onEnded = new UnityEvent();
        /// <summary>It can't go on; the text says why and what to do.</summary>
        public TextEvent onFailed = new TextEvent();
        /// <summary>Something to know: a changed request, a broken connection, a target that is reached.</summary>
        public TextEvent onNotice = new TextEvent();
        /// <summary>A foot comes down: its contact's name, for example left_heel.</summary>
        public TextEvent onFootDown = new TextEvent();

        private readonly float[] translation = new float[3], turn = new float[4];
        private CharacterRig rig;
        private MotionPlayer player;
        private MotionStream stream;
        private LiveSession session;
        private CharacterController controller;
        private float[] rotations;
        private string[] contactNames = new string[0];
        private string lastError = "";
        private bool started, sessionBegan;
        private Vector3? wantedPlace;
        private Quaternion? wantedTurn;

        /// <summary>The connection; null: the first one in the scene.</summary>
        public PosewireConnection Connection
        {
            get { return connection; }
            set { connection = value; }
        }

        /// <summary>What the character does, when it begins.</summary>
        public string Prompt
        {
            get { return prompt; }
            set { prompt = value; }
        }

        /// <summary>Whether it goes on without end. Takes effect with the next prompt.</summary>
        public bool IsLive
        {
            get { return live; }
            set { live = value; }
        }

        /// <summary>Begin when the component is enabled.</summary>
        public bool PlayOnEnable
        {
            get { return playOnEnable; }
            set { playOnEnable = value; }
        }

        /// <summary>Clips begin again at their end.</summary>
        public bool Loop
        {
            get { return loop; }
            set { loop = value; }
        }

        /// <summary>Seconds of a clip; 0: estimated from the prompt.</summary>
        public double Seconds
        {
            get { return seconds; }
            set { seconds = value; }
        }

        /// <summary>Where the travel goes. Takes effect when the component is enabled next.</summary>
        public TravelMode Travel
        {
            get { return travel; }
            set { travel = value; }
        }

        /// <summary>Wait for a server that isn't there yet rather than fail.</summary>
        public bool WaitForServer
        {
            get { return waitForServer; }
            set { waitForServer = value; }
        }

        /// <summary>Bones of a character that is neither humanoid nor has names of a known rig. Takes effect when the
        /// component is enabled next.</summary>
        public MappedBone[] Bones
        {
            get { return bones; }
            set { bones = value; }
        }

        /// <summary>What it does now.</summary>
        public CharacterState State { get; private set; }

        /// <summary>Why it failed; empty: it didn't.</summary>
        public string LastError
        {
            get { return lastError; }
        }

        /// <summary>The pose that was shown last.</summary>
        public MotionPose Pose { get; private set; }

        /// <summary>What answers: model and licence notice; null before anything has arrived.</summary>
        public MotionHeader Header { get; private set; }

        /// <summary>The live session; null: there is none.</summary>
        public LiveSession Session
        {
            get { return session; }
        }

        /// <summary>Does this: from now on in a live session, or as a clip once it has arrived.</summary>
        public void Play(string text)
        {
            prompt = text;
            if (!isActiveAndEnabled) return;
            Try(() =>
            {
                Prepare();
                if (live && session != null && !session.Ended) session.Prompt(text);
                else Ask(waitForServer);
            });
        }

        /// <summary>Comes to rest; a clip stops where it is.</summary>
        public void Stop()
        {
            Try(() =>
            {
                wantedPlace = null;
                wantedTurn = null;
                if (session != null && !session.Ended) session.Stop();
                else if (stream != null) stream.Cancel();
            });
        }

        /// <summary>In a live session: goes to a place in the world, if its prompt makes it go at all.</summary>
        public void GoTo(Vector3 place)
        {
            wantedPlace = place;
        }

        /// <summary>In a live session: turns to face as this rotation does, there or at once where there is no place.</summary>
        public void Face(Quaternion facing)
        {
            wantedTurn = facing;
        }

        private void OnEnable()
        {
            lastError = "";
            controller = GetComponent<CharacterController>();
            if (playOnEnable) Play(prompt);
        }

        private void OnDisable()
        {
            if (stream != null) stream.Dispose();
            if (player != null) player.Dispose();
            if (rig != null) rig.Dispose();
            stream = null;
            session = null;
            player = null;
            rig = null;
            State = CharacterState.Idle;
        }

        private void LateUpdate()
        {
            if (player == null) return;
            try
            {
                ReadEvents();
                if (State == CharacterState.Failed && !Pose.HasPose) return;
                Show(Time.deltaTime);
                SendTarget();
            }
            catch (PosewireException error)
            {
                Fail(error.Message);
            }
        }

        private void Try(Action action)
        {
            try
            {
                action();
            }
            catch (PosewireException error)
            {
                Fail(error.Message);
            }
        }

        private void Fail(string message)
        {
            State = CharacterState.Failed;
            lastError = message;
            Debug.LogError("Posewire: " + message, this);
            onFailed.Invoke(message);
        }

        private void Prepare()
        {
            if (player != null) return;
            rig = MakeRig();
            rotations = new float[4 * rig.Size];
            player = new MotionPlayer(new PlayerSettings
            {
                Target = rig.Skeleton,
                Bones = rig.Bones,
                FootIk = footIk,
                Root = travel == TravelMode.MoveHips ? Root.Travel : Root.InPlace
            });
        }

        /// <summary>The character's bones in their bind pose.</summary>
        internal CharacterRig MakeRig()
        {
            var animator = GetComponent<Animator>();
            if (bones.Length > 0)
            {
                var map = new Dictionary<string, Transform>();
                foreach (var mapped in bones)
                    if (mapped.bone != null) map[mapped.joint] = mapped.bone;
                return new CharacterRig(transform, map, null, sole);
            }
            if (animator != null && animator.isHuman)
                return new CharacterRig(transform, HumanoidBones.Of(animator), BoneRest.Of(animator.avatar), sole);
            return new CharacterRig(transform, CharacterRig.Guess(transform), null, sole);
        }

        /// <summary>A client that is connected or tries to be; throws where there is none.</summary>
        internal PosewireClient NeedClient()
        {
            if (connection == null) connection = FindObjectOfType<PosewireConnection>();
            if (connection == null)
                throw new PosewireException(PosewireCode.FailedPrecondition,
                    "expected a PosewireConnection in the scene, found none; add one to any object");
            var client = connection.Client;
            if (client == null)
                throw new PosewireException(PosewireCode.FailedPrecondition,
                    "expected a connection that is enabled, found one that isn't: " + connection.LastError);
            return client;
        }

        private void Ask(bool patient)
        {
            var client = NeedClient();
            if (stream != null) stream.Dispose();
            stream = session = null;
            sessionBegan = false;
            if (live)
                stream = session = client.Live(new LiveRequest
                {
                    Prompt = prompt, Model = model, WaitForServer = patient
                });
            else
                stream = client.Generate(new GenerateRequest
                {
                    Prompt = prompt, Model = model, Seconds = seconds, WaitForServer = patient
                });
            player.Play(stream, 0, new PlaySettings { Loop = loop && !live, FadeSeconds = fadeSeconds });
            started = false;
            lastError = "";
            if (!Pose.HasPose) State = CharacterState.Waiting;
        }

        private void ReadEvents()
        {
            MotionEvent next;
            while (stream != null && stream.Poll(out next))
            {
                switch (next.Kind)
                {
                    case EventKind.Header:
                        Header = stream.Header();
                        contactNames = Header.ContactNames;
                        break;
                    case EventKind.Started:
                        sessionBegan = true;
                        break;
                    case EventKind.Notice:
                        onNotice.Invoke(next.Message);
                        break;
                    case EventKind.Answer:
                        if (next.Code != PosewireCode.Ok) onNotice.Invoke(next.Message);
                        break;
                    case EventKind.Status:
                        if (next.Code == PosewireCode.Ok || next.Code == PosewireCode.Cancelled) break;
                        if (sessionBegan) ComeBack(next);
                        else Fail(next.Message);
                        break;
                }
            }
        }

        /// <summary>A session is lost, perhaps with its server: the character holds its pose, and goes on in a new one.</summary>
        private void ComeBack(MotionEvent status)
        {
            if (status.Code == PosewireCode.Unauthenticated || status.Code == PosewireCode.PermissionDenied)
            {
                Fail(status.Message);
                return;
            }
            onNotice.Invoke("the session was lost (" + status.Message + "); waiting for the server");
            Ask(true);
        }

        private void Show(float elapsed)
        {
            player.Advance(elapsed);
            Pose = player.Sample(rotations);
            if (Pose.HasPose)
            {
                rig.Apply(rotations, Pose);
                if (travel == TravelMode.MoveObject) MoveObject();
            }
            TellFeet();
            Follow(Pose);
        }

        private void MoveObject()
        {
            player.TakeRootMotion(translation, turn);
            var step = transform.TransformVector(new Vector3(translation[0], translation[1], translation[2]));
            if (controller != null && controller.enabled) controller.Move(step);
            else transform.position += step;
            transform.rotation = transform.rotation * new Quaternion(turn[0], turn[1], turn[2], turn[3]);
        }

        private void TellFeet()
        {
            uint bit;
            bool began;
            double time;
            while (player.NextContact(out bit, out began, out time))
                if (began && bit < contactNames.Length) onFootDown.Invoke(contactNames[bit]);
        }

        private void Follow(MotionPose pose)
        {
            var before = State;
            switch (pose.State)
            {
                case PlayerState.Playing:
                    State = CharacterState.Playing;
                    break;
                case PlayerState.Starved:
                    State = CharacterState.Holding;
                    break;
                case PlayerState.Ended:
                    State = pose.Waiting ? CharacterState.Holding : CharacterState.Ended;
                    break;
                case PlayerState.Failed:
                    State = pose.Waiting ? CharacterState.Holding
                        : pose.Code == PosewireCode.Cancelled ? CharacterState.Ended : CharacterState.Failed;
                    break;
            }
            if (!started && State == CharacterState.Playing && !pose.Waiting)
            {
                started = true;
                onStarted.Invoke();
            }
            if (State == CharacterState.Ended && before == CharacterState.Playing) onEnded.Invoke();
        }

        /// <summary>A target waits until its session is seen: only then is it known where that is.</summary>
        private void SendTarget()
        {
            if (session == null || session.Ended || Pose.Waiting || State != CharacterState.Playing) return;
            if (wantedPlace == null && wantedTurn == null) return;
            float[] place = null, facing = null;
            if (travel == TravelMode.MoveObject) PlaceObject();
            if (wantedPlace.HasValue)
            {
                var local = travel == TravelMode.MoveObject
                    ? wantedPlace.Value
                    : transform.InverseTransformPoint(wantedPlace.Value);
                place = new[] { local.x, local.y, local.z };
            }
            if (wantedTurn.HasValue)
            {
                var local = travel == TravelMode.MoveObject
                    ? wantedTurn.Value
                    : Quaternion.Inverse(transform.rotation) * wantedTurn.Value;
                facing = new[] { local.x, local.y, local.z, local.w };
            }
            session.Target(player, place, facing);
            wantedPlace = null;
            wantedTurn = null;
        }

        /// <summary>Where the object moves, the player's path is the object's own.</summary>
        private void PlaceObject()
        {
            var at = transform.position;
            var facing = transform.rotation;
            player.Place(new[] { at.x, at.y, at.z }, new[] { facing.x, facing.y, facing.z, facing.w });
        }
    }
}
