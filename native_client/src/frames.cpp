#include "frames.hpp"

#include <string>

#include "error.hpp"

namespace pw {

Frame::Frame(int x, int y, int z, int sx, int sy, int sz, float units)
    : axes_{x, y, z}, signs_{float(sx), float(sy), float(sz)}, units_(units) {
    const bool swaps_two = (y - x + 3) % 3 == 2;
    const float handedness = (swaps_two ? -1.f : 1.f) * float(sx * sy * sz);
    for (int i = 0; i < 3; ++i) turns_[i] = signs_[i] * handedness;
}

Frame Frame::of(unsigned frame) {
    switch (frame) {
        case PW_FRAME_CANONICAL:
        case PW_FRAME_GLTF:
        case PW_FRAME_GODOT:
            return {0, 1, 2, 1, 1, 1};
        case PW_FRAME_UNITY:
            return {0, 1, 2, -1, 1, 1};
        case PW_FRAME_BLENDER:
            return {0, 2, 1, 1, -1, 1};
        case PW_FRAME_UNREAL_COMPONENT:
            return {0, 2, 1, 1, 1, 1, 100};
        case PW_FRAME_UNREAL_ACTOR:
            return {2, 0, 1, 1, -1, 1, 100};
        default:
            throw invalid("frame: expected a pw_frame, found " + std::to_string(frame));
    }
}

Frame Frame::inverse() const {
    int axes[3], signs[3];
    for (int i = 0; i < 3; ++i) axes[axes_[i]] = i, signs[axes_[i]] = int(signs_[i]);
    return {axes[0], axes[1], axes[2], signs[0], signs[1], signs[2], 1 / units_};
}

Vec3f Frame::position(Vec3f v) const {
    const float in[] = {v.x, v.y, v.z};
    float out[3];
    for (int i = 0; i < 3; ++i) out[i] = in[axes_[i]] * signs_[i] * units_;
    return load3(out);
}

Quatf Frame::rotation(Quatf q) const {
    const float in[] = {q.x, q.y, q.z};
    return {in[axes_[0]] * turns_[0], in[axes_[1]] * turns_[1], in[axes_[2]] * turns_[2], q.w};
}

void Frame::positions(const float* in, float* out, size_t count) const {
    for (size_t i = 0; i < count; ++i) store(out + 3 * i, position(load3(in + 3 * i)));
}

void Frame::rotations(const float* in, float* out, size_t count) const {
    for (size_t i = 0; i < count; ++i) store(out + 4 * i, rotation(load4(in + 4 * i)));
}

}  // namespace pw
