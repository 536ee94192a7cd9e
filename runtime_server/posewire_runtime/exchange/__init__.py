"""What crosses the wire, as plain values: checked requests, events, packed frames, pacing."""
