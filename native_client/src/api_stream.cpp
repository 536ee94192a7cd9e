// The C ABI: events of a stream, and streams over other transports.
#include "api.hpp"
#include "wire.hpp"

using namespace pw;

namespace {

void point_timings(pw_stream& stream, pw_event& out) {
    stream.timings.clear();
    for (const Timing& timing : stream.current.status.timings)
        stream.timings.push_back({timing.stage.c_str(), timing.nanoseconds});
    out.timings = stream.timings.data();
    out.timing_count = uint32_t(stream.timings.size());
}

// The stream's current delivery as the caller sees it.
pw_event event_of(pw_stream& stream) {
    const Delivery& from = stream.current;
    pw_event out{};
    out.kind = from.kind;
    out.clip = from.clip;
    out.first_frame = from.first_frame;
    out.frames = from.frames;
    out.step = from.step;
    out.steps = from.steps;
    out.seed = from.seed;
    out.time = from.time;
    out.command = from.command;
    if (from.buffer) {
        out.rotations = from.buffer->rotations(from.first_frame);
        out.roots = from.buffer->root(from.first_frame);
        out.contacts = from.buffer->contacts(from.first_frame);
    }
    if (from.kind == PW_EVENT_NOTICE) {
        out.name = from.notice.code.c_str();
        out.message = from.notice.message.c_str();
    }
    if (from.kind == PW_EVENT_SEGMENT) out.message = from.notice.message.c_str();
    if (from.kind == PW_EVENT_STATUS || from.kind == PW_EVENT_ANSWER) {
        out.code = from.status.code;
        out.message = from.status.message.c_str();
        out.retry_after_seconds = from.status.retry_after;
    }
    if (from.kind == PW_EVENT_STATUS || from.kind == PW_EVENT_CLIP_END) point_timings(stream, out);
    return out;
}

pw_header header_of(pw_stream& stream, const Header& from) {
    if (stream.contact_names.empty())
        for (const std::string& name : from.contact_names) stream.contact_names.push_back(name.c_str());
    stream.skeleton.view = from.skeleton.get();
    pw_header out{};
    out.packing = from.packing;
    out.frame_bytes = from.frame_bytes;
    out.clips = from.clips;
    out.fps = from.fps;
    out.familiarity = from.familiarity;
    out.contact_count = uint32_t(stream.contact_names.size());
    out.contact_names = stream.contact_names.data();
    out.stream_id = from.stream_id.c_str();
    out.model = from.model.c_str();
    out.convention = from.convention.c_str();
    out.licence_notice = from.licence_notice.c_str();
    out.nearest_prompt = from.nearest_prompt.c_str();
    out.skeleton = &stream.skeleton;
    return out;
}

}  // namespace

pw_poll pw_stream_next(pw_stream* stream, double seconds, pw_event* event) {
    pw_poll result = PW_POLL_ENDED;
    guarded([&] {
        pw_event filled{};
        give(event, filled);
        result = need(stream, "stream").session->take(stream->current, seconds);
        if (result == PW_POLL_EVENT) give(event, event_of(*stream));
    });
    return result;
}

pw_poll pw_stream_poll(pw_stream* stream, pw_event* event) { return pw_stream_next(stream, 0, event); }

pw_code pw_stream_header(pw_stream* stream, pw_header* out) {
    return guarded([&] {
        const Arrived* arrived = need(stream, "stream").session->arrived();
        if (!arrived)
            throw Error(PW_FAILED_PRECONDITION,
                        "expected a stream whose header has arrived, found one that waits for it");
        give(out, header_of(*stream, arrived->header));
    });
}

void pw_stream_cancel(pw_stream* stream) {
    guarded([&] {
        if (!stream) return;
        stream->session->finish({PW_CANCELLED, "the stream was cancelled here", {}, -1});
        if (stream->cancel) stream->cancel();
    });
}

void pw_stream_destroy(pw_stream* stream) {
    pw_stream_cancel(stream);
    delete stream;
}

pw_code pw_stream_create(pw_stream** out) {
    return guarded([&] {
        need(out, "out") = nullptr;
        *out = new pw_stream{std::make_shared<Session>(), {}};
    });
}

pw_code pw_stream_feed(pw_stream* stream, const uint8_t* message, size_t size) {
    return guarded([&] {
        if (need(stream, "stream").cancel)
            throw Error(PW_FAILED_PRECONDITION,
                        "expected a stream of pw_stream_create, found one of pw_generate");
        Session& session = *stream->session;
        try {
            feed_bytes(&need(message, "message"), size, [&](Event event) { session.feed(std::move(event)); });
        } catch (const std::exception& error) {
            session.finish({code_of(error), error.what(), {}, -1});
            throw;
        }
    });
}

pw_code pw_stream_finish(pw_stream* stream, int32_t code, const char* message) {
    return guarded([&] {
        need(stream, "stream").session->finish({known_code(code), message ? message : "", {}, -1});
    });
}
