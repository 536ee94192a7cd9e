// Real skeletons for tests and benches, from the golden vectors.
#pragma once

#include "json.hpp"
#include "skeleton.hpp"

namespace characters {

inline pw::SkeletonParts parts(const json::Value& from) {
    pw::SkeletonParts out;
    const bool turned = from.has("rotations");
    for (size_t j = 0; j < from["names"].size(); ++j) {
        out.names.push_back(from["names"][j].text);
        out.parents.push_back(int32_t(from["parents"][j].number));
        out.positions.push_back(pw::load3(from["positions"][j].floats().data()));
        out.rotations.push_back(turned ? pw::load4(from["rotations"][j].floats().data()) : pw::Quatf{});
    }
    out.pelvis = uint32_t(from["pelvis"].number);
    out.sole = float(from["sole"].number);
    return out;
}

// The body that models speak: 22 joints.
inline pw::SharedSkeleton smpl22() {
    static const auto file = json::golden("kinematics.json");
    return std::make_shared<const pw::Skeleton>(parts(file["cases"][0]["skeleton"]));
}

// A game's character: the golden A-pose with turned rests and a ground root, and fingers that nobody drives.
struct Character {
    pw::SkeletonParts skeleton;
    std::vector<std::pair<std::string, std::string>> bones;  // joint, bone
};

inline Character character(size_t bones) {
    static const auto file = json::golden("retarget.json");
    const json::Value& test = file["cases"][2];
    Character out{parts(test["target"]), {}};
    for (const auto& [joint, bone] : test["bones"].fields) out.bones.emplace_back(joint, bone.text);
    const size_t driven = out.skeleton.names.size();
    for (size_t j = driven; j < bones; ++j) {
        const size_t parent = j < driven + 10 ? driven - 1 - j % 2 : j - 10;
        out.skeleton.names.push_back("finger_" + std::to_string(j));
        out.skeleton.parents.push_back(int32_t(parent));
        out.skeleton.positions.push_back(out.skeleton.positions[parent] + pw::Vec3f{0.03f, 0, 0.01f});
        out.skeleton.rotations.push_back({});
    }
    return out;
}

}  // namespace characters
