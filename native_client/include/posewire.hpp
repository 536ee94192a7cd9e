// Posewire for C++17: the C ABI of posewire.h with destructors, exceptions and ranges. Header only; it sits on
// the C ABI and on nothing else, so that it needs no compiler or standard library in common with the library.
//
//     posewire::Client client("127.0.0.1:50051");
//     auto wish = posewire::options<pw_generate_options>();
//     wish.prompt = "a person waves";
//     posewire::Stream stream = client.generate(wish);
//     posewire::Player player;
//     player.play(stream);
//     std::vector<float> rotations;
//     for (;;) {                                       // the game's frame loop
//         while (auto event = stream.poll()) handle(*event);
//         player.advance(1 / 60.0);
//         const pw_pose pose = player.sample(rotations);
//         if (pose.has_pose) draw(pose.root_position, rotations);
//     }
//
// What can fail throws `posewire::Error`. Ownership and threads are as posewire.h says; what a method gives by
// reference or pointer is borrowed from its object.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "posewire.h"

namespace posewire {

// What went wrong, for people in `what()` and for programs in `code()`.
class Error : public std::runtime_error {
  public:
    Error(pw_code code, const std::string& message) : std::runtime_error(message), code_(code) {}
    pw_code code() const noexcept { return code_; }

  private:
    pw_code code_;
};

inline void check(pw_code code) {
    if (code != PW_OK) throw Error(code, pw_last_error());
}

// A struct of options with its defaults, for example `options<pw_generate_options>()`.
template <class Options>
Options options();

namespace detail {

template <class Options, void(PW_CALL* init)(Options*, uint32_t)>
Options made() {
    Options out;
    init(&out, sizeof out);
    return out;
}

// A struct that the library fills.
template <class Result>
Result sized() {
    Result out{};
    out.struct_size = sizeof out;
    return out;
}

template <class Handle, void(PW_CALL* destroy)(Handle*)>
struct Destroy {
    void operator()(Handle* handle) const noexcept { destroy(handle); }
};

template <class Handle, void(PW_CALL* destroy)(Handle*)>
using Owned = std::unique_ptr<Handle, Destroy<Handle, destroy>>;

}  // namespace detail

template <>
inline pw_client_options options() {
    return detail::made<pw_client_options, pw_client_options_init>();
}
template <>
inline pw_generate_options options() {
    return detail::made<pw_generate_options, pw_generate_options_init>();
}
template <>
inline pw_live_options options() {
    return detail::made<pw_live_options, pw_live_options_init>();
}
template <>
inline pw_warm_options options() {
    return detail::made<pw_warm_options, pw_warm_options_init>();
}
template <>
inline pw_skeleton_options options() {
    return detail::made<pw_skeleton_options, pw_skeleton_options_init>();
}
template <>
inline pw_retarget_options options() {
    return detail::made<pw_retarget_options, pw_retarget_options_init>();
}
template <>
inline pw_player_options options() {
    return detail::made<pw_player_options, pw_player_options_init>();
}
template <>
inline pw_play_options options() {
    return detail::made<pw_play_options, pw_play_options_init>();
}

// Joints in rest pose.
class Skeleton {
  public:
    explicit Skeleton(const pw_skeleton_options& options) {
        pw_skeleton* made = nullptr;
        check(pw_skeleton_create(&options, &made));
        handle_.reset(made);
    }
    const pw_skeleton* get() const noexcept { return handle_.get(); }
    uint32_t size() const noexcept { return pw_skeleton_joint_count(get()); }

  private:
    detail::Owned<pw_skeleton, pw_skeleton_destroy> handle_;
};

// A character's bones by the model's joints, recognised from their names.
inline std::vector<pw_bone> guess_bones(const pw_skeleton* skeleton) {
    uint32_t count = 0;
    check(pw_skeleton_guess_bones(skeleton, nullptr, 0, &count, nullptr));
    std::vector<pw_bone> out(count);
    check(pw_skeleton_guess_bones(skeleton, out.data(), count, &count, nullptr));
    return out;
}

// The answer to one request.
class Stream {
  public:
    // Over a transport of your own: `feed` and `finish` it.
    Stream() {
        pw_stream* made = nullptr;
        check(pw_stream_create(&made));
        handle_.reset(made);
    }
    explicit Stream(pw_stream* owned) noexcept : handle_(owned) {}
    pw_stream* get() const noexcept { return handle_.get(); }

