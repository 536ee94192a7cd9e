// Any bytes as packed frames: nothing is read or written out of bounds, and what is accepted is a pose.
#include <cmath>
#include <cstdlib>
#include <vector>

#include "packing.hpp"
#include "quat.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const uint32_t packing = data[0] % 4, joints = data[1] % 40;
    const size_t width = pw::frame_bytes(packing, joints);
    if (width == 0) return 0;
    const auto frames = uint32_t((size - 2) / width);
    // Exactly as large as they must be, so that the sanitizer sees one byte too many.
    const std::vector<uint8_t> bytes(data + 2, data + 2 + frames * width);
    std::vector<float> rotations(size_t(frames) * joints * 4), roots(size_t(frames) * 3);
    std::vector<uint8_t> contacts(frames);
    if (!pw::unpack(packing, joints, frames, bytes.data(), rotations.data(), roots.data(), contacts.data()))
        return 0;
    for (const float value : roots)
        if (!std::isfinite(value)) std::abort();
    for (size_t q = 0; q < rotations.size(); q += 4)
        if (std::abs(pw::dot(pw::load4(&rotations[q]), pw::load4(&rotations[q])) - 1) > 0.03f) std::abort();
    return 0;
}
