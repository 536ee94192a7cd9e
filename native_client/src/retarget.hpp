// Motion of one skeleton on another: as far as a joint turns from its rest in the world, its bone turns too.
// Twin of posewire_runtime/motion/retarget.py:
//
//     D = G inverse(S),  G' = D C T,  L' = inverse(G'_parent) G'
//
// with the source's global rotation G and rest S, the target's rest T, and C that brings an A-pose's arms to
// the source's T-pose. Bones that nobody maps keep their rest rotation.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "posewire.h"
#include "skeleton.hpp"

namespace pw {

// Joint name -> bone index, and how to use it.
struct BoneTarget {
    SharedSkeleton skeleton;
    std::vector<std::pair<std::string, uint32_t>> bones;  // joint, bone; each bone once
    bool match_limbs = true;                              // calibrate the arms
    bool scale_travel = true;                             // scale the whole path; false: only heights
};

using SharedTarget = std::shared_ptr<const BoneTarget>;

// From names, or guessed where `bones` is NULL; throws when a bone isn't there or is named twice. The bone
// that "Pelvis" drives becomes the skeleton's pelvis.
SharedTarget bone_target(SharedSkeleton target, const pw_bone* bones, uint32_t count, bool match_limbs,
                         bool scale_travel);

// The tables for one pair of skeletons. Binding and applying don't allocate.
class Retarget {
  public:
    // Takes room for all bones of the target.
    explicit Retarget(SharedTarget target);

    const Skeleton& skeleton() const { return *target_->skeleton; }
    // Throws what keeps the target from moving like the source. Joints that the source lacks drive nothing
    // unless `strict`, then they throw too. The source must outlive its use.
    void bind(const Skeleton& source, bool strict);
    // One frame: source rotations (J x 4) and root -> target rotations (B x 4) and root. `scratch` has room
    // for J x 4 and B x 4 floats.
    void apply(const float* rotations, Vec3f root, float* scratch, float* out, Vec3f& out_root) const;
    bool drives(uint32_t bone) const { return drivers_[bone] >= 0; }
    // The bone that a joint of the source drives; -1: none.
    int32_t bone_of(const char* joint) const;
    // How much longer the target's way along the floor is.
    float travel() const { return travel_; }

  private:
    void calibrate_arm(const Skeleton& source, const char* const (&arm)[3]);

    SharedTarget target_;
    const Skeleton* source_ = nullptr;
    std::vector<int32_t> drivers_;  // for each bone the joint that drives it; -1: none
    std::vector<Quatf> turns_;      // inverse(S) C T of each driven bone
    std::vector<Quatd> calibration_;
    float height_ = 1, travel_ = 1;
};

}  // namespace pw
