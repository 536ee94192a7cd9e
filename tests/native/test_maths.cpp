// Quaternions against the golden vectors, and the rest of the core's maths.
#include <random>

#include "harness.hpp"
#include "json.hpp"
#include "packing.hpp"
#include "posewire.h"
#include "quat.hpp"
#include "rigs.hpp"
#include "skeleton.hpp"
#include "utf8.hpp"

using namespace pw;

namespace {

constexpr double kExact = 1e-5;

Quatf quat(const json::Value& v) { return load4(v.floats().data()); }
Vec3f vec(const json::Value& v) { return load3(v.floats().data()); }

void check_rotation(Quatf found, Quatf expected) {
    const float sign = dot(found, expected) < 0 ? -1.f : 1.f;
    NEAR(found.x * sign, expected.x, kExact);
    NEAR(found.y * sign, expected.y, kExact);
    NEAR(found.z * sign, expected.z, kExact);
    NEAR(found.w * sign, expected.w, kExact);
}

void check_vector(Vec3f found, Vec3f expected) {
    NEAR(found.x, expected.x, kExact);
    NEAR(found.y, expected.y, kExact);
    NEAR(found.z, expected.z, kExact);
}

template <class Random>
Quatf random_rotation(Random& random) {
    std::normal_distribution<float> normal;
    return normalise(Quatf{normal(random), normal(random), normal(random), normal(random)});
}

}  // namespace

TEST(golden_quaternions) {
    const auto file = json::golden("quaternions.json");
    for (size_t i = 0; i < file["a"].size(); ++i) {
        const Quatf a = quat(file["a"][i]), b = quat(file["b"][i]);
        check_rotation(a * b, quat(file["product"][i]));
        check_rotation(conjugate(a), quat(file["inverse"][i]));
        check_vector(rotate(a, vec(file["v"][i])), vec(file["rotated"][i]));
        check_rotation(slerp(a, b, float(file["t"][i].number)), quat(file["slerp"][i]));
        check_rotation(between(vec(file["v"][i]), vec(file["u"][i])), quat(file["between"][i]));
    }
}

TEST(slerp_without_trigonometry_equals_slerp) {
    std::mt19937 random(1);
    std::uniform_real_distribution<double> unit(0, 1);
    for (int i = 0; i < 20000; ++i) {
        const double angle = unit(random) * 1.5, t = unit(random);
        const Quatf a = random_rotation(random);
        const Quatf turn{float(std::sin(angle)), 0, 0, float(std::cos(angle))};
        const Quatf there{float(std::sin(angle * t)), 0, 0, float(std::cos(angle * t))};
        const Quatf b = a * turn;
        check_rotation(slerp(a, i % 2 ? b : Quatf{-b.x, -b.y, -b.z, -b.w}, float(t)), a * there);
    }
}

TEST(slerp_keeps_its_ends_and_the_side_of_the_sign) {
    std::mt19937 random(2);
    for (int i = 0; i < 1000; ++i) {
        const Quatf a = random_rotation(random), b = random_rotation(random);
        check_rotation(slerp(a, b, 0), a);
        check_rotation(slerp(a, b, 1), b);
        CHECK(dot(slerp(a, b, 0.3f), a) > 0);
    }
    const Quatf nothing = slerp({0, 0, 0, 0}, {0, 0, 0, 0}, 0.5f);
    EQUAL(nothing.w, 1.f);
}

TEST(between_opposite_directions) {
    for (const Vec3f v : {Vec3f{1, 0, 0}, Vec3f{0, -2, 0}, Vec3f{0.3f, 0.4f, -3}}) {
        check_vector(rotate(between(v, v * -1.f), normalise(v)), normalise(v) * -1.f);
        check_rotation(between(v, v), {});
        check_rotation(between(v, Vec3f{}), {});
    }
}

TEST(heading_is_the_twist_about_the_vertical) {
    for (const float angle : {-3.f, -0.5f, 0.f, 1.2f, 3.1f}) {
        NEAR(heading(from_heading(angle)), angle, kExact);
        // A body that bends forward by 60 degrees still heads where it did.
        const Quatf bent = from_heading(angle) * Quatf{0.5f, 0, 0, std::sqrt(0.75f)};
        NEAR(heading(bent), angle, kExact);
    }
}

