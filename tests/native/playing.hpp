// What the player's tests share: short setups, and what a player shows.
#pragma once

#include "fake_server.hpp"
#include "harness.hpp"

namespace playing {

using namespace pw;

inline constexpr double kFrame = 1 / fake::kFps;

inline PlayerSetup setup(unsigned root = PW_ROOT_AS_SENT) {
    PlayerSetup out;
    out.root = root;
    return out;
}

inline PlayWish wish(bool loop = false, double fade = 0.25) {
    PlayWish out;
    out.loop = loop;
    out.fade_seconds = fade;
    return out;
}

// What a player shows now.
struct Seen {
    std::vector<float> rotations = std::vector<float>(256 * 4);
    pw_pose pose{};
    explicit Seen(Player& player) { player.sample(rotations.data(), 256, pose); }
    Quatf rotation(uint32_t joint) const { return load4(&rotations[4 * joint]); }
    Vec3f root() const { return load3(pose.root_position); }
};

inline void check_vector(Vec3f found, Vec3f expected, double relative = 1e-5) {
    NEAR(found.x, expected.x, relative);
    NEAR(found.y, expected.y, relative);
    NEAR(found.z, expected.z, relative);
}

inline void check_rotation(Quatf found, Quatf expected, double relative = 1e-5) {
    NEAR(std::abs(dot(found, expected)), 1, relative);
}

// The pose that the fake motion has at a time, between frames as the player must see it.
inline void check_pose(const Seen& seen, const Skeleton& joints, double seconds) {
    const double frame = seconds * fake::kFps;
    const auto before = fake::pose_at(std::floor(frame) * kFrame, joints);
    const auto after = fake::pose_at(std::ceil(frame) * kFrame, joints);
    const auto t = float(frame - std::floor(frame));
    check_vector(seen.root(), lerp(before.root, after.root, t));
    for (uint32_t j = 0; j < joints.size(); ++j)
        check_rotation(seen.rotation(j),
                       slerp(load4(&before.rotations[4 * j]), load4(&after.rotations[4 * j]), t));
}

inline void advance(Player& player, double seconds, double step = 1 / 144.0) {
    for (double left = seconds; left > 1e-9; left -= step) player.advance(std::min(step, left));
}

// A player whose first motion has begun and shows its first frame.
inline void begin(Player& player, const fake::Server& server, const PlayWish& how = wish()) {
    player.play(server.session(), 0, how);
    player.advance(0);
}

}  // namespace playing