    // The next event, if one is there; borrowed until the next call.
    std::optional<pw_event> poll() { return next(0); }
    // Waits for it so long. Nothing comes after the status.
    std::optional<pw_event> next(double seconds) {
        auto event = detail::sized<pw_event>();
        const pw_poll got = pw_stream_next(get(), seconds, &event);
        ended_ = got == PW_POLL_ENDED;
        return got == PW_POLL_EVENT ? std::optional<pw_event>(event) : std::nullopt;
    }
    // The status was fetched: nothing will come.
    bool ended() const noexcept { return ended_; }
    pw_header header() const {
        auto out = detail::sized<pw_header>();
        check(pw_stream_header(get(), &out));
        return out;
    }
    void cancel() noexcept { pw_stream_cancel(get()); }
    void feed(const void* message, size_t size) {
        check(pw_stream_feed(get(), static_cast<const uint8_t*>(message), size));
    }
    void finish(pw_code code, const char* message = "") { check(pw_stream_finish(get(), code, message)); }

  private:
    detail::Owned<pw_stream, pw_stream_destroy> handle_;
    bool ended_ = false;
};

// A character that moves without end. Commands give their number, which their answer carries.
class Live : public Stream {
  public:
    explicit Live(pw_stream* owned) noexcept : Stream(owned) {}

    uint64_t prompt(const char* text, bool queued = false, const uint64_t* seed = nullptr) {
        return numbered(pw_live_prompt, text, seed, queued);
    }
    uint64_t stop() { return numbered(pw_live_stop); }
    // `through` null: canonical, on the session's own path. Either of the others may be null.
    uint64_t target(const pw_player* through, const float* position, const float* rotation) {
        return numbered(pw_live_target, through, position, rotation);
    }
    uint64_t pace(double rate) { return numbered(pw_live_pace, rate); }
    uint64_t clear() { return numbered(pw_live_clear); }
    void close() { check(pw_live_close(get())); }
    pw_live_info describe() const {
        auto out = detail::sized<pw_live_info>();
        check(pw_live_describe(get(), &out));
        return out;
    }

  private:
    template <class Function, class... Arguments>
    uint64_t numbered(Function* function, Arguments... arguments) {
        uint64_t out = 0;
        check(function(get(), arguments..., &out));
        return out;
    }
};

// What a server replied to `warm` or `models`.
class Reply {
  public:
    explicit Reply(pw_reply* owned) noexcept : handle_(owned) {}
    pw_reply* get() const noexcept { return handle_.get(); }

    // Whether it is there; waits for it so long. Throws when the call failed.
    bool wait(double seconds) {
        if (!pw_reply_wait(get(), seconds)) return false;
        const pw_code code = pw_reply_code(get());
        if (code != PW_OK) throw Error(code, pw_reply_message(get()));
        return true;
    }
    std::vector<pw_model> models() const {
        std::vector<pw_model> out(pw_reply_model_count(get()), detail::sized<pw_model>());
        for (uint32_t i = 0; i < out.size(); ++i) check(pw_reply_model(get(), i, &out[i]));
        return out;
    }
    std::string server_version() const { return pw_reply_server_version(get()); }
    uint32_t encoded() const noexcept { return pw_reply_encoded(get()); }

  private:
    detail::Owned<pw_reply, pw_reply_destroy> handle_;
};

// A connection to one server.
class Client {
  public:
    explicit Client(const pw_client_options& options) {
        pw_client* made = nullptr;
        check(pw_client_create(&options, &made));
        handle_.reset(made);
    }
    explicit Client(const char* target) : Client(with_target(target)) {}
    pw_client* get() const noexcept { return handle_.get(); }