TEST(skeletons_refuse_what_cannot_be) {
    const auto make = [](std::vector<std::string> names, std::vector<int32_t> parents, uint32_t pelvis = 0) {
        SkeletonParts parts;
        parts.positions.resize(names.size());
        parts.rotations.resize(names.size());
        parts.names = std::move(names);
        parts.parents = std::move(parents);
        parts.pelvis = pelvis;
        return parts;
    };
    THROWS(Skeleton(make({}, {})), "at least one joint");
    THROWS(Skeleton(make({"a", "a"}, {-1, 0})), "unique names");
    THROWS(Skeleton(make({"a", "b"}, {-1, 1})), "earlier joint");
    THROWS(Skeleton(make({"a", "b"}, {-2, 0})), "earlier joint");
    THROWS(Skeleton(make({"a", "b"}, {-1, 0}, 2)), "pelvis below 2");
    auto broken = make({"a"}, {-1});
    broken.positions[0].y = std::nanf("");
    THROWS(Skeleton{broken}, "finite");
    broken = make({"a"}, {-1});
    broken.rotations[0] = {0, 0, 0, 2};
    THROWS(Skeleton{broken}, "unit quaternion");
}

TEST(names_are_normalised_as_in_python) {
    EQUAL(normalise_name("mixamorig:LeftArm"), "l arm");
    EQUAL(normalise_name("mixamorig1_LeftArm"), "l arm");
    EQUAL(normalise_name("Armature|upperarm_l"), "l upperarm");
    EQUAL(normalise_name("Bip001 L Thigh"), "l thigh");
    EQUAL(normalise_name("upper_arm.L"), "l upperarm");
    EQUAL(normalise_name("spine.001"), "spine001");
    EQUAL(normalise_name("RightUpperLeg"), "r upperleg");
    EQUAL(normalise_name("hand-right"), "r hand");
    EQUAL(normalise_name("Hips"), "hips");
    EQUAL(normalise_name("biped"), "biped");
}

TEST(rigs_are_recognised) {
    const std::vector<std::string> manny = {
        "root",       "pelvis",     "spine_01",   "spine_02",   "spine_03",   "spine_04",   "spine_05",
        "neck_01",    "neck_02",    "head",       "clavicle_l", "upperarm_l", "lowerarm_l", "hand_l",
        "clavicle_r", "upperarm_r", "lowerarm_r", "hand_r",     "thigh_l",    "calf_l",     "foot_l",
        "ball_l",     "thigh_r",    "calf_r",     "foot_r",     "ball_r"};
    const BoneMap map = map_bones(manny);
    EQUAL(std::string(map.rig), "ue5");
    EQUAL(map.bones.size(), 22u);
    const auto bone = [&](const char* joint) {
        for (const auto& [name, index] : map.bones)
            if (std::string(name) == joint) return manny[index];
        return std::string();
    };
    EQUAL(bone("Pelvis"), "pelvis");
    EQUAL(bone("Spine3"), "spine_05");
    EQUAL(bone("L_Foot"), "ball_l");

    std::vector<std::string> mixamo = {"Hips", "Spine", "Head"};
    for (const char* side : {"Left", "Right"})
        for (const char* part : {"Arm", "ForeArm", "Hand", "UpLeg", "Leg", "Foot"})
            mixamo.push_back(std::string(side) + part);
    for (std::string& name : mixamo) name = "mixamorig:" + name;
    EQUAL(std::string(map_bones(mixamo).rig), "mixamo");
    EQUAL(map_bones(mixamo).bones.size(), mixamo.size());
    mixamo.pop_back();
    THROWS(map_bones(mixamo), "there is no RightFoot (R_Ankle)");
    THROWS(map_bones({}), "known rig");
}

TEST(unpacking_refuses_what_is_no_pose) {
    float frame[3 + 4] = {0, 0, 0, 0, 0, 0, 1};
    uint8_t data[sizeof frame + 1] = {};
    float rotation[4], root[3];
    uint8_t contacts;
    const auto unpacks = [&] {
        std::memcpy(data, frame, sizeof frame);
        return unpack(PW_PACKING_FLOAT32, 1, 1, data, rotation, root, &contacts);
    };
    CHECK(unpacks());
    frame[1] = INFINITY;
    CHECK(!unpacks());
    frame[1] = 0, frame[6] = 0.5f;
    CHECK(!unpacks());
    frame[6] = NAN;
    CHECK(!unpacks());
    // Three components of 1/sqrt(2) leave no room for a larger one.
    const uint8_t words[12 + 6 + 1] = {0, 0, 0,    0,    0,    0,    0,    0,    0, 0,
                                       0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0};
    CHECK(!unpack(PW_PACKING_SMALLEST_THREE_48, 1, 1, words, rotation, root, &contacts));
    EQUAL(frame_bytes(PW_PACKING_FLOAT32, 22), 365u);
    EQUAL(frame_bytes(PW_PACKING_SMALLEST_THREE_48, 22), 145u);
    EQUAL(frame_bytes(0, 22), 0u);
    EQUAL(frame_bytes(PW_PACKING_FLOAT32, 0xffffffff), 0u);
}

TEST(utf8) {
    CHECK(is_utf8("a person walks"));
    CHECK(is_utf8("\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\xb6"));
    for (const char* wrong :
         {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "a\x80"})
        CHECK(!is_utf8(wrong));
}

MAIN
