// What one character plays: a clock, motions that fade into each other, root motion, contacts. One thread at
// a time. `advance` and `sample` neither allocate nor lock; `play` does.
//
// Motions that are heard at the same time are voices, at most four, the newest last: each fades in over the
// mixture of those before it and silences them once it is there.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "foot_ik.hpp"
#include "frames.hpp"
#include "motion.hpp"

namespace pw {

struct PlayerSetup {
    unsigned frame = PW_FRAME_CANONICAL;
    unsigned root = PW_ROOT_TRAVEL;
    uint32_t max_joints = 256;
    float foot_ik = 0;
    double buffer_seconds = 0.1;
    SharedTarget target;  // null: poses come on the motion's own skeleton
};

struct PlayWish {
    bool loop = false;
    double fade_seconds = 0.25, loop_fade_seconds = 0.25, start_seconds = 0, speed = 1;
};

class Player {
  public:
    explicit Player(const PlayerSetup& setup);

    // Throws when it is a live session that is played already; nothing changes then.
    void play(std::shared_ptr<Session> session, uint32_t clip, const PlayWish& wish);
    void clear();
    // In the player's frame, as all that follows.
    void stand(Vec3f position, Quatf rotation);
    void seek(double seconds);
    // A place of this player's path on that of the session which it plays. Throws when it doesn't.
    Place in_session(const Session& session, Vec3f position, Quatf rotation) const;
    void set_speed(double speed);

    void advance(double seconds);
    // Fills everything but `struct_size`. Throws when there is too little room.
    void sample(float* rotations, uint32_t capacity, pw_pose& pose);
    // Null until it is known.
    const Skeleton* skeleton() const;
    // Of a skeleton that is known.
    bool drives(uint32_t joint) const;
    pw_root_motion take_root_motion();
    bool next_contact(pw_contact& out);
    // Why the last motion failed; empty: it didn't.
    const char* error() const { return error_.data(); }

  private:
    enum class State { kPlaying, kStarved, kEnded, kFailed };
    struct Voice {
        Motion* motion = nullptr;
        PlayWish wish;
        double time = 0;
        double fade = 0, faded = 0;  // seconds: of the whole fade, and gone by
        State state = State::kPlaying;
        uint32_t loops = 0;
        Place place;  // on its own path
        float weight() const;
        double loop_fade() const { return std::min(wish.loop_fade_seconds, motion->duration() / 2); }
    };

    void forget_unheard();
    void begin_waiting();
    void begin(const Voice& voice);
    // The newest motion can't go on.
    void fail(int32_t code, const char* message);
    Step move(Voice& voice, double seconds);
    Step walk(Voice& voice, double time);
    void begin_again();
    void silence();
    void touch(uint8_t contacts, double time);
    const Motion& newest() const { return *voices_[count_ - 1].motion; }
    uint32_t state() const;
    void describe(pw_pose& pose) const;
    // Poses all voices into `mixed_`; gives the pelvis in model space.
    Vec3f mix();
    void pose_voice(const Voice& voice, float* rotations, Vec3f& root);
    void write(Vec3f root, float* rotations, pw_pose& pose) const;

    const PlayerSetup setup_;
    const Frame frame_;
    std::vector<std::unique_ptr<Motion>>
        motions_;  // kept until the next `play`, so that `advance` frees nothing
    std::array<Voice, 4> voices_;
    size_t count_ = 0;  // voices that are heard
    Voice waiting_;     // its motion null: none
    int32_t code_ = PW_OK;
    bool failed_ = false;  // the newest motion never began
    std::array<char, 512> error_{};
    Place place_;     // on the path through all motions
    Step travelled_;  // since it was last taken
    uint8_t touching_ = 0;
    std::array<pw_contact, 64> contacts_{};
    size_t contact_first_ = 0, contact_count_ = 0;
    FootIk feet_;
    std::vector<float> mixed_, other_, scratch_, turned_, placed_;
};

}  // namespace pw