    void connect() noexcept { pw_client_connect(get()); }
    pw_client_state state() const noexcept { return pw_client_get_state(get()); }
    void wait_ready(double seconds) { check(pw_client_wait_ready(get(), seconds)); }
    Stream generate(const pw_generate_options& wish) {
        pw_stream* made = nullptr;
        check(pw_generate(get(), &wish, &made));
        return Stream(made);
    }
    Live live(const pw_live_options& wish = options<pw_live_options>()) {
        pw_stream* made = nullptr;
        check(pw_live_open(get(), &wish, &made));
        return Live(made);
    }
    Reply warm(const pw_warm_options& wish = options<pw_warm_options>()) {
        pw_reply* made = nullptr;
        check(pw_warm(get(), &wish, &made));
        return Reply(made);
    }
    Reply models(double timeout_seconds = 10) {
        pw_reply* made = nullptr;
        check(pw_models(get(), timeout_seconds, &made));
        return Reply(made);
    }

  private:
    static pw_client_options with_target(const char* target) {
        auto out = options<pw_client_options>();
        out.target = target;
        return out;
    }
    detail::Owned<pw_client, pw_client_destroy> handle_;
};

// One skeleton's motion on another, frame by frame.
class Retargeter {
  public:
    Retargeter(const pw_skeleton* source, const pw_skeleton* target,
               const pw_retarget_options& how = options<pw_retarget_options>()) {
        pw_retargeter* made = nullptr;
        check(pw_retargeter_create(source, target, &how, &made));
        handle_.reset(made);
    }
    void apply(const float* rotations, const float* root, float* target_rotations, float* target_root) {
        check(pw_retarget(handle_.get(), rotations, root, target_rotations, target_root));
    }

  private:
    detail::Owned<pw_retargeter, pw_retargeter_destroy> handle_;
};

// What one character plays.
class Player {
  public:
    explicit Player(const pw_player_options& how = options<pw_player_options>()) {
        pw_player* made = nullptr;
        check(pw_player_create(&how, &made));
        handle_.reset(made);
    }
    pw_player* get() const noexcept { return handle_.get(); }

    void play(const Stream& stream, uint32_t clip = 0,
              const pw_play_options& how = options<pw_play_options>()) {
        check(pw_player_play(get(), stream.get(), clip, &how));
    }
    void clear() noexcept { pw_player_clear(get()); }
    void place(const float (&position)[3], const float (&rotation)[4]) {
        check(pw_player_place(get(), position, rotation));
    }
    void seek(double seconds) { check(pw_player_seek(get(), seconds)); }
    void set_speed(double speed) { check(pw_player_set_speed(get(), speed)); }
    void advance(double seconds) noexcept { pw_player_advance(get(), seconds); }
    // Into a vector that grows where it is too small, and then no more.
    pw_pose sample(std::vector<float>& rotations) {
        auto pose = detail::sized<pw_pose>();
        const pw_code code = pw_player_sample(get(), rotations.data(), uint32_t(rotations.size() / 4), &pose);
        if (code == PW_OK && rotations.size() >= 4 * size_t(pose.joints)) return pose;
        rotations.resize(4 * size_t(pose.joints));
        check(pw_player_sample(get(), rotations.data(), pose.joints, &pose));
        return pose;
    }
    const pw_skeleton* skeleton() const noexcept { return pw_player_skeleton(get()); }
    const char* error() const noexcept { return pw_player_error(get()); }
    pw_root_motion take_root_motion() noexcept {
        pw_root_motion out{};
        pw_player_take_root_motion(get(), &out);
        return out;
    }
    std::optional<pw_contact> next_contact() noexcept {
        pw_contact out{};
        return pw_player_next_contact(get(), &out) ? std::optional<pw_contact>(out) : std::nullopt;
    }

  private:
    detail::Owned<pw_player, pw_player_destroy> handle_;
};

}  // namespace posewire
