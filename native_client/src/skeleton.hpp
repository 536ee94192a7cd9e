// Joints in rest pose and forward kinematics. Rotations are parent-relative and whole: where a skeleton has
// rest rotations, a joint at rest carries its rest rotation, not the identity.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "quat.hpp"

namespace pw {

// What it takes to make a skeleton: the fields of the wire's joints.
struct SkeletonParts {
    std::vector<std::string> names;
    std::vector<int32_t> parents;  // -1: none; else the index of an earlier joint
    std::vector<Vec3f> positions;  // in model space, metres
    std::vector<Quatf> rotations;  // relative to the parent
    uint32_t pelvis = 0;           // the joint that a frame's root position places
    float sole = 0;                // height of the soles, in the space of `positions`
};

// Never changes once it is made, so that threads share it.
class Skeleton {
  public:
    // Throws where names repeat, a parent comes late, or a number isn't one; `what` begins the message.
    explicit Skeleton(SkeletonParts parts, const std::string& what = "joints");

    const SkeletonParts& parts() const { return parts_; }
    uint32_t size() const { return uint32_t(parts_.names.size()); }
    const std::vector<std::string>& names() const { return parts_.names; }
    const std::string& name(uint32_t joint) const { return parts_.names[joint]; }
    int32_t parent(uint32_t joint) const { return parts_.parents[joint]; }
    Vec3f position(uint32_t joint) const { return parts_.positions[joint]; }
    Quatf rest(uint32_t joint) const { return parts_.rotations[joint]; }
    uint32_t pelvis() const { return parts_.pelvis; }
    float sole() const { return parts_.sole; }
    // Height of a joint above the soles at rest.
    float height(uint32_t joint) const { return position(joint).y - sole(); }
    // Rest rotation in model space.
    Quatd rest_global(uint32_t joint) const { return rest_globals_[joint]; }
    // Index by name; -1: there is none.
    int32_t find(const char* name) const;
    int32_t find(const std::string& name) const { return find(name.c_str()); }

    // The model space rotation of a joint's parent, from parent-relative rotations (J x 4).
    Quatf above(uint32_t joint, const float* rotations) const;
    // The same with the parent's position; joints above the pelvis stay where their own chain puts them.
    void above(uint32_t joint, const float* rotations, Quatf& rotation, Vec3f& position) const;
    // Forward kinematics: (J x 4) and the pelvis' position -> model space (J x 4) and (J x 3).
    void forward(const float* rotations, Vec3f root, float* model_rotations, float* model_positions) const;

  private:
    void check(const std::string& what) const;

    SkeletonParts parts_;
    std::vector<Quatd> rest_globals_;
    std::vector<Vec3f> offsets_;  // where each joint sits in its parent's own axes; a root keeps its position
};

using SharedSkeleton = std::shared_ptr<const Skeleton>;

}  // namespace pw
