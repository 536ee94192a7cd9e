// The C ABI: errors, skeletons, coordinates, bytes, retargeting.
#include <cstdio>

#include "api.hpp"
#include "frames.hpp"
#include "packing.hpp"
#include "retarget.hpp"
#include "rigs.hpp"

namespace pw {
namespace {

thread_local char last_error[1024] = "";

constexpr pw_skeleton_options kSkeletonDefaults{
    sizeof(pw_skeleton_options), PW_FRAME_CANONICAL, PW_REST_WIRE, 0, nullptr, 0, 0};
constexpr pw_retarget_options kRetargetDefaults{sizeof(pw_retarget_options), 1, 1, 0, nullptr};

// Everything in our frame, still relative to whatever it is relative to.
SkeletonParts converted(const pw_skeleton_options& options) {
    const Frame back = Frame::of(options.frame).inverse();
    SkeletonParts out;
    for (uint32_t j = 0; j < options.joint_count; ++j) {
        const pw_joint& joint = options.joints[j];
        const std::string field = "joints[" + std::to_string(j) + "]";
        if (!joint.name) throw invalid(field + ".name: expected a text, found NULL");
        if (joint.parent < -1 || joint.parent >= int32_t(j))
            throw invalid(field + ".parent: expected -1 or the index of an earlier joint, found " +
                          std::to_string(joint.parent));
        const Quatf q = load4(joint.rotation);
        const bool none = q.x == 0 && q.y == 0 && q.z == 0 && q.w == 0;
        out.names.push_back(joint.name);
        out.parents.push_back(joint.parent);
        out.positions.push_back(back.position(load3(joint.position)));
        out.rotations.push_back(none ? Quatf{} : back.rotation(q));
    }
    if (options.pelvis < 0 || uint32_t(options.pelvis) >= options.joint_count)
        throw invalid("pelvis: expected the index of a joint, found " + std::to_string(options.pelvis));
    out.pelvis = uint32_t(options.pelvis);
    out.sole = options.sole * back.units();
    return out;
}

// From parent-relative positions to those in model space.
void place_from_local(SkeletonParts& parts) {
    std::vector<Quatd> turned;
    std::vector<Vec3d> placed;
    for (size_t j = 0; j < parts.names.size(); ++j) {
        const auto parent = size_t(parts.parents[j]);
        const bool root = parts.parents[j] < 0;
        const Quatd own = wide(parts.rotations[j]);
        const Vec3d offset = wide(parts.positions[j]);
        turned.push_back(root ? own : turned[parent] * own);
        placed.push_back(root ? offset : placed[parent] + rotate(turned[parent], offset));
        parts.positions[j] = narrow(placed[j]);
    }
}

// From model space rotations to parent-relative ones.
void turn_from_model(SkeletonParts& parts) {
    for (size_t j = parts.names.size(); j-- > 0;) {
        if (parts.parents[j] < 0) continue;
        const Quatd above = wide(parts.rotations[size_t(parts.parents[j])]);
        parts.rotations[j] = narrow(conjugate(above) * wide(parts.rotations[j]));
    }
}

SkeletonParts parts_of(const pw_skeleton_options& options) {
    if (options.joint_count > 0) need(options.joints, "joints");
    SkeletonParts out = converted(options);
    if (options.rest == PW_REST_LOCAL) {
        place_from_local(out);
    } else if (options.rest == PW_REST_MODEL) {
        turn_from_model(out);
    } else if (options.rest != PW_REST_WIRE) {
        throw invalid("rest: expected a pw_rest, found " + std::to_string(options.rest));
    }
    return out;
}

const Skeleton& view(const pw_skeleton* skeleton) { return *need(skeleton, "skeleton").view; }

}  // namespace

void set_last_error(const char* message) noexcept {
    std::snprintf(last_error, sizeof last_error, "%s", message);
}

}  // namespace pw

struct pw_retargeter {
    pw::SharedSkeleton source;
    pw::Retarget retarget;
    std::vector<float> scratch;
};

using namespace pw;

// ----------------------------------------------------------------------------------------- the library

uint32_t pw_abi_version(void) { return PW_ABI_VERSION; }
const char* pw_version(void) { return POSEWIRE_VERSION; }
const char* pw_last_error(void) { return last_error; }

const char* pw_code_name(int32_t code) {
    switch (code) {
        case PW_OK:
            return "OK";
        case PW_CANCELLED:
            return "CANCELLED";
        case PW_INVALID_ARGUMENT:
            return "INVALID_ARGUMENT";
        case PW_DEADLINE_EXCEEDED:
            return "DEADLINE_EXCEEDED";
        case PW_NOT_FOUND:
            return "NOT_FOUND";
        case PW_PERMISSION_DENIED:
            return "PERMISSION_DENIED";
        case PW_RESOURCE_EXHAUSTED:
            return "RESOURCE_EXHAUSTED";
        case PW_FAILED_PRECONDITION:
            return "FAILED_PRECONDITION";
        case PW_INTERNAL:
            return "INTERNAL";
        case PW_UNAVAILABLE:
            return "UNAVAILABLE";
        case PW_UNAUTHENTICATED:
            return "UNAUTHENTICATED";
        default:
            return "UNKNOWN";
    }
}

// ------------------------------------------------------------------------------------------- skeletons

void pw_skeleton_options_init(pw_skeleton_options* options, uint32_t size) {
    init(options, size, kSkeletonDefaults);
}

pw_code pw_skeleton_create(const pw_skeleton_options* options, pw_skeleton** out) {
    return guarded([&] {
        need(out, "out") = nullptr;
        const auto read =
            read_options(&need(options, "options"), kSkeletonDefaults, "pw_skeleton_options_init");
        auto skeleton = std::make_shared<const Skeleton>(parts_of(read));
        *out = new pw_skeleton{skeleton, skeleton.get()};
    });
}

