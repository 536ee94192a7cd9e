// The structs of posewire.h, field by field; tests/unity compares them with the header. Texts and arrays are
// pointers: `Arena` makes them for a call, `Text.Read` reads those that come back.
using System;
using System.Runtime.InteropServices;

namespace Posewire.Interop
{
    /// <summary>One joint in its rest pose.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct PwJoint
    {
        public IntPtr name;
        public int parent;
        public fixed float position[3];
        public fixed float rotation[4];
    }

    /// <summary>A skeleton in its rest pose.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PwSkeletonOptions
    {
        public uint structSize;
        public uint frame;
        public uint rest;
        public uint jointCount;
        public IntPtr joints;
        public int pelvis;
        public float sole;
    }

    /// <summary>Which bone plays which joint.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PwBone
    {
        public IntPtr joint;
        public IntPtr bone;
    }

    /// <summary>How to reach a server.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PwClientOptions
    {
        public uint structSize;
        public int tls;
        public IntPtr target;
        public IntPtr token;
        public IntPtr caPem;
        public IntPtr certificatePem;
        public IntPtr keyPem;
        public IntPtr serverName;
        public double backoffMinSeconds;
        public double backoffMaxSeconds;
        public double keepaliveSeconds;
        public double shutdownSeconds;
    }

    /// <summary>A request for motion.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PwGenerateOptions
    {
        public uint structSize;
        public uint frames;
        public double seconds;
        public IntPtr prompt;
        public IntPtr model;
        public IntPtr preset;
        public IntPtr solver;
        public IntPtr requestId;
        public IntPtr seeds;
        public uint seedCount;
        public uint steps;
        public float guidance;
        public uint packing;
        public double rate;
        public double aheadSeconds;
        public uint chunkFrames;
        public uint priority;
        public int ground;
        public int smooth;
        public int progress;
        public int specialGame;
        public IntPtr target;
        public IntPtr bones;
        public uint boneCount;
        public int matchLimbs;
        public int scaleTravel;
        public int waitForServer;
        public double timeoutSeconds;
        public double resumeSeconds;
        public int verbatim;
    }

    /// <summary>Time spent in one stage.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PwTiming
    {
        public IntPtr stage;
        public ulong nanoseconds;
    }

    /// <summary>One event of a stream.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PwEvent
    {
        public uint structSize;
        public uint kind;
        public uint clip;
        public uint firstFrame;
        public uint frames;
        public uint step;
        public uint steps;
        public int code;
        public ulong seed;
        public double time;
        public double retryAfterSeconds;
        public IntPtr name;
        public IntPtr message;
        public IntPtr rotations;
        public IntPtr roots;
        public IntPtr contacts;
        public IntPtr timings;
        public uint timingCount;
        public ulong command;
    }

    /// <summary>What is known before the first frame.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PwHeader
    {
        public uint structSize;
        public uint packing;
        public uint frameBytes;
        public uint clips;
        public double fps;
        public float familiarity;
        public uint contactCount;
        public IntPtr contactNames;
        public IntPtr streamId;
        public IntPtr model;
        public IntPtr convention;
        public IntPtr licenceNotice;
        public IntPtr nearestPrompt;
        public IntPtr skeleton;
    }

    /// <summary>What to get ready.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PwWarmOptions
    {
        public uint structSize;
        public uint modelCount;
        public IntPtr models;
        public IntPtr prompts;
        public uint promptCount;
        public int waitForServer;
        public double timeoutSeconds;
    }

    /// <summary>A named number of steps.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PwPreset
    {
        public IntPtr name;
        public uint steps;
        public int isDefault;
    }

    /// <summary>A model and what it can be asked for.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct PwModel
    {
        public uint structSize;
        public int isDefault;
        public int loaded;
        public int restrictsOutputs;
        public double fps;
        public uint minFrames;
        public uint maxFrames;
        public uint maxSteps;
        public uint maxPrompt;
        public uint maxSeeds;
        public float fixedGuidance;
        public uint presetCount;
        public uint providerCount;
        public uint solverCount;
        public IntPtr presets;
        public IntPtr providers;
        public IntPtr solvers;
        public IntPtr name;
        public IntPtr family;
        public IntPtr description;
        public IntPtr licence;
        public IntPtr licenceNotice;
        public IntPtr territory;
        public IntPtr skeleton;
        public int degraded;
    }

    /// <summary>How a live session begins.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct PwLiveOptions
    {
        public uint structSize;
        public uint packing;
        public IntPtr prompt;
        public IntPtr model;
        public IntPtr preset;
        public IntPtr solver;
        public IntPtr requestId;
        public IntPtr seed;
        public uint steps;
        public float guidance;
        public uint chunkFrames;
        public uint priority;
        public double aheadSeconds;
        public fixed float position[3];
        public float heading;
        public int specialGame;
        public IntPtr target;
        public IntPtr bones;
        public uint boneCount;
        public int matchLimbs;
        public int scaleTravel;
        public int waitForServer;
        public double resumeSeconds;
    }

    /// <summary>Where a live session stands.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PwLiveInfo
    {
        public uint structSize;
        public int started;
        public int connected;
        public uint frames;
        public uint played;
        public uint resumes;
        public double aheadSeconds;
        public double resumeSeconds;
        public double idleSeconds;
        public IntPtr sessionId;
    }

    /// <summary>How motion goes onto another skeleton.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PwRetargetOptions
    {
        public uint structSize;
        public int matchLimbs;
        public int scaleTravel;
        public uint boneCount;
        public IntPtr bones;
    }

    /// <summary>How a player shows motion.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PwPlayerOptions
    {
        public uint structSize;
        public uint frame;
        public uint root;
        public uint maxJoints;
        public IntPtr target;
        public IntPtr bones;
        public uint boneCount;
        public int matchLimbs;
        public int scaleTravel;
        public float footIk;
        public double bufferSeconds;
    }

    /// <summary>How a motion is played.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PwPlayOptions
    {
        public uint structSize;
        public int loop;
        public double fadeSeconds;
        public double loopFadeSeconds;
        public double startSeconds;
        public double speed;
    }

    /// <summary>Everything about this moment except the rotations.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct PwPose
    {
        public uint structSize;
        public uint state;
        public int hasPose;
        public int waiting;
        public uint joints;
        public uint contacts;
        public int code;
        public uint loops;
        public double time;
        public double duration;
        public double buffered;
        public fixed float rootPosition[3];
        public fixed float pelvisPosition[3];
        public fixed float position[3];
        public fixed float rotation[4];
    }

    /// <summary>Travel and turn since the last time.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct PwRootMotion
    {
        public fixed float translation[3];
        public fixed float rotation[4];
    }

    /// <summary>A foot comes down or lifts.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PwContact
    {
        public uint bit;
        public int began;
        public double time;
    }
}
