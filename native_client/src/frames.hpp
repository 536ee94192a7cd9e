// Coordinates of other programs: each frame is a signed permutation of our axes and a unit. Twin of
// posewire_runtime/motion/coords.py.
#pragma once

#include <cstddef>

#include "quat.hpp"

namespace pw {

// A program's axes in terms of ours.
class Frame {
  public:
    // Of a `pw_frame`; throws for numbers that are none.
    static Frame of(unsigned frame);

    float units() const { return units_; }
    Frame inverse() const;
    Vec3f position(Vec3f v) const;
    Quatf rotation(Quatf q) const;
    void positions(const float* in, float* out, size_t count) const;
    void rotations(const float* in, float* out, size_t count) const;

  private:
    Frame(int x, int y, int z, int sx, int sy, int sz, float units = 1);

    int axes_[3];     // which of our axes becomes its x, y and z
    float signs_[3];  // and with which sign
    float turns_[3];  // the signs of a quaternion's imaginary parts: a mirrored frame turns the other way
    float units_;     // how many of its units a metre is
};

}  // namespace pw
