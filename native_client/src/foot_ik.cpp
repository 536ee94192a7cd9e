#include "foot_ik.hpp"

namespace pw {
namespace {

constexpr double kBlendSeconds = 4 / 30.0;  // a foot is caught and let go within four frames
constexpr float kReach = 0.99f;             // of the leg's length, so that the knee never snaps straight
constexpr float kMaxDrop = 0.10f;           // metres that the pelvis may be lowered
constexpr float kTooFar = 0.30f;            // metres: a foot that is carried away so far is let go

struct LegNames {
    const char *thigh, *calf, *foot, *heel, *toe;
};
constexpr LegNames kLegs[] = {{"L_Hip", "L_Knee", "L_Ankle", "left_heel", "left_toe"},
                              {"R_Hip", "R_Knee", "R_Ankle", "right_heel", "right_toe"}};

uint32_t bit_of(const Header& header, const char* name) {
    for (size_t i = 0; i < header.contact_names.size(); ++i)
        if (header.contact_names[i] == name) return 1u << i;
    return 0;
}

Vec3f to_world(const Place& world, Vec3f v) { return rotate(from_heading(world.heading), v) + world.floor; }
Vec3f from_world(const Place& world, Vec3f v) {
    return rotate(from_heading(-world.heading), v - world.floor);
}

// How far the hip must come down for the goal to be within reach.
float drop_for(Vec3f hip, Vec3f goal, float reach) {
    const Vec3f way = hip - goal;
    const float across = way.x * way.x + way.z * way.z;
    if (length(way) <= reach || across >= reach * reach) return 0;
    return std::clamp(way.y - std::sqrt(reach * reach - across), 0.f, kMaxDrop);
}

// Where the knee goes so that the foot reaches the goal: in the plane it bends in now.
Vec3f knee_for(Vec3f hip, Vec3f knee, Vec3f goal, float upper, float lower) {
    const Vec3f way = goal - hip;
    const float far = length(way);
    const Vec3f along = normalise(way);
    const Vec3f side = normalise((knee - hip) - along * dot(knee - hip, along));
    const float x = (upper * upper - lower * lower + far * far) / (2 * far);
    return hip + along * x + side * std::sqrt(std::max(upper * upper - x * x, 0.f));
}

// Turns thigh and calf so that the foot stands on the goal, and keeps the foot's own direction.
void bend(const Skeleton& skeleton, const Leg& leg, Vec3f goal, const float* turned, const float* placed,
          Vec3f shift, float* rotations) {
    const auto position = [&](int32_t joint) { return load3(placed + 3 * joint) + shift; };
    const auto rotation = [&](int32_t joint) { return joint < 0 ? Quatf{} : load4(turned + 4 * joint); };
    const Vec3f hip = position(leg.thigh), knee = position(leg.calf), foot = position(leg.foot);
    const float upper = length(knee - hip), lower = length(foot - knee);
    const float reach = (upper + lower) * kReach;
    const Vec3f way = goal - hip;
    if (!(upper > 0 && lower > 0) || length(way) < std::abs(upper - lower) + 1e-3f) return;
    if (length(way) > reach) goal = hip + normalise(way) * reach;
    const Vec3f bent = knee_for(hip, knee, goal, upper, lower);
    const Quatf first = between(knee - hip, bent - hip);
    const Quatf second = between(rotate(first, foot - knee), goal - bent) * first;
    const auto local = [&](int32_t joint, Quatf above, Quatf whole) {
        store(rotations + 4 * joint,
              normalise(conjugate(above * rotation(skeleton.parent(uint32_t(joint)))) * whole));
    };
    // Bones in between turn with the one above them.
    local(leg.thigh, {}, first * rotation(leg.thigh));
    local(leg.calf, first, second * rotation(leg.calf));
    local(leg.foot, second, rotation(leg.foot));
}

}  // namespace

void FootIk::bind(const Motion& motion) {
    for (size_t i = 0; i < legs_.size(); ++i) {
        Leg& leg = legs_[i];
        leg.thigh = motion.plays(kLegs[i].thigh);
        leg.calf = motion.plays(kLegs[i].calf);
        leg.foot = motion.plays(kLegs[i].foot);
        leg.contact_bits = bit_of(motion.header(), kLegs[i].heel) | bit_of(motion.header(), kLegs[i].toe);
        if (leg.thigh < 0 || leg.calf < 0 || leg.foot < 0) leg.contact_bits = 0;
    }
}

void FootIk::release() {
    for (Leg& leg : legs_) leg.locked = leg.known = false, leg.weight = 0;
}

void FootIk::advance(double seconds, uint32_t contacts) {
    for (Leg& leg : legs_) {
        const bool touches = (contacts & leg.contact_bits) != 0 && leg.known;
        if (touches && !leg.locked) leg.held = leg.seen;
        leg.locked = touches;
        const float change = float(seconds / kBlendSeconds) * (touches ? 1.f : -1.f);
        leg.weight = std::clamp(leg.weight + change, 0.f, 1.f);
    }
}

void FootIk::apply(const Skeleton& skeleton, const Place& world, float* rotations, Vec3f& root, float* turned,
                   float* placed) {
    skeleton.forward(rotations, root, turned, placed);
    std::array<Vec3f, 2> goals;
    float drop = 0;
    for (size_t i = 0; i < legs_.size(); ++i) {
        Leg& leg = legs_[i];
        if (!leg.contact_bits) continue;
        const Vec3f foot = load3(placed + 3 * leg.foot), hip = load3(placed + 3 * leg.thigh);
        const Vec3f knee = load3(placed + 3 * leg.calf);
        Vec3f held = from_world(world, leg.held);
        if (leg.weight > 0 && length(held - foot) > kTooFar) leg.weight = 0, leg.locked = false;
        goals[i] = lerp(foot, held, leg.weight * strength_);
        leg.seen = to_world(world, goals[i]);
        leg.known = true;
        if (leg.weight > 0)
            drop =
                std::max(drop, drop_for(hip, goals[i], kReach * (length(knee - hip) + length(foot - knee))));
    }
    root.y -= drop;
    for (size_t i = 0; i < legs_.size(); ++i)
        if (legs_[i].contact_bits && (legs_[i].weight > 0 || drop > 0))
            bend(skeleton, legs_[i], goals[i], turned, placed, {0, -drop, 0}, rotations);
}

}  // namespace pw
