// The least of UnityEngine that Posewire's package is written against, so that mono can compile and run it: signatures
// are Unity's, transforms and quaternions really compute, the rest records or does nothing.
using System;
using System.Collections.Generic;

namespace UnityEngine
{
    public struct Vector3
    {
        public float x, y, z;

        public Vector3(float x, float y, float z)
        {
            this.x = x;
            this.y = y;
            this.z = z;
        }

        public static Vector3 zero { get { return new Vector3(0, 0, 0); } }
        public static Vector3 one { get { return new Vector3(1, 1, 1); } }
        public static Vector3 up { get { return new Vector3(0, 1, 0); } }
        public static Vector3 forward { get { return new Vector3(0, 0, 1); } }
        public float magnitude { get { return (float)Math.Sqrt(x * x + y * y + z * z); } }
        public static Vector3 Scale(Vector3 a, Vector3 b) { return new Vector3(a.x * b.x, a.y * b.y, a.z * b.z); }
        public static Vector3 operator +(Vector3 a, Vector3 b) { return new Vector3(a.x + b.x, a.y + b.y, a.z + b.z); }
        public static Vector3 operator -(Vector3 a, Vector3 b) { return new Vector3(a.x - b.x, a.y - b.y, a.z - b.z); }
        public static Vector3 operator *(Vector3 a, float s) { return new Vector3(a.x * s, a.y * s, a.z * s); }
    }

    public struct Quaternion
    {
        public float x, y, z, w;

        public Quaternion(float x, float y, float z, float w)
        {
            this.x = x;
            this.y = y;
            this.z = z;
            this.w = w;
        }

        public static Quaternion identity { get { return new Quaternion(0, 0, 0, 1); } }
        public static Quaternion Inverse(Quaternion q) { return new Quaternion(-q.x, -q.y, -q.z, q.w); }

        public static Quaternion AngleAxis(float degrees, Vector3 axis)
        {
            double half = degrees * Math.PI / 360, s = Math.Sin(half) / axis.magnitude;
            return new Quaternion((float)(axis.x * s), (float)(axis.y * s), (float)(axis.z * s), (float)Math.Cos(half));
        }

        public static Quaternion operator *(Quaternion a, Quaternion b)
        {
            return new Quaternion(
                a.w * b.x + a.x * b.w + a.y * b.z - a.z * b.y,
                a.w * b.y - a.x * b.z + a.y * b.w + a.z * b.x,
                a.w * b.z + a.x * b.y - a.y * b.x + a.z * b.w,
                a.w * b.w - a.x * b.x - a.y * b.y - a.z * b.z);
        }

        public static Vector3 operator *(Quaternion q, Vector3 v)
        {
            var turned = q * new Quaternion(v.x, v.y, v.z, 0) * Inverse(q);
            return new Vector3(turned.x, turned.y, turned.z);
        }
    }

    [Flags]
    public enum HideFlags { None = 0, HideAndDontSave = 61 }

    public class Object
    {
        internal bool destroyed;

        public string name = "";
        public HideFlags hideFlags;

        public static T FindObjectOfType<T>() where T : Object
        {
            foreach (var thing in GameObject.All)
            {
                var found = thing.GetComponent<T>();
                if (found != null) return found;
            }
            return null;
        }

        public static void Destroy(Object thing) { DestroyImmediate(thing); }

        public static void DestroyImmediate(Object thing)
        {
            var whole = thing as GameObject;
            if (whole != null) whole.Remove();
            thing.destroyed = true;
        }

        public static GameObject Instantiate(GameObject original) { return original.Copy(null); }

        public static bool operator ==(Object a, Object b)
        {
            bool noA = ReferenceEquals(a, null) || a.destroyed, noB = ReferenceEquals(b, null) || b.destroyed;
            return noA || noB ? noA == noB : ReferenceEquals(a, b);
        }

