// The C ABI: live sessions.
#include <cmath>

#include "api.hpp"
#include "api_client.hpp"
#include "api_player.hpp"
#include "grpc_live.hpp"
#include "wire.hpp"

namespace pw {
namespace {

pw_live_options live_defaults() {
    pw_live_options out{};
    out.struct_size = sizeof out;
    out.guidance = std::nanf("");
    out.packing = PW_PACKING_FLOAT32;
    out.priority = PW_PRIORITY_INTERACTIVE;
    out.match_limbs = out.scale_travel = 1;
    out.resume_seconds = 20;
    return out;
}

// The clip of a live session that has begun.
const ClipBuffer& begun(const pw_stream& live) {
    const ClipBuffer* clip = live.session->endless();
    if (!clip)
        throw Error(PW_FAILED_PRECONDITION,
                    "expected a live session that has begun, found one that waits for the server");
    return *clip;
}

pw_stream& need_live(pw_stream* stream) {
    if (!need(stream, "live").outbox)
        throw invalid("live: expected a stream of pw_live_open, found another one");
    return *stream;
}

// Sends a command. What can't be is refused here, not on the network's thread.
pw_code give_command(pw_stream* stream, uint64_t* id, const std::function<void(Command&)>& fill) {
    return guarded([&] {
        pw_stream& live = need_live(stream);
        Command command;
        fill(command);
        write_command(command);
        if (live.session->finished())
            throw Error(PW_FAILED_PRECONDITION,
                        "expected a session that runs, found one that has ended; open a new one");
        const uint64_t given = live.outbox->put(std::move(command));
        if (id) *id = given;
    });
}

void put_target(const pw_stream& live, const pw_player* through, const float* position, const float* rotation,
                Command& out) {
    if (!position && !rotation)
        throw invalid("position, rotation: expected one of them at least, found neither");
    const Vec3f at = position ? load3(position) : Vec3f{};
    const Quatf turned = rotation ? load4(rotation) : Quatf{};
    if (!std::isfinite(at.x + at.y + at.z + turned.x + turned.y + turned.z + turned.w))
        throw invalid("position, rotation: expected numbers, found something else");
    const Place place = through ? player_of(through).in_session(*live.session, at, turned)
                                : Place{{at.x, 0, at.z}, heading(turned)};
    if (position) out.position = place.floor;
    if (rotation) out.heading = place.heading;
}

}  // namespace
}  // namespace pw

using namespace pw;

void pw_live_options_init(pw_live_options* options, uint32_t size) { init(options, size, live_defaults()); }

pw_code pw_live_open(pw_client* client, const pw_live_options* options, pw_stream** out) {
    return guarded([&] {
        need(out, "out") = nullptr;
        const auto read = read_options(options, live_defaults(), "pw_live_options_init");
        const CallSetup setup{read.wait_for_server != 0, 0,
                              not_negative(read.resume_seconds, "resume_seconds")};
        const SharedSkeleton target =
            read.target ? std::make_shared<const Skeleton>(*read.target->view) : nullptr;
        auto stream =
            std::make_unique<pw_stream>(pw_stream{std::make_shared<Session>(kMaxStreamBytes, true), {}});
        stream->outbox = std::make_shared<Outbox>();
        const auto call = begin_live(need(client, "client").network, setup, write_open(read, target),
                                     stream->session, stream->outbox);
        stream->cancel = [call] { call->cancel(); };
        stream->connection = [call](pw_live_info& info) {
            info.connected = call->connected();
            info.resumes = call->resumes();
        };
        *out = stream.release();
    });
}

pw_code pw_live_prompt(pw_stream* live, const char* prompt, const uint64_t* seed, int32_t queued,
                       uint64_t* id) {
    return give_command(live, id, [&](Command& command) {
        command.kind = Command::Kind::kPrompt;
        command.prompt = &need(prompt, "prompt");
        if (seed) command.seed = *seed;
        command.queued = queued != 0;
    });
}

pw_code pw_live_stop(pw_stream* live, uint64_t* id) {
    return give_command(live, id, [](Command& command) { command.kind = Command::Kind::kStop; });
}

pw_code pw_live_target(pw_stream* live, const pw_player* through, const float* position,
                       const float* rotation, uint64_t* id) {
    return give_command(live, id, [&](Command& command) {
        command.kind = Command::Kind::kTarget;
        put_target(*live, through, position, rotation, command);
    });
}

pw_code pw_live_pace(pw_stream* live, double rate, uint64_t* id) {
    return give_command(live, id, [&](Command& command) {
        command.kind = Command::Kind::kPace;
        command.rate = not_negative(rate, "rate");
    });
}

pw_code pw_live_clear(pw_stream* live, uint64_t* id) {
    return give_command(live, id, [](Command& command) { command.kind = Command::Kind::kClear; });
}

pw_code pw_live_close(pw_stream* live) {
    return give_command(live, nullptr, [](Command& command) { command.kind = Command::Kind::kClose; });
}

pw_code pw_live_played(pw_stream* live, uint32_t frames) {
    return guarded([&] {
        const ClipBuffer& clip = begun(need_live(live));
        if (frames > clip.ready())
            throw invalid("frames: expected at most the " + std::to_string(clip.ready()) +
                          " that have arrived, found " + std::to_string(frames));
        clip.tell_played(frames);
    });
}

pw_code pw_live_frames(pw_stream* live, uint32_t first, uint32_t count, float* rotations, float* roots,
                       uint8_t* contacts) {
    return guarded([&] {
        const ClipBuffer& clip = begun(need_live(live));
        const uint32_t ready = clip.ready(), joints = clip.joints();
        if (first < clip.kept() || first > ready || count > ready - first)
            throw Error(PW_FAILED_PRECONDITION, "expected frames from " + std::to_string(clip.kept()) +
                                                    " to " + std::to_string(ready) + ", found " +
                                                    std::to_string(count) + " from " + std::to_string(first) +
                                                    " on");
        for (uint32_t i = 0; i < count; ++i) {
            const size_t n = size_t(joints) * 4;
            if (rotations) std::copy_n(clip.rotations(first + i), n, rotations + i * n);
            if (roots) std::copy_n(clip.root(first + i), 3, roots + 3 * i);
            if (contacts) contacts[i] = *clip.contacts(first + i);
        }
    });
}

pw_code pw_live_describe(pw_stream* stream, pw_live_info* out) {
    return guarded([&] {
        pw_stream& live = need_live(stream);
        pw_live_info info{};
        Started started;
        info.started = live.session->started(started);
        live.connection(info);
        if (const ClipBuffer* clip = live.session->endless())
            info.frames = clip->ready(), info.played = clip->played();
        info.ahead_seconds = started.ahead_seconds;
        info.resume_seconds = started.resume_seconds;
        info.idle_seconds = started.idle_seconds;
        live.session_id = started.session_id;
        info.session_id = live.session_id.c_str();
        give(out, info);
    });
}
