// Feet that touch the floor stay where they came down: two-bone inverse kinematics of the legs, last of all.
#pragma once

#include <array>

#include "motion.hpp"

namespace pw {

// Hip, knee and ankle of one leg, and what is known of its foot.
struct Leg {
    int32_t thigh = -1, calf = -1, foot = -1;  // joints; -1: the character has no such leg
    uint32_t contact_bits = 0;                 // any of them: the foot touches
    bool locked = false;
    float weight = 0;    // how far the foot is held, 0 to 1; ramps in and out
    Vec3f held;          // where, in the world
    bool known = false;  // `seen` means something
    Vec3f seen;          // where the foot was at last, in the world
};

class FootIk {
  public:
    explicit FootIk(float strength) : strength_(strength) {}

    bool active() const { return strength_ > 0; }
    // Finds the legs of the skeleton that a motion drives.
    void bind(const Motion& motion);
    // Lets go of all feet, for example after a jump.
    void release();
    // Time passes, with these contact bits.
    void advance(double seconds, uint32_t contacts);
    // Corrects a pose; `world` is where its space lies. `turned` (J x 4) and `placed` (J x 3) are scratch.
    void apply(const Skeleton& skeleton, const Place& world, float* rotations, Vec3f& root, float* turned,
               float* placed);

  private:
    const float strength_;
    std::array<Leg, 2> legs_;
};

}  // namespace pw
