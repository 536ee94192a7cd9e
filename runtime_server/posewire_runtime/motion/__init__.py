"""The maths of motion: pure functions on arrays, batch-polymorphic over leading dimensions.

Frame: right-handed, Y up, facing +Z, the character's left is +X, metres; quaternions are xyzw. The C++
and C# twins carry the same names and are tested against the same vectors (tests/golden/motion).
"""
