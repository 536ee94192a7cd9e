#include "motion.hpp"

#include "error.hpp"

namespace pw {
namespace {

Vec3f on_floor(Vec3f v) { return {v.x, 0, v.z}; }

// Turns the whole character in the world by turning its pelvis.
void turn_pelvis(const Skeleton& skeleton, float radians, float* rotations) {
    const uint32_t pelvis = skeleton.pelvis();
    const Quatf above = skeleton.above(pelvis, rotations);
    const Quatf turned = from_heading(radians) * (above * load4(rotations + 4 * pelvis));
    store(rotations + 4 * pelvis, conjugate(above) * turned);
}

}  // namespace

Step step_between(const Place& from, const Place& to) {
    return {rotate(from_heading(-from.heading), to.floor - from.floor), wrap(to.heading - from.heading)};
}

Place moved(const Place& place, const Step& step) {
    return {place.floor + rotate(from_heading(place.heading), step.travel), wrap(place.heading + step.turn)};
}

Step mixed(const Step& a, const Step& b, float weight) {
    return {lerp(a.travel, b.travel, weight), a.turn + (b.turn - a.turn) * weight};
}

void take_out(const Skeleton& skeleton, const Place& place, float* rotations, Vec3f& root) {
    turn_pelvis(skeleton, -place.heading, rotations);
    root = rotate(from_heading(-place.heading), root - place.floor);
}

void put_at(const Skeleton& skeleton, const Place& place, float* rotations, Vec3f& root) {
    turn_pelvis(skeleton, place.heading, rotations);
    root = rotate(from_heading(place.heading), root) + place.floor;
}

Motion::Motion(std::shared_ptr<Session> session, uint32_t clip, const SharedTarget& target,
               uint32_t max_joints)
    : session_(std::move(session)), index_(clip), max_joints_(max_joints) {
    if (target) retarget_.emplace(target);
    if (!session_->claim())
        throw Error(PW_FAILED_PRECONDITION,
                    "expected a live session that nobody plays, found one that a player plays or fades out");
}

bool Motion::bind() {
    if (bound()) return true;
    const Arrived* arrived = session_->arrived();
    if (!arrived) return false;
    const Header& header = arrived->header;
    if (index_ >= header.clips)
        throw invalid("clip: expected one below " + std::to_string(header.clips) + ", found " +
                      std::to_string(index_));
    if (header.skeleton->size() > max_joints_)
        throw invalid("max_joints: expected at least " + std::to_string(header.skeleton->size()) +
                      " for this motion, found " + std::to_string(max_joints_));
    const ClipBuffer* clip = arrived->clips[index_].load(std::memory_order_acquire);
    if (!clip) return false;
    if (retarget_) retarget_->bind(*header.skeleton, false);
    clip_ = clip;
    return true;
}

int32_t Motion::plays(const char* joint) const {
    return retarget_ ? retarget_->bone_of(joint) : skeleton().find(joint);
}

uint32_t Motion::frame_at(double time) const {
    const double last = double(clip_->ready()) - 1;
    // Rounding must not keep a time that was made from a frame's number below that frame.
    return uint32_t(std::clamp(std::floor(time * header().fps + 1e-6), 0.0, last));
}

Motion::Between Motion::around(double time) const {
    const uint32_t last = clip_->ready() - 1;
    const double frame = std::clamp(time * header().fps, 0.0, double(last));
    const auto before = uint32_t(frame);
    return {before, std::min(before + 1, last), float(frame - before)};
}

Quatf Motion::rotation(const Between& at, uint32_t joint) const {
    return slerp(load4(clip_->rotations(at.before) + 4 * joint),
                 load4(clip_->rotations(at.after) + 4 * joint), at.t);
}

Place Motion::place_at(double time) const {
    const Between at = around(time);
    const Skeleton& source = *header().skeleton;
    Quatf turned = narrow(conjugate(source.rest_global(source.pelvis())));
    for (int32_t j = int32_t(source.pelvis()); j >= 0; j = source.parent(uint32_t(j)))
        turned = rotation(at, uint32_t(j)) * turned;
    const Vec3f root = lerp(load3(clip_->root(at.before)), load3(clip_->root(at.after)), at.t);
    return {on_floor(root) * travel(), heading(turned)};
}

void Motion::pose_at(double time, float* scratch, float* rotations, Vec3f& root) const {
    const Between at = around(time);
    const uint32_t joints = clip_->joints();
    const float* before = clip_->rotations(at.before);
    const float* after = clip_->rotations(at.after);
    float* own = retarget_ ? scratch : rotations;
    for (uint32_t j = 0; j < joints; ++j)
        store(own + 4 * j, slerp(load4(before + 4 * j), load4(after + 4 * j), at.t));
    root = lerp(load3(clip_->root(at.before)), load3(clip_->root(at.after)), at.t);
    if (retarget_) retarget_->apply(own, root, scratch + 4 * joints, rotations, root);
}

}  // namespace pw
