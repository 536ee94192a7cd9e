// One clip of a stream, as one player sees it: poses and places on its path at any time, on the player's
// skeleton. Knows no clock. After `bind` nothing here allocates or locks.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "retarget.hpp"
#include "session.hpp"

namespace pw {

// Where a character stands and heads: on the floor, radians about +Y from facing +Z.
struct Place {
    Vec3f floor;
    float heading = 0;
};

// Travel and turn, relative to where the character stood and headed.
struct Step {
    Vec3f travel;
    float turn = 0;
};

Step step_between(const Place& from, const Place& to);
// The one after the other.
Place moved(const Place& place, const Step& step);
Step mixed(const Step& a, const Step& b, float weight);

// Seen by one who walks along: takes travel and heading out of a pose (J x 4, root).
void take_out(const Skeleton& skeleton, const Place& place, float* rotations, Vec3f& root);
// The opposite.
void put_at(const Skeleton& skeleton, const Place& place, float* rotations, Vec3f& root);

class Motion {
  public:
    // `target` null: on the motion's own skeleton.
    // Throws when somebody else plays this live session.
    Motion(std::shared_ptr<Session> session, uint32_t clip, const SharedTarget& target, uint32_t max_joints);
    ~Motion() { session_->release(); }
    Motion(const Motion&) = delete;
    Motion& operator=(const Motion&) = delete;

    // Finds the clip once it has begun; true from then on. Throws when it can't be played.
    bool bind();
    bool bound() const { return clip_ != nullptr; }
    const Session& session() const { return *session_; }
    const Header& header() const { return session_->arrived()->header; }
    // Of the poses.
    const Skeleton& skeleton() const { return retarget_ ? retarget_->skeleton() : *header().skeleton; }
    bool drives(uint32_t joint) const { return !retarget_ || retarget_->drives(joint); }
    // Index in `skeleton()` of what plays a joint of the model; -1: nothing.
    int32_t plays(const char* joint) const;

    // ---- of a bound motion; times in seconds

    bool complete() const { return clip_->complete(); }
    // 0: not known yet.
    double duration() const {
        const uint32_t frames = clip_->frames();
        return frames == ClipBuffer::kEndless ? 0 : (frames - 1) / header().fps;
    }
    // Where it can begin.
    double first() const { return session_->live() ? clip_->kept() / header().fps : 0; }
    // The play head is here now: a session without end needs what lies before it no more.
    void tell_played(double time) const {
        if (session_->live()) clip_->tell_played(around(time).before + 1);
    }
    // How much longer its way along the floor is than the session's.
    float travel() const { return retarget_ ? retarget_->travel() : 1; }
    // Time of the last frame that has arrived; negative: none has.
    double available() const { return (double(clip_->ready()) - 1) / header().fps; }
    uint32_t frame_at(double time) const;
    uint8_t contacts(uint32_t frame) const { return *clip_->contacts(frame); }
    Place place_at(double time) const;
    // Rotations (J x 4) of `skeleton()` and the pelvis. `scratch` has room for two source poses and one
    // target pose.
    void pose_at(double time, float* scratch, float* rotations, Vec3f& root) const;

  private:
    struct Between {
        uint32_t before, after;
        float t;
    };
    Between around(double time) const;
    Quatf rotation(const Between& at, uint32_t joint) const;

    std::shared_ptr<Session> session_;
    const uint32_t index_, max_joints_;
    std::optional<Retarget> retarget_;
    const ClipBuffer* clip_ = nullptr;
};

}  // namespace pw
