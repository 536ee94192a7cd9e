// A transport without a network: says to a session what a server would, piece by piece.
#pragma once

#include <random>

#include "packing.hpp"
#include "player.hpp"
#include "session.hpp"

namespace fake {

using namespace pw;

constexpr double kFps = 30;

// A small character: pelvis, a leg on each side, an arm.
inline SharedSkeleton skeleton() {
    SkeletonParts parts;
    const auto add = [&](const char* name, int parent, Vec3f position) {
        parts.names.push_back(name);
        parts.parents.push_back(parent);
        parts.positions.push_back(position);
        parts.rotations.push_back({});
    };
    add("Pelvis", -1, {0, 0.95f, 0});
    add("L_Hip", 0, {0.1f, 0.9f, 0});
    add("R_Hip", 0, {-0.1f, 0.9f, 0});
    add("L_Knee", 1, {0.1f, 0.5f, 0.02f});
    add("R_Knee", 2, {-0.1f, 0.5f, 0.02f});
    add("L_Ankle", 3, {0.1f, 0.08f, 0});
    add("R_Ankle", 4, {-0.1f, 0.08f, 0});
    add("L_Shoulder", 0, {0.2f, 1.4f, 0});
    add("L_Elbow", 7, {0.5f, 1.4f, 0});
    add("L_Wrist", 8, {0.75f, 1.4f, 0});
    return std::make_shared<const Skeleton>(std::move(parts));
}

inline Header header(uint32_t clips = 1, SharedSkeleton joints = skeleton()) {
    Header out;
    out.stream_id = "fake";
    out.model = "walker";
    out.skeleton = joints;
    out.fps = kFps;
    out.packing = PW_PACKING_FLOAT32;
    out.frame_bytes = uint32_t(frame_bytes(out.packing, joints->size()));
    out.clips = clips;
    out.contact_names = {"left_heel", "left_toe", "right_heel", "right_toe"};
    return out;
}

// One pose: what a frame of the fake motion says.
struct Pose {
    std::vector<float> rotations;
    Vec3f root;
    uint8_t contacts;
};

// Walks at 1 m/s toward +Z while it turns by 0.5 rad/s and swings its limbs. Left foot down on even seconds.
inline Pose pose_at(double seconds, const Skeleton& joints, float turn = 0.5f, float speed = 1,
                    float swing = 0.4f) {
    Pose out;
    for (uint32_t j = 0; j < joints.size(); ++j) {
        const float angle = swing * float(std::sin(3 * seconds + j)) / 2;
        Quatf own{std::sin(angle), 0, 0, std::cos(angle)};
        if (j == joints.pelvis()) own = from_heading(turn * float(seconds)) * own;
        out.rotations.insert(out.rotations.end(), {own.x, own.y, own.z, own.w});
    }
    out.root = {0, 0.95f, speed * float(seconds)};
    out.contacts = int(seconds) % 2 == 0 ? 0b0011 : 0b1100;
    return out;
}

inline std::vector<uint8_t> packed(const Pose& pose) {
    std::vector<float> numbers = {pose.root.x, pose.root.y, pose.root.z};
    numbers.insert(numbers.end(), pose.rotations.begin(), pose.rotations.end());
    const auto* bytes = reinterpret_cast<const uint8_t*>(numbers.data());
    std::vector<uint8_t> out(bytes, bytes + 4 * numbers.size());
    out.push_back(pose.contacts);
    return out;
}

class Server {
  public:
    explicit Server(uint32_t frames, uint32_t clips = 1, float turn = 0.5f, float speed = 1,
                    float swing = 0.4f)
        : frames_(frames), clips_(clips), turn_(turn), speed_(speed), swing_(swing) {}

    std::shared_ptr<Session> session() const { return session_; }
    const Skeleton& joints() const { return *joints_; }
    void begin() { session_->feed(header(clips_, joints_)); }
    void start_clip(uint32_t clip = 0) { session_->feed(ClipStart{clip, 100 + clip, frames_}); }
    // The next so many frames in one chunk.
    void send(uint32_t count, uint32_t clip = 0) {
        if (sent_.size() <= clip) sent_.resize(clip + 1);
        std::vector<uint8_t> data;
        for (uint32_t i = 0; i < count; ++i) {
            const auto frame = packed(pose_at((sent_[clip] + i) / kFps, *joints_, turn_, speed_, swing_));
            data.insert(data.end(), frame.begin(), frame.end());
        }
        session_->feed(Chunk{clip, sent_[clip], count, data.data(), data.size()});
        sent_[clip] += count;
    }
    void end_clip(uint32_t clip = 0) { session_->feed(ClipEnd{clip, frames_, {{"step", 7}}}); }
    void end() {
        session_->feed(Status{});
        session_->finish({});
    }
    // Everything at once.
    void send_all() {
        begin();
        for (uint32_t clip = 0; clip < clips_; ++clip) {
            start_clip(clip);
            send(frames_, clip);
            end_clip(clip);
        }
        end();
    }
    // The connection broke.
    void restart() {
        session_->restart("broken");
        sent_.assign(sent_.size(), 0);
    }

  private:
    const uint32_t frames_, clips_;
    const float turn_, speed_, swing_;
    const SharedSkeleton joints_ = skeleton();
    const std::shared_ptr<Session> session_ = std::make_shared<Session>();
    std::vector<uint32_t> sent_;
};

}  // namespace fake
