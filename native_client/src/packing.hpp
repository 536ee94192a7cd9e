// How bytes become a frame, as `Packing` of the .proto defines it. Knows no message and no stream.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pw {

// Most joints of a skeleton that comes over the wire: sizes stay far from overflowing.
constexpr uint32_t kMaxJoints = 1024;

// Bytes of one packed frame; 0: no such packing, or too many joints.
size_t frame_bytes(uint32_t packing, uint32_t joints);

// Unpacks `frames` frames from `frames * frame_bytes(...)` bytes: (frames x joints x 4), (frames x 3),
// (frames). False when some number isn't finite or some rotation isn't of unit length.
bool unpack(uint32_t packing, uint32_t joints, uint32_t frames, const uint8_t* data, float* rotations,
            float* roots, uint8_t* contacts);

}  // namespace pw
