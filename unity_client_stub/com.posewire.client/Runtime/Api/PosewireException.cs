using System;

namespace Posewire
{
    /// <summary>What was expected, what was found, what to do.</summary>
    public sealed class PosewireException : Exception
    {
        public PosewireException(PosewireCode code, string message) : base(message)
        {
            Code = code;
        }

        /// <summary>For programs; the message is for people.</summary>
        public PosewireCode Code { get; private set; }
    }
}
