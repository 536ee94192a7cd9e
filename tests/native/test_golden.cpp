// The golden vectors that Python and C# are held to as well, through the C ABI.
#include "harness.hpp"
#include "json.hpp"
#include "posewire.hpp"

namespace {

constexpr double kExact = 1e-5;

// Equal as rotations: `q` and `-q` are the same.
void check_rotations(const std::vector<float>& found, const std::vector<float>& expected) {
    EQUAL(found.size(), expected.size());
    for (size_t i = 0; i + 3 < found.size(); i += 4) {
        float dot = 0;
        for (size_t c = 0; c < 4; ++c) dot += found[i + c] * expected[i + c];
        for (size_t c = 0; c < 4; ++c)
            NEAR(found[i + c], dot < 0 ? -expected[i + c] : expected[i + c], kExact);
    }
}

void check_numbers(const std::vector<float>& found, const std::vector<float>& expected) {
    EQUAL(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) NEAR(found[i], expected[i], kExact);
}

const std::pair<const char*, pw_frame> kFrames[] = {
    {"unity", PW_FRAME_UNITY},         {"unreal_component", PW_FRAME_UNREAL_COMPONENT},
    {"gltf", PW_FRAME_GLTF},           {"unreal_actor", PW_FRAME_UNREAL_ACTOR},
    {"godot", PW_FRAME_GODOT},         {"blender", PW_FRAME_BLENDER},
    {"canonical", PW_FRAME_CANONICAL},
};

// Skeletons of the files: names, parents, positions, perhaps rest rotations.
posewire::Skeleton read_skeleton(const json::Value& from) {
    std::vector<pw_joint> joints;
    const bool turned = from.has("rotations");
    for (size_t j = 0; j < from["names"].size(); ++j) {
        pw_joint joint{from["names"][j].text.c_str(), int32_t(from["parents"][j].number), {}, {0, 0, 0, 1}};
        for (size_t c = 0; c < 3; ++c) joint.position[c] = float(from["positions"][j][c].number);
        for (size_t c = 0; turned && c < 4; ++c) joint.rotation[c] = float(from["rotations"][j][c].number);
        joints.push_back(joint);
    }
    auto options = posewire::options<pw_skeleton_options>();
    options.joints = joints.data();
    options.joint_count = uint32_t(joints.size());
    options.pelvis = int32_t(from["pelvis"].number);
    options.sole = float(from["sole"].number);
    return posewire::Skeleton(options);
}

std::vector<uint8_t> bytes(const std::string& hex) {
    std::vector<uint8_t> out;
    for (size_t i = 0; i < hex.size(); i += 2)
        out.push_back(uint8_t(std::stoi(hex.substr(i, 2), nullptr, 16)));
    return out;
}

}  // namespace

TEST(conversions) {
    const auto file = json::golden("conversions.json");
    const auto positions = file["canonical"]["positions"].floats(),
               rotations = file["canonical"]["rotations"].floats();
    for (const auto& [name, frame] : kFrames) {
        const auto there = file[name]["positions"].floats(), turned = file[name]["rotations"].floats();
        std::vector<float> p(positions.size()), q(rotations.size());
        EQUAL(pw_positions_to(frame, positions.data(), p.data(), p.size() / 3), PW_OK);
        EQUAL(pw_rotations_to(frame, rotations.data(), q.data(), q.size() / 4), PW_OK);
        check_numbers(p, there);
        check_numbers(q, turned);
        // And back, in place.
        EQUAL(pw_positions_from(frame, p.data(), p.data(), p.size() / 3), PW_OK);
        EQUAL(pw_rotations_from(frame, q.data(), q.data(), q.size() / 4), PW_OK);
        check_numbers(p, positions);
        check_numbers(q, rotations);
    }
}

TEST(packing) {
    const auto file = json::golden("packing.json");
    for (const char* name : {"float32", "smallest_three_48"}) {
        const bool whole = std::string(name) == "float32";
        const auto& frame = file["frame"];
        const auto data = bytes(frame[name].text);
        std::vector<float> rotations(3 * 4), root(3);
        uint8_t contacts = 0;
        EQUAL(pw_unpack(whole ? PW_PACKING_FLOAT32 : PW_PACKING_SMALLEST_THREE_48, 3, 1, data.data(),
                        data.size(), rotations.data(), root.data(), &contacts),
              PW_OK);
        check_numbers(root, frame["root"].floats());
        EQUAL(int(contacts), int(frame["contacts"].number));
        if (whole) check_numbers(rotations, frame["rotations"].floats());
    }
    const auto& packed = file["smallest_three_48"];
    for (size_t i = 0; i < packed.size(); ++i) {
        std::vector<uint8_t> data(12, 0);
        for (const uint8_t byte : bytes(packed[i].text)) data.push_back(byte);
        data.push_back(0);
        std::vector<float> rotation(4), root(3);
        uint8_t contacts;
        EQUAL(pw_unpack(PW_PACKING_SMALLEST_THREE_48, 1, 1, data.data(), data.size(), rotation.data(),
                        root.data(), &contacts),
              PW_OK);
        check_numbers(rotation, file["restored"][i].floats());
    }
}

TEST(kinematics) {
    const auto file = json::golden("kinematics.json");
    for (const auto& test : file["cases"].items) {
        const auto skeleton = read_skeleton(test["skeleton"]);
        for (size_t f = 0; f < test["rotations"].size(); ++f) {
            const auto rotations = test["rotations"][f].floats(), root = test["root"][f].floats();
            std::vector<float> turned(rotations.size()), placed(3 * skeleton.size());
            EQUAL(pw_skeleton_forward(skeleton.get(), rotations.data(), root.data(), turned.data(),
                                      placed.data()),
                  PW_OK);
            check_rotations(turned, test["global_rotations"][f].floats());
            check_numbers(placed, test["positions"][f].floats());
        }
    }
}

TEST(retarget) {
    const auto file = json::golden("retarget.json");
    for (const auto& test : file["cases"].items) {
        const auto source = read_skeleton(test["source"]), target = read_skeleton(test["target"]);
        std::vector<pw_bone> bones;
        for (const auto& [joint, bone] : test["bones"].fields)
            bones.push_back({joint.c_str(), bone.text.c_str()});
        auto options = posewire::options<pw_retarget_options>();
        options.bones = bones.data();
        options.bone_count = uint32_t(bones.size());
        options.match_limbs = test["match_limbs"].flag;
        options.scale_travel = test["scale_travel"].flag;
        posewire::Retargeter retargeter(source.get(), target.get(), options);
        for (size_t f = 0; f < test["rotations"].size(); ++f) {
            std::vector<float> rotations(4 * target.size()), root(3);
            retargeter.apply(test["rotations"][f].floats().data(), test["root"][f].floats().data(),
                             rotations.data(), root.data());
            check_rotations(rotations, test["target_rotations"][f].floats());
            check_numbers(root, test["target_root"][f].floats());
        }
    }
}

MAIN
