namespace Posewire
{
    /// <summary>The standard RPC status codes.</summary>
    public enum PosewireCode
    {
        Ok = 0,
        Cancelled = 1,
        Unknown = 2,
        InvalidArgument = 3,
        DeadlineExceeded = 4,
        NotFound = 5,
        PermissionDenied = 7,
        ResourceExhausted = 8,
        FailedPrecondition = 9,
        Internal = 13,
        Unavailable = 14,
        Unauthenticated = 16
    }

    /// <summary>Spaces of other programs.</summary>
    public enum Frame
    {
        Canonical = 0,
        Gltf = 1,
        Godot = 2,
        Unity = 3,
        Blender = 4,
        UnrealComponent = 5,
        UnrealActor = 6
    }

    /// <summary>How frames become bytes on the wire.</summary>
    public enum Packing
    {
        /// <summary>Exact.</summary>
        Float32 = 1,
        /// <summary>Within 0.0001, less than half the size.</summary>
        SmallestThree48 = 2
    }

    /// <summary>Who goes first when the server hasn't room for everybody.</summary>
    public enum Priority
    {
        Bulk = 1,
        Normal = 2,
        Interactive = 3
    }

    /// <summary>What the numbers of a rest pose are relative to.</summary>
    public enum Rest
    {
        /// <summary>Positions to the model, rotations to the parent.</summary>
        Wire = 0,
        /// <summary>Both to the parent.</summary>
        Local = 1,
        /// <summary>Both to the model.</summary>
        Model = 2
    }

    /// <summary>What the connection does.</summary>
    public enum ClientState
    {
        Idle = 0,
        Connecting = 1,
        Ready = 2,
        /// <summary>The last try failed; the next one is due after the back-off.</summary>
        Waiting = 3
    }

    /// <summary>What a stream tells.</summary>
    public enum EventKind
    {
        None = 0,
        Header = 1,
        ClipStart = 2,
        Chunk = 3,
        ClipEnd = 4,
        Progress = 5,
        Notice = 6,
        Status = 7,
        Started = 8,
        Segment = 9,
        Answer = 10
    }

    /// <summary>Where the travel of a motion goes.</summary>
    public enum Root
    {
        /// <summary>The path as it was generated; a new motion begins at the origin again.</summary>
        AsSent = 0,
        /// <summary>One path through all motions and loops; the hips move, the object stays.</summary>
        Travel = 1,
        /// <summary>Travel and heading are taken out of the pose; the object moves by them.</summary>
        InPlace = 2
    }

    /// <summary>What a player does.</summary>
    public enum PlayerState
    {
        Idle = 0,
        Buffering = 1,
        Playing = 2,
        /// <summary>It holds its pose: frames didn't arrive in time.</summary>
        Starved = 3,
        Ended = 4,
        Failed = 5
    }
}
