#include "packing.hpp"

#include <cstring>

#include "posewire.h"
#include "quat.hpp"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the wire is little-endian, and so must the machine be"
#endif

namespace pw {
namespace {

constexpr size_t kRootBytes = 12, kContactBytes = 1;
constexpr int kSteps = 32767;                      // the largest value of a 15-bit component
constexpr double kHalfRoot = 0.70710678118654752;  // 1 / sqrt(2), the largest that one of the three can be

size_t joint_bytes(uint32_t packing) {
    return packing == PW_PACKING_FLOAT32 ? 16 : packing == PW_PACKING_SMALLEST_THREE_48 ? 6 : 0;
}

// The components that are sent, by the index of the one that is not.
constexpr uint8_t kOthers[4][3] = {{1, 2, 3}, {0, 2, 3}, {0, 1, 3}, {0, 1, 2}};

void unpack_smallest_three(const uint8_t* data, float* out) {
    uint64_t word = 0;
    std::memcpy(&word, data, 6);
    const unsigned largest = unsigned(word >> 45) & 3;
    double rest = 1;
    for (int i = 0; i < 3; ++i) {
        const double level = double((word >> 15 * i) & kSteps);
        const double c = (level * (2.0 / kSteps) - 1) * kHalfRoot;
        rest -= c * c;
        out[kOthers[largest][i]] = float(c);
    }
    out[largest] = float(std::sqrt(std::max(rest, 0.0)));
}

bool is_point(Vec3f v) { return std::isfinite(v.x) && std::isfinite(v.y) && std::isfinite(v.z); }

bool is_rotation(Quatf q) {
    const float square = dot(q, q);
    return square > 0.98f && square < 1.02f;  // false for anything that isn't finite
}

}  // namespace

size_t frame_bytes(uint32_t packing, uint32_t joints) {
    const size_t each = joint_bytes(packing);
    return each == 0 || joints > kMaxJoints ? 0 : kRootBytes + each * joints + kContactBytes;
}

bool unpack(uint32_t packing, uint32_t joints, uint32_t frames, const uint8_t* data, float* rotations,
            float* roots, uint8_t* contacts) {
    const size_t each = joint_bytes(packing);
    bool fine = true;
    for (uint32_t f = 0; f < frames; ++f) {
        std::memcpy(roots, data, kRootBytes);
        fine &= is_point(load3(roots));
        data += kRootBytes, roots += 3;
        for (uint32_t j = 0; j < joints; ++j, data += each, rotations += 4) {
            if (packing == PW_PACKING_FLOAT32) {
                std::memcpy(rotations, data, 16);
            } else {
                unpack_smallest_three(data, rotations);
            }
            // Three large components leave no room for a fourth; a writer never makes such words.
            fine &= is_rotation(load4(rotations));
        }
        *contacts++ = *data++;
    }
    return fine;
}

}  // namespace pw
