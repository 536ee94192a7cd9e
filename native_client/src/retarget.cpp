#include "retarget.hpp"

#include "error.hpp"
#include "rigs.hpp"

namespace pw {
namespace {

// What is calibrated by direction. The rest of the body differs between skeletons by design.
constexpr const char* kArms[2][3] = {{"L_Shoulder", "L_Elbow", "L_Wrist"},
                                     {"R_Shoulder", "R_Elbow", "R_Wrist"}};

void add_bone(BoneTarget& out, const char* joint, int32_t bone, const char* name) {
    const std::string field = "bones['" + std::string(joint) + "']";
    if (bone < 0) throw invalid(field + ": expected one of the target's bones, found '" + name + "'");
    for (const auto& [other, taken] : out.bones) {
        if (taken == uint32_t(bone))
            throw invalid(field + ": expected one joint a bone; '" + name + "' is " + other + " already");
        if (other == joint) throw invalid(field + ": expected each joint once, found it again");
    }
    out.bones.emplace_back(joint, uint32_t(bone));
}

}  // namespace

SharedTarget bone_target(SharedSkeleton target, const pw_bone* bones, uint32_t count, bool match_limbs,
                         bool scale_travel) {
    BoneTarget out{std::move(target), {}, match_limbs, scale_travel};
    if (bones == nullptr) {
        for (const auto& [joint, bone] : map_bones(out.skeleton->names()).bones)
            out.bones.emplace_back(joint, uint32_t(bone));
    }
    for (uint32_t i = 0; bones != nullptr && i < count; ++i) {
        if (!bones[i].joint || !bones[i].bone)
            throw invalid("bones[" + std::to_string(i) + "]: expected two names, found NULL");
        add_bone(out, bones[i].joint, out.skeleton->find(bones[i].bone), bones[i].bone);
    }
    for (const auto& [joint, bone] : out.bones)
        if (joint == "Pelvis" && bone != out.skeleton->pelvis()) {
            SkeletonParts parts = out.skeleton->parts();
            parts.pelvis = bone;
            out.skeleton = std::make_shared<const Skeleton>(std::move(parts));
        }
    return std::make_shared<const BoneTarget>(std::move(out));
}

Retarget::Retarget(SharedTarget target)
    : target_(std::move(target)),
      drivers_(skeleton().size(), -1),
      turns_(skeleton().size()),
      calibration_(skeleton().size()) {}

int32_t Retarget::bone_of(const char* joint) const {
    for (const auto& [name, bone] : target_->bones)
        if (name == joint) return int32_t(bone);
    return -1;
}

void Retarget::bind(const Skeleton& source, bool strict) {
    const Skeleton& skeleton = this->skeleton();
    const std::string& pelvis_name = source.name(source.pelvis());
    const int32_t pelvis = bone_of(pelvis_name.c_str());
    if (pelvis < 0) throw invalid("bones: expected at least a bone for " + pelvis_name);
    if (!(skeleton.height(uint32_t(pelvis)) > 0))
        throw invalid("target: expected '" + skeleton.name(uint32_t(pelvis)) +
                      "' above the soles in rest pose");
    if (uint32_t(pelvis) != skeleton.pelvis())
        throw invalid("target: expected '" + skeleton.name(uint32_t(pelvis)) + "', which " + pelvis_name +
                      " drives, to be its pelvis");
    if (!(source.height(source.pelvis()) > 0))
        throw invalid("source: expected " + pelvis_name + " above the soles in rest pose");
    source_ = &source;
    height_ = skeleton.height(uint32_t(pelvis)) / source.height(source.pelvis());
    travel_ = target_->scale_travel ? height_ : 1;
    std::fill(calibration_.begin(), calibration_.end(), Quatd{});
    if (target_->match_limbs)
        for (const auto& arm : kArms) calibrate_arm(source, arm);
    for (const auto& [joint, bone] : target_->bones) {
        const int32_t driver = source.find(joint);
        if (driver < 0 && strict) throw invalid("bones['" + joint + "']: expected a joint of the source");
        drivers_[bone] = driver;
        if (driver >= 0)
            turns_[bone] = narrow(conjugate(source.rest_global(uint32_t(driver))) * calibration_[bone] *
                                  skeleton.rest_global(bone));
    }
}

// From the shoulder outwards each bone takes the shortest arc from its direction to the source's, on top of
// its parent's; the hand, which leads to no joint, follows the forearm.
void Retarget::calibrate_arm(const Skeleton& source, const char* const (&arm)[3]) {
    Quatd turn;
    for (int i = 0; i < 3; ++i) {
        const int32_t joint = source.find(arm[i]), bone = bone_of(arm[i]);
        if (joint < 0 || bone < 0) continue;
        for (int o = i + 1; o < 3; ++o) {
            const int32_t outer_joint = source.find(arm[o]), outer_bone = bone_of(arm[o]);
            if (outer_joint < 0 || outer_bone < 0) continue;
            const Skeleton& target = skeleton();
            const Vec3d along = wide(target.position(uint32_t(outer_bone)) - target.position(uint32_t(bone)));
            const Vec3d goal =
                wide(source.position(uint32_t(outer_joint)) - source.position(uint32_t(joint)));
            turn = between(rotate(turn, along), goal) * turn;
            break;
        }
        calibration_[size_t(bone)] = turn;
    }
}

void Retarget::apply(const float* rotations, Vec3f root, float* scratch, float* out, Vec3f& out_root) const {
    float* turned = scratch;                        // the source in model space
    float* driven = scratch + 4 * source_->size();  // the target in model space
    for (uint32_t j = 0; j < source_->size(); ++j) {
        const int32_t parent = source_->parent(j);
        const Quatf own = load4(rotations + 4 * j);
        store(turned + 4 * j, parent < 0 ? own : load4(turned + 4 * parent) * own);
    }
    const Skeleton& target = skeleton();
    for (uint32_t b = 0; b < target.size(); ++b) {
        const int32_t parent = target.parent(b);
        const Quatf above = parent < 0 ? Quatf{} : load4(driven + 4 * parent);
        if (drives(b)) {
            const Quatf whole = load4(turned + 4 * drivers_[b]) * turns_[b];
            store(driven + 4 * b, whole);
            store(out + 4 * b, normalise(conjugate(above) * whole));
        } else {
            store(driven + 4 * b, above * target.rest(b));
            store(out + 4 * b, target.rest(b));
        }
    }
    out_root = {root.x * travel_, root.y * height_, root.z * travel_};
}

}  // namespace pw
