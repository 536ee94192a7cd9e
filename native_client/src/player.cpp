#include "player.hpp"

#include <algorithm>
#include <cstdio>

#include "error.hpp"

namespace pw {

Player::Player(const PlayerSetup& setup)
    : setup_(setup), frame_(Frame::of(setup.frame)), feet_(std::clamp(setup.foot_ik, 0.f, 1.f)) {
    const size_t source = setup.max_joints;
    const size_t own = setup.target ? setup.target->skeleton->size() : source;
    mixed_.resize(4 * own);
    other_.resize(4 * own);
    scratch_.resize(4 * (2 * source + own));
    turned_.resize(4 * own);
    placed_.resize(3 * own);
}

void Player::play(std::shared_ptr<Session> session, uint32_t clip, const PlayWish& wish) {
    if (waiting_.motion && &waiting_.motion->session() == session.get()) waiting_ = {};
    forget_unheard();
    auto motion = std::make_unique<Motion>(std::move(session), clip, setup_.target, setup_.max_joints);
    waiting_ = {};
    forget_unheard();
    waiting_.motion = motion.get();
    waiting_.wish = wish;
    waiting_.wish.loop = wish.loop && !motion->session().live();
    motions_.push_back(std::move(motion));
    failed_ = false;
    code_ = PW_OK;
    error_[0] = 0;
}

// Lets go of the motions that neither are heard nor wait.
void Player::forget_unheard() {
    const auto unheard = [this](const std::unique_ptr<Motion>& old) {
        return old.get() != waiting_.motion &&
               std::none_of(voices_.begin(), voices_.begin() + long(count_),
                            [&](const Voice& voice) { return voice.motion == old.get(); });
    };
    motions_.erase(std::remove_if(motions_.begin(), motions_.end(), unheard), motions_.end());
}

void Player::clear() {
    voices_ = {};
    waiting_ = {};
    count_ = 0;
    motions_.clear();
    failed_ = false;
    code_ = PW_OK;
    error_[0] = 0;
    touching_ = 0;
    contact_count_ = 0;
    feet_.release();
}

void Player::stand(Vec3f position, Quatf rotation) {
    const Frame back = frame_.inverse();
    place_.floor = back.position(position);
    place_.heading = heading(back.rotation(rotation));
    feet_.release();
}

void Player::seek(double seconds) {
    not_negative(seconds, "seconds");
    if (count_ == 0 && !waiting_.motion)
        throw Error(PW_FAILED_PRECONDITION,
                    "expected a motion to seek in, found none; call pw_player_play first");
    if (count_ == 0) {
        waiting_.wish.start_seconds = seconds;
        return;
    }
    Voice& voice = voices_[count_ - 1];
    if (voice.motion->session().live())
        throw Error(PW_FAILED_PRECONDITION,
                    "expected a motion with an end to seek in, found a live session; play a clip");
    voice.time = std::clamp(seconds, 0.0, voice.motion->available());
    voice.state = State::kPlaying;
    voice.place = voice.motion->place_at(voice.time);
    touching_ = voice.motion->contacts(voice.motion->frame_at(voice.time));
    feet_.release();
}

Place Player::in_session(const Session& session, Vec3f position, Quatf rotation) const {
    if (count_ == 0 || &newest().session() != &session)
        throw Error(PW_FAILED_PRECONDITION,
                    "expected a player that plays this session, found another one; wait until it has begun");
    const Frame back = frame_.inverse();
    Step step = step_between(place_, {back.position(position), heading(back.rotation(rotation))});
    step.travel = step.travel * (1 / newest().travel());
    return moved(voices_[count_ - 1].place, step);
}

void Player::set_speed(double speed) {
    not_negative(speed, "speed");
    if (count_ == 0 && !waiting_.motion)
        throw Error(PW_FAILED_PRECONDITION, "expected a motion to set the speed of, found none");
    (waiting_.motion ? waiting_ : voices_[count_ - 1]).wish.speed = speed;
}

// ------------------------------------------------------------------------------------------- the clock

float Player::Voice::weight() const {
    if (!(fade > 0)) return 1;
    const float x = float(std::clamp(faded / fade, 0.0, 1.0));
    return x * x * (3 - 2 * x);
}

void Player::advance(double seconds) {
    if (!(seconds >= 0) || !std::isfinite(seconds)) seconds = 0;
    Step step;
    for (size_t i = 0; i < count_; ++i) {
        Voice& voice = voices_[i];
        voice.faded += seconds;
        const Step own = move(voice, seconds);
        step = i == 0 ? own : mixed(step, own, voice.weight());
    }
    if (count_ > 0) begin_again();
    place_ = moved(place_, step);
    const Place from_last{travelled_.travel, travelled_.turn}, to = moved(from_last, step);
    travelled_ = {to.floor, to.heading};
    if (feet_.active()) feet_.advance(seconds, touching_);
    for (size_t i = 0; i < count_; ++i) voices_[i].motion->tell_played(voices_[i].time);
    if (waiting_.motion) begin_waiting();
    silence();
}

// A motion begins once it has enough in store; the first pose that is seen is its first.
void Player::begin_waiting() {
    Motion& motion = *waiting_.motion;
    const bool over = motion.session().finished();
    try {
        if (motion.bind() && motion.available() >= 0) {
            const double start = std::max(waiting_.wish.start_seconds, motion.first());
            if (motion.complete() || motion.available() >= start + setup_.buffer_seconds) {
                waiting_.time = std::min(start, motion.available());
                waiting_.fade = count_ > 0 ? waiting_.wish.fade_seconds : 0;
                begin(waiting_);
                waiting_ = {};
                return;
            }
        }
    } catch (const Error& error) {
        waiting_ = {};
        failed_ = true;
        return fail(error.code(), error.what());
    }
    if (!over) return;
    const int32_t code = motion.session().code();
    waiting_ = {};
    failed_ = true;
    fail(code, "the stream ended before this motion could begin; its status says why");
}

void Player::begin(const Voice& voice) {
    if (count_ > 0 && newest().skeleton().size() != voice.motion->skeleton().size()) count_ = 0;
    if (count_ == voices_.size()) {
        std::move(voices_.begin() + 1, voices_.end(), voices_.begin());
        --count_;
    }
    Voice& begun = voices_[count_++];
    begun = voice;
    begun.place = voice.motion->place_at(voice.time);
    touch(voice.motion->contacts(voice.motion->frame_at(voice.time)), voice.time);
    if (feet_.active()) feet_.bind(*voice.motion);
}

void Player::fail(int32_t code, const char* message) {
    code_ = code;
    std::snprintf(error_.data(), error_.size(), "%s", message);
}

Step Player::move(Voice& voice, double seconds) {
    const Motion& motion = *voice.motion;
    const bool over = motion.session().finished();  // asked before what has arrived
    const bool complete = motion.complete();
    const double last = motion.available();
    if (voice.state == State::kStarved && (complete || last >= voice.time + setup_.buffer_seconds || over))
        voice.state = State::kPlaying;
    if (voice.state != State::kPlaying) return {};
    double goal = voice.time + seconds * voice.wish.speed;
    Step step;
    if (complete && voice.wish.loop && !(voice.loop_fade() > 0) && last > 0 && goal >= last) {
        step = walk(voice, last);
        voice.time = 0;
        voice.place = motion.place_at(0);
        voice.loops++;
        goal = std::fmod(goal, last);
    }
    if (goal >= last) {
        goal = last;
        if (complete) {
            voice.state = State::kEnded;
        } else if (over) {
            voice.state = State::kFailed;
            fail(motion.session().code(), "the stream ended within the motion; its status says why");
        } else if (seconds * voice.wish.speed > 0) {
            voice.state = State::kStarved;
        }
    }
    const Step rest = walk(voice, goal);
    const Place to = moved({step.travel, step.turn}, rest);
    return {to.floor, to.heading};
}

// Moves the play head along and tells of the contacts on the way.
Step Player::walk(Voice& voice, double time) {
    const Motion& motion = *voice.motion;
    if (&voice == &voices_[count_ - 1]) {
        const uint32_t to = motion.frame_at(time);
        for (uint32_t frame = motion.frame_at(voice.time) + 1; frame <= to; ++frame)
            touch(motion.contacts(frame), frame / motion.header().fps);
    }
    const Place place = motion.place_at(time);
    const Step step = step_between(voice.place, place);
    voice.time = time;
    voice.place = place;
    return step;
}

// Near its end a motion that loops fades into its own beginning.
void Player::begin_again() {
    const Voice& voice = voices_[count_ - 1];
    const double fade = voice.loop_fade();
    if (!voice.wish.loop || !voice.motion->complete() || !(fade > 0)) return;
    const double late = voice.time - (voice.motion->duration() - fade);
    if (late < 0) return;
    Voice again = voice;
    again.state = State::kPlaying;
    again.time = std::min(late, fade);
    again.fade = fade;
    again.faded = late;
    again.loops++;
    begin(again);
}

// Forgets the voices that nobody hears any more.
void Player::silence() {
    for (size_t i = count_; i-- > 1;) {
        if (voices_[i].weight() < 1) continue;
        std::move(voices_.begin() + long(i), voices_.begin() + long(count_), voices_.begin());
        count_ -= i;
        return;
    }
}

void Player::touch(uint8_t contacts, double time) {
    for (uint32_t bit = 0; bit < 8; ++bit) {
        const bool now = contacts >> bit & 1;
        if (now == (touching_ >> bit & 1)) continue;
        if (contact_count_ == contacts_.size())
            contact_first_ = (contact_first_ + 1) % contacts_.size(), --contact_count_;
        contacts_[(contact_first_ + contact_count_++) % contacts_.size()] = {bit, now, time};
    }
    touching_ = contacts;
}

bool Player::next_contact(pw_contact& out) {
    if (contact_count_ == 0) return false;
    out = contacts_[contact_first_];
    contact_first_ = (contact_first_ + 1) % contacts_.size();
    --contact_count_;
    return true;
}

pw_root_motion Player::take_root_motion() {
    pw_root_motion out;
    store(out.translation, frame_.position(travelled_.travel));
    store(out.rotation, frame_.rotation(from_heading(travelled_.turn)));
    travelled_ = {};
    return out;
}

// --------------------------------------------------------------------------------------------- the pose

const Skeleton* Player::skeleton() const {
    if (setup_.target) return setup_.target->skeleton.get();
    return count_ > 0 ? &newest().skeleton() : nullptr;
}

bool Player::drives(uint32_t joint) const {
    if (count_ > 0) return newest().drives(joint);
    const auto& bones = setup_.target->bones;  // without a target there are no joints yet to ask for
    return std::any_of(bones.begin(), bones.end(), [&](const auto& bone) { return bone.second == joint; });
}

void Player::sample(float* rotations, uint32_t capacity, pw_pose& pose) {
    describe(pose);
    if (!pose.has_pose) return;
    if (rotations && capacity < pose.joints)
        throw invalid("capacity: expected room for " + std::to_string(pose.joints) + " joints, found " +
                      std::to_string(capacity));
    Vec3f root = mix();
    if (feet_.active()) {
        const Place world = setup_.root == PW_ROOT_IN_PLACE ? place_ : Place{};
        feet_.apply(*skeleton(), world, mixed_.data(), root, turned_.data(), placed_.data());
    }
    write(root, rotations, pose);
}

uint32_t Player::state() const {
    if (count_ == 0)
        return waiting_.motion ? PW_PLAYER_BUFFERING : failed_ ? PW_PLAYER_FAILED : PW_PLAYER_IDLE;
    switch (voices_[count_ - 1].state) {
        case State::kPlaying:
            return PW_PLAYER_PLAYING;
        case State::kStarved:
            return PW_PLAYER_STARVED;
        case State::kEnded:
            return PW_PLAYER_ENDED;
        case State::kFailed:
            break;
    }
    return PW_PLAYER_FAILED;
}

void Player::describe(pw_pose& pose) const {
    pose = {};
    pose.rotation[3] = 1;
    pose.state = state();
    pose.code = code_;
    if (const Skeleton* skeleton = this->skeleton()) pose.joints = skeleton->size();
    if (count_ == 0) return;
    const Voice& voice = voices_[count_ - 1];
    pose.has_pose = 1;
    pose.waiting = waiting_.motion != nullptr;
    pose.contacts = touching_;
    pose.loops = voice.loops;
    pose.time = voice.time;
    pose.duration = voice.motion->duration();
    pose.buffered = std::max(voice.motion->available() - voice.time, 0.0);
}

Vec3f Player::mix() {
    Vec3f root;
    pose_voice(voices_[0], mixed_.data(), root);
    for (size_t i = 1; i < count_; ++i) {
        Vec3f other_root;
        pose_voice(voices_[i], other_.data(), other_root);
        const float weight = voices_[i].weight();
        for (uint32_t j = 0; j < 4 * newest().skeleton().size(); j += 4)
            store(&mixed_[j], slerp(load4(&mixed_[j]), load4(&other_[j]), weight));
        root = lerp(root, other_root, weight);
    }
    if (setup_.root == PW_ROOT_TRAVEL) put_at(newest().skeleton(), place_, mixed_.data(), root);
    return root;
}

// As it was sent, or else in place, so that voices mix wherever their paths lead.
void Player::pose_voice(const Voice& voice, float* rotations, Vec3f& root) {
    voice.motion->pose_at(voice.time, scratch_.data(), rotations, root);
    if (setup_.root != PW_ROOT_AS_SENT) take_out(voice.motion->skeleton(), voice.place, rotations, root);
}

void Player::write(Vec3f root, float* rotations, pw_pose& pose) const {
    const Skeleton& skeleton = newest().skeleton();
    const uint32_t pelvis = skeleton.pelvis();
    Quatf above;
    Vec3f above_at;
    skeleton.above(pelvis, mixed_.data(), above, above_at);
    Place place = place_;
    if (setup_.root == PW_ROOT_AS_SENT) {
        const Quatf turned = above * load4(&mixed_[4 * pelvis]);
        place = {{root.x, 0, root.z}, heading(turned * conjugate(narrow(skeleton.rest_global(pelvis))))};
    }
    store(pose.root_position, frame_.position(root));
    store(pose.pelvis_position, frame_.position(rotate(conjugate(above), root - above_at)));
    store(pose.position, frame_.position(place.floor));
    store(pose.rotation, frame_.rotation(from_heading(place.heading)));
    if (rotations) frame_.rotations(mixed_.data(), rotations, skeleton.size());
}

}  // namespace pw
