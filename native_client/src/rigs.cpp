#include "rigs.hpp"

#include <array>
#include <cctype>
#include <map>
#include <tuple>

#include "error.hpp"

namespace pw {
namespace {

constexpr size_t kRigs = 7, kJoints = 22;
constexpr std::array<const char*, kRigs> kRigNames{"ue5", "ue4", "unity", "vrm", "mixamo", "godot", "rigify"};

struct Row {
    const char* joint;
    bool optional;  // a character may lack it; one that lacks any other is not the rig whose names it borrows
    std::array<const char*, kRigs> bones;
};

// clang-format off
constexpr std::array<Row, kJoints> kTable{{
    {"Pelvis",     false, {"pelvis",     "pelvis",     "Hips",          "hips",          "Hips",          "Hips",          "spine"}},
    {"Spine1",     false, {"spine_01",   "spine_01",   "Spine",         "spine",         "Spine",         "Spine",         "spine.001"}},
    {"Spine2",     true,  {"spine_03",   "spine_02",   "Chest",         "chest",         "Spine1",        "Chest",         "spine.002"}},
    {"Spine3",     true,  {"spine_05",   "spine_03",   "UpperChest",    "upperChest",    "Spine2",        "UpperChest",    "spine.003"}},
    {"Neck",       true,  {"neck_01",    "neck_01",    "Neck",          "neck",          "Neck",          "Neck",          "spine.004"}},
    {"Head",       false, {"head",       "head",       "Head",          "head",          "Head",          "Head",          "spine.006"}},
    {"L_Collar",   true,  {"clavicle_l", "clavicle_l", "LeftShoulder",  "leftShoulder",  "LeftShoulder",  "LeftShoulder",  "shoulder.L"}},
    {"R_Collar",   true,  {"clavicle_r", "clavicle_r", "RightShoulder", "rightShoulder", "RightShoulder", "RightShoulder", "shoulder.R"}},
    {"L_Shoulder", false, {"upperarm_l", "upperarm_l", "LeftUpperArm",  "leftUpperArm",  "LeftArm",       "LeftUpperArm",  "upper_arm.L"}},
    {"R_Shoulder", false, {"upperarm_r", "upperarm_r", "RightUpperArm", "rightUpperArm", "RightArm",      "RightUpperArm", "upper_arm.R"}},
    {"L_Elbow",    false, {"lowerarm_l", "lowerarm_l", "LeftLowerArm",  "leftLowerArm",  "LeftForeArm",   "LeftLowerArm",  "forearm.L"}},
    {"R_Elbow",    false, {"lowerarm_r", "lowerarm_r", "RightLowerArm", "rightLowerArm", "RightForeArm",  "RightLowerArm", "forearm.R"}},
    {"L_Wrist",    false, {"hand_l",     "hand_l",     "LeftHand",      "leftHand",      "LeftHand",      "LeftHand",      "hand.L"}},
    {"R_Wrist",    false, {"hand_r",     "hand_r",     "RightHand",     "rightHand",     "RightHand",     "RightHand",     "hand.R"}},
    {"L_Hip",      false, {"thigh_l",    "thigh_l",    "LeftUpperLeg",  "leftUpperLeg",  "LeftUpLeg",     "LeftUpperLeg",  "thigh.L"}},
    {"R_Hip",      false, {"thigh_r",    "thigh_r",    "RightUpperLeg", "rightUpperLeg", "RightUpLeg",    "RightUpperLeg", "thigh.R"}},
    {"L_Knee",     false, {"calf_l",     "calf_l",     "LeftLowerLeg",  "leftLowerLeg",  "LeftLeg",       "LeftLowerLeg",  "shin.L"}},
    {"R_Knee",     false, {"calf_r",     "calf_r",     "RightLowerLeg", "rightLowerLeg", "RightLeg",      "RightLowerLeg", "shin.R"}},
    {"L_Ankle",    false, {"foot_l",     "foot_l",     "LeftFoot",      "leftFoot",      "LeftFoot",      "LeftFoot",      "foot.L"}},
    {"R_Ankle",    false, {"foot_r",     "foot_r",     "RightFoot",     "rightFoot",     "RightFoot",     "RightFoot",     "foot.R"}},
    {"L_Foot",     true,  {"ball_l",     "ball_l",     "LeftToes",      "leftToes",      "LeftToeBase",   "LeftToes",      "toe.L"}},
    {"R_Foot",     true,  {"ball_r",     "ball_r",     "RightToes",     "rightToes",     "RightToeBase",  "RightToes",     "toe.R"}},
}};
// clang-format on

// The bone on the floor, where a rig has one: tells apart rigs that share all other names.
constexpr std::array<const char*, kRigs> kGroundRoot{"root", "root", "", "", "", "Root", ""};

constexpr size_t kAbsent = size_t(-1);
using Matches = std::array<size_t, kJoints>;  // index of each joint's bone among the names

std::string lower(std::string text) {
    for (char& c : text) c = char(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

bool starts(const std::string& text, const char* with) { return text.rfind(with, 0) == 0; }

bool ends(const std::string& text, const std::string& with) {
    return text.size() >= with.size() && text.compare(text.size() - with.size(), with.size(), with) == 0;
}

// What stands before the name proper: "Armature|", "mixamorig:", "mixamorig1_", "Bip001 ".
size_t prefix_length(const std::string& name) {
    const size_t mark = name.find_last_of(":|");
    if (mark != std::string::npos) return mark + 1;
    const std::string low = lower(name);
    const bool mixamo = starts(low, "mixamorig");
    if (!mixamo && !starts(low, "bip")) return 0;
    size_t end = mixamo ? 9 : 3;
    while (end < low.size() && std::isdigit(static_cast<unsigned char>(low[end]))) ++end;
    const bool gap = end < low.size() && (low[end] == '_' || low[end] == ' ');
    return gap ? end + 1 : mixamo ? end : 0;
}

bool is_gap(char c) { return c == '.' || c == '_' || c == ' ' || c == '-'; }

// Takes the mark of a side off the name and gives its letter; 0: there is none.
char take_side(std::string& name) {
    for (const char* mark : {"left", "right", "l", "r"}) {
        if (!ends(name, mark)) continue;
        const size_t rest = name.size() - std::char_traits<char>::length(mark);
        if (rest == 0 || !is_gap(name[rest - 1])) continue;
        name.resize(rest - 1);
        return mark[0];
    }
    for (const char* mark : {"left", "right"}) {
        if (!starts(name, mark)) continue;
        name.erase(0, std::char_traits<char>::length(mark));
        return mark[0];
    }
    if (name.size() > 1 && (name[0] == 'l' || name[0] == 'r') && is_gap(name[1])) {
        const char side = name[0];
        name.erase(0, 2);
        return side;
    }
    return 0;
}

Matches find(size_t rig, const std::map<std::string, size_t>& by_name) {
    Matches out;
    for (size_t j = 0; j < kJoints; ++j) {
        const auto found = by_name.find(normalise_name(kTable[j].bones[rig]));
        out[j] = found == by_name.end() ? kAbsent : found->second;
    }
    return out;
}

// How well a rig explains a character: joints found, then names that are right to the letter.
std::pair<int, int> score(size_t rig, const Matches& found, const std::vector<std::string>& names) {
    int joints = 0, letters = 0;
    for (size_t j = 0; j < kJoints; ++j) {
        if (found[j] == kAbsent) continue;
        ++joints;
        letters += names[found[j]] == kTable[j].bones[rig];
    }
    for (const std::string& name : names)
        if (*kGroundRoot[rig] && name == kGroundRoot[rig]) return {joints, letters + 1};
    return {joints, letters};
}

std::string list_rigs() {
    std::string out;
    for (const char* rig : kRigNames) out += (out.empty() ? "" : ", ") + std::string(rig);
    return out;
}

void check(size_t rig, const Matches& found) {
    std::string lacking;
    for (size_t j = 0; j < kJoints; ++j)
        if (found[j] == kAbsent && !kTable[j].optional)
            lacking += (lacking.empty() ? "" : ", ") + std::string(kTable[j].bones[rig]) + " (" +
                       kTable[j].joint + ")";
    if (!lacking.empty())
        throw invalid("bones: expected the bone names of a known rig (" + list_rigs() + "); nearest is " +
                      kRigNames[rig] + ", but there is no " + lacking +
                      ". Give the map from joints to bones");
}

}  // namespace

std::string normalise_name(const std::string& name) {
    std::string rest = lower(name.substr(prefix_length(name)));
    const char side = take_side(rest);
    std::string letters;
    for (char c : rest)
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) letters += c;
    if (!side) return letters;
    return letters.empty() ? std::string(1, side) : std::string(1, side) + " " + letters;
}

BoneMap map_bones(const std::vector<std::string>& names) {
    std::map<std::string, size_t> by_name;  // the first of equal names counts
    for (size_t i = 0; i < names.size(); ++i) by_name.emplace(normalise_name(names[i]), i);
    size_t best = 0;
    Matches found{};
    std::pair<int, int> most{-1, -1};
    for (size_t rig = 0; rig < kRigs; ++rig) {
        const Matches matches = find(rig, by_name);
        const auto reached = score(rig, matches, names);
        if (reached > most) std::tie(best, found, most) = std::tie(rig, matches, reached);
    }
    check(best, found);
    BoneMap out{{}, kRigNames[best]};
    for (size_t j = 0; j < kJoints; ++j)
        if (found[j] != kAbsent) out.bones.emplace_back(kTable[j].joint, found[j]);
    return out;
}

}  // namespace pw