void pw_skeleton_destroy(pw_skeleton* skeleton) { delete skeleton; }
uint32_t pw_skeleton_joint_count(const pw_skeleton* skeleton) {
    return skeleton ? skeleton->view->size() : 0;
}
uint32_t pw_skeleton_pelvis(const pw_skeleton* skeleton) { return skeleton ? skeleton->view->pelvis() : 0; }
float pw_skeleton_sole(const pw_skeleton* skeleton) { return skeleton ? skeleton->view->sole() : 0; }
int32_t pw_skeleton_find(const pw_skeleton* skeleton, const char* name) {
    return skeleton && name ? skeleton->view->find(name) : -1;
}

pw_code pw_skeleton_joint(const pw_skeleton* skeleton, uint32_t index, pw_joint* out) {
    return guarded([&] {
        const Skeleton& joints = view(skeleton);
        if (index >= joints.size())
            throw invalid("index: expected one below " + std::to_string(joints.size()) + ", found " +
                          std::to_string(index));
        need(out, "out") = {joints.name(index).c_str(), joints.parent(index), {}, {}};
        store(out->position, joints.position(index));
        store(out->rotation, joints.rest(index));
    });
}

pw_code pw_skeleton_forward(const pw_skeleton* skeleton, const float* rotations, const float* root,
                            float* model_rotations, float* model_positions) {
    return guarded([&] {
        need(rotations, "rotations");
        need(root, "root");
        need(model_rotations, "model_rotations");
        need(model_positions, "model_positions");
        view(skeleton).forward(rotations, load3(root), model_rotations, model_positions);
    });
}

pw_code pw_skeleton_guess_bones(const pw_skeleton* skeleton, pw_bone* bones, uint32_t capacity,
                                uint32_t* count, const char** rig) {
    return guarded([&] {
        const Skeleton& joints = view(skeleton);
        const BoneMap map = map_bones(joints.names());
        for (uint32_t i = 0; bones && i < std::min(capacity, uint32_t(map.bones.size())); ++i)
            bones[i] = {map.bones[i].first, joints.name(uint32_t(map.bones[i].second)).c_str()};
        if (count) *count = uint32_t(map.bones.size());
        if (rig) *rig = map.rig;
    });
}

// ---------------------------------------------------------------------------------- coordinates, bytes

pw_code pw_positions_to(uint32_t frame, const float* in, float* out, size_t count) {
    return guarded([&] { Frame::of(frame).positions(&need(in, "in"), &need(out, "out"), count); });
}

pw_code pw_positions_from(uint32_t frame, const float* in, float* out, size_t count) {
    return guarded([&] { Frame::of(frame).inverse().positions(&need(in, "in"), &need(out, "out"), count); });
}

pw_code pw_rotations_to(uint32_t frame, const float* in, float* out, size_t count) {
    return guarded([&] { Frame::of(frame).rotations(&need(in, "in"), &need(out, "out"), count); });
}

pw_code pw_rotations_from(uint32_t frame, const float* in, float* out, size_t count) {
    return guarded([&] { Frame::of(frame).inverse().rotations(&need(in, "in"), &need(out, "out"), count); });
}

size_t pw_frame_bytes(uint32_t packing, uint32_t joints) { return frame_bytes(packing, joints); }

pw_code pw_unpack(uint32_t packing, uint32_t joints, uint32_t frames, const uint8_t* data, size_t size,
                  float* rotations, float* roots, uint8_t* contacts) {
    return guarded([&] {
        const size_t width = frame_bytes(packing, joints);
        if (width == 0)
            throw invalid("packing: expected a pw_packing and at most " + std::to_string(kMaxJoints) +
                          " joints, found packing " + std::to_string(packing));
        if (size != width * frames)
            throw invalid("size: expected " + std::to_string(width * frames) + " bytes, found " +
                          std::to_string(size));
        const bool fine = unpack(packing, joints, frames, &need(data, "data"), &need(rotations, "rotations"),
                                 &need(roots, "roots"), &need(contacts, "contacts"));
        if (!fine) throw invalid("data: expected finite positions and unit quaternions, found others");
    });
}

// --------------------------------------------------------------------------------------- retargeting

void pw_retarget_options_init(pw_retarget_options* options, uint32_t size) {
    init(options, size, kRetargetDefaults);
}

pw_code pw_retargeter_create(const pw_skeleton* source, const pw_skeleton* target,
                             const pw_retarget_options* options, pw_retargeter** out) {
    return guarded([&] {
        need(out, "out") = nullptr;
        const auto read = read_options(options, kRetargetDefaults, "pw_retarget_options_init");
        const auto own = [](const Skeleton& skeleton) { return std::make_shared<const Skeleton>(skeleton); };
        auto made = std::make_unique<pw_retargeter>(
            pw_retargeter{own(view(source)),
                          Retarget(bone_target(own(view(target)), read.bones, read.bone_count,
                                               read.match_limbs != 0, read.scale_travel != 0)),
                          {}});
        made->retarget.bind(*made->source, true);
        made->scratch.resize(4 * (made->source->size() + made->retarget.skeleton().size()));
        *out = made.release();
    });
}

void pw_retargeter_destroy(pw_retargeter* retargeter) { delete retargeter; }

pw_code pw_retarget(pw_retargeter* retargeter, const float* rotations, const float* root,
                    float* target_rotations, float* target_root) {
    return guarded([&] {
        pw_retargeter& made = need(retargeter, "retargeter");
        Vec3f placed;
        made.retarget.apply(&need(rotations, "rotations"), load3(&need(root, "root")), made.scratch.data(),
                            &need(target_rotations, "target_rotations"), placed);
        store(&need(target_root, "target_root"), placed);
    });
}
