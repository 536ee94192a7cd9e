// What a stream says, before and after it has been checked. Knows no protobuf.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "clip_buffer.hpp"
#include "posewire.h"
#include "skeleton.hpp"

namespace pw {

// ------------------------------------------------------- as they arrive: the messages of the wire

struct Timing {
    std::string stage;
    uint64_t nanoseconds;
};

struct Notice {
    std::string code, message;
};

struct Header {
    std::string stream_id, model, convention, licence_notice, nearest_prompt;
    SharedSkeleton skeleton;
    double fps = 0;
    uint32_t packing = 0, frame_bytes = 0, clips = 0;
    float familiarity = -1;  // negative: not measured
    std::vector<std::string> contact_names;
    std::vector<Notice> notices;
};

struct ClipStart {
    uint32_t clip;
    uint64_t seed;
    uint32_t frames;
};

struct Chunk {
    uint32_t clip, first_frame, frames;
    const uint8_t* data;  // borrowed while the event is fed
    size_t size;
};

struct ClipEnd {
    uint32_t clip, frames;
    std::vector<Timing> timings;
};

struct Progress {
    uint32_t clip, step, steps;
};

struct Status {
    int32_t code = PW_OK;
    std::string message;
    std::vector<Timing> timings;
    double retry_after = -1;  // negative: trying again won't help
};

// ---- of live sessions alone

struct Segment {
    uint32_t first_frame;
    std::string prompt;
    uint64_t seed, command;
};

struct Answer {
    uint64_t command;
    int32_t code;
    std::string message;
};

struct Started {
    std::string session_id, secret;
    uint32_t first_frame = 0;
    double resume_seconds = 0, idle_seconds = 0, ahead_seconds = 0;
    std::vector<Answer> answers{};  // to the last commands that earlier streams of the session brought
};

// monostate: something that a later version of the contract knows.
using Event = std::variant<std::monostate, Header, ClipStart, Chunk, ClipEnd, Progress, Notice, Status,
                           Started, Segment, Answer>;

// ------------------------------------------------------- as they are fetched

// One event for the caller; which fields mean something depends on the kind, as in `pw_event`.
struct Delivery {
    pw_event_kind kind = PW_EVENT_NONE;
    uint32_t clip = 0, first_frame = 0, frames = 0, step = 0, steps = 0;
    uint64_t seed = 0, command = 0;
    double time = 0;
    const ClipBuffer* buffer = nullptr;  // of a chunk that stays; lives as long as its session
    Notice notice{};                     // of a segment the message alone
    Status status{};                     // of a clip's end the timings alone, of an answer code and message
};

}  // namespace pw