        public static bool operator !=(Object a, Object b) { return !(a == b); }
        public override bool Equals(object other) { return ReferenceEquals(this, other); }
        public override int GetHashCode() { return System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this); }
    }

    public class Component : Object
    {
        public GameObject gameObject { get; internal set; }
        public Transform transform { get { return gameObject.transform; } }
        public T GetComponent<T>() where T : class { return gameObject.GetComponent<T>(); }
    }

    public class Behaviour : Component
    {
        internal bool on = true;

        public bool enabled
        {
            get { return on; }
            set
            {
                if (on == value) return;
                on = value;
                if (gameObject.active) Messages.Send(this, value ? "OnEnable" : "OnDisable");
            }
        }

        public bool isActiveAndEnabled { get { return on && !destroyed && gameObject.active; } }
    }

    public class MonoBehaviour : Behaviour { }

    /// <summary>Calls what Unity calls by name.</summary>
    public static class Messages
    {
        public static void Send(Component to, string name)
        {
            var method = to.GetType().GetMethod(name, System.Reflection.BindingFlags.Instance |
                System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.NonPublic);
            if (method == null) return;
            try
            {
                method.Invoke(to, null);
            }
            catch (System.Reflection.TargetInvocationException error)
            {
                throw new Exception(error.InnerException.ToString());
            }
        }

        /// <summary>One frame of the game.</summary>
        public static void Frame(float seconds)
        {
            Time.deltaTime = seconds;
            foreach (var name in new[] { "Update", "LateUpdate" })
                foreach (var thing in GameObject.All.ToArray())
                    foreach (var component in thing.components.ToArray())
                    {
                        var behaviour = component as MonoBehaviour;
                        if (behaviour != null && behaviour.isActiveAndEnabled) Send(behaviour, name);
                    }
        }
    }

    public sealed class GameObject : Object
    {
        internal static readonly List<GameObject> All = new List<GameObject>();
        internal readonly List<Component> components = new List<Component>();

        public GameObject(string name = "")
        {
            this.name = name;
            transform = new Transform { gameObject = this };
            All.Add(this);
        }

        public Transform transform { get; private set; }

        public static GameObject CreatePrimitive(PrimitiveType type) { return new GameObject(type.ToString()); }

        public T AddComponent<T>() where T : Component, new()
        {
            return AddComponent<T>(null);
        }

        /// <summary>`prepare` sets what Unity would have read from the scene.</summary>
        public T AddComponent<T>(Action<T> prepare) where T : Component, new()
        {
            var made = new T { gameObject = this, name = name };
            components.Add(made);
            if (prepare != null) prepare(made);
            if (made is MonoBehaviour && active) Messages.Send(made, "OnEnable");
            return made;
        }

        internal bool active = true;

        public void SetActive(bool now)
        {
            if (active == now) return;
            active = now;
            foreach (var component in components.ToArray())
            {
                var behaviour = component as MonoBehaviour;
                if (behaviour != null && behaviour.on) Messages.Send(behaviour, now ? "OnEnable" : "OnDisable");
            }
        }

        public T GetComponent<T>() where T : class
        {
            foreach (var component in components)
            {
                var found = component as T;
                if (found != null) return found;
            }
            return null;
        }

        internal void Remove()
        {
            foreach (var component in components)
            {
                var behaviour = component as Behaviour;
                if (behaviour != null) behaviour.enabled = false;
            }
            for (int i = transform.childCount; i-- > 0;) transform.GetChild(i).gameObject.Remove();
            transform.parent = null;
            All.Remove(this);
        }

        internal GameObject Copy(Transform parent)
        {
            var copy = new GameObject(name);
            copy.transform.parent = parent;
            copy.transform.localPosition = transform.localPosition;
            copy.transform.localRotation = transform.localRotation;
            copy.transform.localScale = transform.localScale;
            for (int i = 0; i < transform.childCount; i++) transform.GetChild(i).gameObject.Copy(copy.transform);
            foreach (var component in components)
            {
                var clone = (Component)Activator.CreateInstance(component.GetType());
                clone.gameObject = copy;
                var behaviour = clone as Behaviour;
                if (behaviour != null) behaviour.on = false;
                copy.components.Add(clone);
            }
            return copy;
        }
    }

    public sealed class Transform : Component
    {
        private readonly List<Transform> children = new List<Transform>();
        private Transform above;

        public Vector3 localPosition;
        public Quaternion localRotation = Quaternion.identity;
        public Vector3 localScale = Vector3.one;

        public new string name
        {
            get { return gameObject.name; }
            set { gameObject.name = value; }
        }

        public Transform parent
        {
            get { return above; }
            set
            {
                if (!ReferenceEquals(above, null)) above.children.Remove(this);
                above = value;
                if (!ReferenceEquals(above, null)) above.children.Add(this);
            }
        }

        public void SetParent(Transform to, bool worldPositionStays)
        {
            if (worldPositionStays) throw new NotSupportedException("a parent that keeps places in the world");
            parent = to;
        }

        public int childCount { get { return children.Count; } }
        public Transform GetChild(int index) { return children[index]; }

        public Vector3 position
        {
            get { return ReferenceEquals(above, null) ? localPosition : above.TransformPoint(localPosition); }
            set { localPosition = ReferenceEquals(above, null) ? value : above.InverseTransformPoint(value); }
        }

        public Quaternion rotation
        {
            get { return ReferenceEquals(above, null) ? localRotation : above.rotation * localRotation; }
            set
            {
                localRotation = ReferenceEquals(above, null) ? value : Quaternion.Inverse(above.rotation) * value;
            }
        }

        public Vector3 TransformVector(Vector3 v)
        {
            var here = localRotation * Vector3.Scale(localScale, v);
            return ReferenceEquals(above, null) ? here : above.TransformVector(here);
        }

        public Vector3 TransformPoint(Vector3 v)
        {
            var here = localPosition + localRotation * Vector3.Scale(localScale, v);
            return ReferenceEquals(above, null) ? here : above.TransformPoint(here);
        }

        public Vector3 InverseTransformPoint(Vector3 v)
        {
            var here = ReferenceEquals(above, null) ? v : above.InverseTransformPoint(v);
            var back = Quaternion.Inverse(localRotation) * (here - localPosition);
            return new Vector3(back.x / localScale.x, back.y / localScale.y, back.z / localScale.z);
        }
    }

    public sealed class CharacterController : Component
    {
        public bool enabled = true;
        public void Move(Vector3 step) { transform.position += step; }
    }

    public static class Time { public static float deltaTime; }

    public static class Application
    {
        public static bool isPlaying = true;
        public static event Action quitting;
        public static void Quit() { if (quitting != null) quitting(); }
    }

    public static class Debug
    {
        public static readonly List<string> Errors = new List<string>();
        public static void LogError(object message, Object context) { Errors.Add(message.ToString()); }
        public static void Log(object message) { Console.WriteLine(message); }
    }

    // ------------------------------------------------------------------------------------------- humanoids

    public enum HumanBodyBones
    {
        Hips = 0, LeftUpperLeg = 1, RightUpperLeg = 2, LeftLowerLeg = 3, RightLowerLeg = 4, LeftFoot = 5, RightFoot = 6,
        Spine = 7, Chest = 8, Neck = 9, Head = 10, LeftShoulder = 11, RightShoulder = 12, LeftUpperArm = 13,
        RightUpperArm = 14, LeftLowerArm = 15, RightLowerArm = 16, LeftHand = 17, RightHand = 18, LeftToes = 19,
        RightToes = 20, UpperChest = 54
    }

    public struct SkeletonBone
    {
        public string name;
        public Vector3 position;
        public Quaternion rotation;
        public Vector3 scale;
    }

    public struct HumanDescription { public SkeletonBone[] skeleton; }

    public sealed class Avatar : Object
    {
        public HumanDescription description;
        public HumanDescription humanDescription { get { return description; } }
    }

    public sealed class Animator : Behaviour
    {
        public readonly Dictionary<HumanBodyBones, Transform> bones = new Dictionary<HumanBodyBones, Transform>();
        public Avatar avatar { get; set; }
        public bool isHuman { get { return bones.Count > 0; } }

        public Transform GetBoneTransform(HumanBodyBones bone)
        {
            Transform found;
            return bones.TryGetValue(bone, out found) ? found : null;
        }
    }

    public struct HumanPose
    {
        public Vector3 bodyPosition;
        public Quaternion bodyRotation;
        public float[] muscles;
    }

    public sealed class HumanPoseHandler : IDisposable
    {
        public HumanPoseHandler(Avatar avatar, Transform root) { }
        public void GetHumanPose(ref HumanPose pose) { pose.muscles = new float[95]; }
        public void Dispose() { }
    }

    public static class HumanTrait
    {
        public static string[] MuscleName { get { return Array.ConvertAll(new int[95], i => "muscle"); } }
    }

    // --------------------------------------------------------------------------------------------- clips

    public struct Keyframe
    {
        public float time, value;
    }

    public sealed class AnimationCurve
    {
        private readonly List<Keyframe> all = new List<Keyframe>();
        public Keyframe[] keys { get { return all.ToArray(); } }

        public int AddKey(float time, float value)
        {
            all.Add(new Keyframe { time = time, value = value });
            return all.Count - 1;
        }
    }

    public sealed class AnimationClip : Object
    {
        /// <summary>By path and property.</summary>
        public readonly Dictionary<string, AnimationCurve> curves = new Dictionary<string, AnimationCurve>();
        public float frameRate { get; set; }
        public void SetCurve(string path, Type type, string property, AnimationCurve curve)
        {
            curves[path + ":" + property] = curve;
        }
        public void EnsureQuaternionContinuity() { }
    }

    // ----------------------------------------------------------------------------------------- attributes

    public sealed class SerializeField : Attribute { }
    public sealed class TextAreaAttribute : Attribute { }
    public sealed class DisallowMultipleComponent : Attribute { }
    public sealed class TooltipAttribute : Attribute { public TooltipAttribute(string text) { } }
    public sealed class RangeAttribute : Attribute { public RangeAttribute(float least, float most) { } }
    public sealed class AddComponentMenu : Attribute { public AddComponentMenu(string name) { } }
    public sealed class DefaultExecutionOrder : Attribute { public DefaultExecutionOrder(int order) { } }
    public enum RuntimeInitializeLoadType { SubsystemRegistration = 4 }

    public sealed class RuntimeInitializeOnLoadMethodAttribute : Attribute
    {
        public RuntimeInitializeOnLoadMethodAttribute(RuntimeInitializeLoadType when) { }
    }

    // ---------------------------------------------------------------------------------- for the sample's page

    public struct Rect { public Rect(float x, float y, float width, float height) { } }
    public struct Color { public Color(float r, float g, float b) { } }
    public enum PrimitiveType { Sphere = 0, Capsule = 1 }

    public static class GUI
    {
        public static string TextField(Rect at, string text) { return text; }
        public static bool Button(Rect at, string text) { return false; }
        public static void Label(Rect at, string text) { }
    }

    public static class GUILayout
    {
        public static bool Button(string text) { return false; }
    }
}

namespace UnityEngine.Events
{
    public class UnityEvent
    {
        private Action listeners = delegate { };
        public void AddListener(Action listener) { listeners += listener; }
        public void Invoke() { listeners(); }
    }

    public class UnityEvent<T>
    {
        private Action<T> listeners = delegate { };
        public void AddListener(Action<T> listener) { listeners += listener; }
        public void Invoke(T value) { listeners(value); }
    }
}
