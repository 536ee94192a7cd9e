#include "decoder.hpp"

#include <algorithm>
#include <cmath>

#include "error.hpp"
#include "packing.hpp"

namespace pw {
namespace {

constexpr uint32_t kMaxClips = 4096;
constexpr double kMaxAhead = 600;  // seconds

std::string text(uint64_t number) { return std::to_string(number); }

void check(const Header& header) {
    const uint32_t joints = header.skeleton->size();
    const size_t width = frame_bytes(header.packing, joints);
    expect(joints <= kMaxJoints, "at most " + text(kMaxJoints) + " joints", text(joints));
    expect(width > 0, "a known packing", text(header.packing));
    expect(header.frame_bytes == width, "frames of " + text(width) + " bytes", text(header.frame_bytes));
    expect(header.fps > 0 && header.fps < 1e6, "a rate above 0", std::to_string(header.fps));
    expect(header.clips > 0 && header.clips <= kMaxClips, "1 to " + text(kMaxClips) + " clips",
           text(header.clips));
    expect(header.contact_names.size() <= 8, "at most 8 contacts", text(header.contact_names.size()));
}

bool same_stream(const Header& a, const Header& b) {
    return a.model == b.model && a.fps == b.fps && a.packing == b.packing && a.clips == b.clips &&
           a.skeleton->names() == b.skeleton->names();
}

Delivery about(pw_event_kind kind, uint32_t clip = 0) {
    Delivery out;
    out.kind = kind;
    out.clip = clip;
    return out;
}

void deliver_notice(Notice notice, const Decoder::Deliver& deliver) {
    Delivery out = about(PW_EVENT_NOTICE);
    out.notice = std::move(notice);
    deliver(std::move(out));
}

}  // namespace

void Decoder::feed(Event event, const Deliver& deliver) {
    expect(!has_status_, "nothing after the status", "an event of kind " + text(event.index()));
    if (auto* header = std::get_if<Header>(&event)) return read(*header, deliver);
    if (auto* start = std::get_if<ClipStart>(&event)) return read(*start, deliver);
    if (auto* chunk = std::get_if<Chunk>(&event)) return read(*chunk, deliver);
    if (auto* end = std::get_if<ClipEnd>(&event)) return read(*end, deliver);
    if (auto* progress = std::get_if<Progress>(&event)) return read(*progress, deliver);
    if (auto* notice = std::get_if<Notice>(&event)) return deliver_notice(std::move(*notice), deliver);
    if (auto* started = std::get_if<Started>(&event)) return read(*started, deliver);
    if (auto* segment = std::get_if<Segment>(&event)) return read(*segment, deliver);
    if (auto* answer = std::get_if<Answer>(&event)) return read(*answer, deliver);
    if (auto* status = std::get_if<Status>(&event)) {
        status_ = std::move(*status);
        has_status_ = true;
    }
}

void Decoder::read(Header& header, const Deliver& deliver) {
    expect(!has_header_, "one header", "a second one");
    if (live_) header.clips = 1;
    check(header);
    has_header_ = true;
    if (arrived_) {
        if (!same_stream(arrived_->header, header))
            throw Error(PW_FAILED_PRECONDITION, "expected the stream to go on with model '" +
                                                    arrived_->header.model + "', found '" + header.model +
                                                    "' or another layout; ask again");
        return;
    }
    std::vector<Notice> notices = std::move(header.notices);
    clips_.resize(header.clips);
    arrived_ = std::make_unique<Arrived>(std::move(header));
    published_.store(arrived_.get(), std::memory_order_release);
    deliver(about(PW_EVENT_HEADER));
    for (Notice& notice : notices) deliver_notice(std::move(notice), deliver);
}

void Decoder::read(const ClipStart& start, const Deliver& deliver) {
    Arriving& clip = this->clip(start.clip, "the start");
    expect(!clip.begun, "one start of clip " + text(start.clip), "a second one");
    clip.begun = true;
    if (clip.buffer) {
        if (clip.buffer->frames() != start.frames || clip.buffer->seed() != start.seed)
            throw Error(PW_FAILED_PRECONDITION, "expected clip " + text(start.clip) +
                                                    " to go on with the same seed and length; ask again");
        return;
    }
    expect(start.frames > 0, "a clip of at least one frame", "none");
    const uint32_t joints = arrived_->header.skeleton->size();
    bytes_ += ClipBuffer::bytes(start.frames, joints);
    if (bytes_ > max_bytes_)
        throw Error(PW_RESOURCE_EXHAUSTED, "expected clips of at most " + text(max_bytes_ >> 20) +
                                               " MiB in one stream, found " + text(start.frames) +
                                               " frames more; ask for less at once");
    clip.buffer = std::make_unique<ClipBuffer>(start.frames, joints, start.seed);
    arrived_->clips[start.clip].store(clip.buffer.get(), std::memory_order_release);
    Delivery out = about(PW_EVENT_CLIP_START, start.clip);
    out.seed = start.seed;
    out.frames = start.frames;
    deliver(std::move(out));
}

void Decoder::read(const Chunk& chunk, const Deliver& deliver) {
    Arriving& clip = open_clip(chunk.clip, "a chunk");
    const Header& header = arrived_->header;
    expect(chunk.size == size_t(chunk.frames) * header.frame_bytes,
           text(chunk.frames) + " frames of " + text(header.frame_bytes) + " bytes",
           text(chunk.size) + " bytes");
    expect(chunk.first_frame == clip.position, "frame " + text(clip.position),
           "frame " + text(chunk.first_frame));
    ClipBuffer& buffer = *clip.buffer;
    expect(chunk.frames <= buffer.frames() - clip.position, text(buffer.frames()) + " frames",
           "more of them");
    clip.position += chunk.frames;
    expect(clip.position <= buffer.writable(), "no frames beyond " + text(buffer.writable()),
           "frame " + text(clip.position) + ", too far ahead of what was played");
    const uint32_t first = buffer.ready();
    if (clip.position <= first) return;  // had them before the break
    store(chunk, buffer, first);
    buffer.publish(clip.position);
    Delivery out = about(PW_EVENT_CHUNK, chunk.clip);
    out.first_frame = first;
    out.frames = clip.position - first;
    out.time = first / header.fps;
    out.buffer = live_ ? nullptr : &buffer;
    deliver(std::move(out));
}

// A chunk's frames from `first` on, round the end of a buffer that keeps only the last ones.
void Decoder::store(const Chunk& chunk, ClipBuffer& buffer, uint32_t first) const {
    const Header& header = arrived_->header;
    for (uint32_t at = first, left = chunk.first_frame + chunk.frames - first; left > 0;) {
        const uint32_t count = std::min(left, buffer.run(at));
        const uint8_t* data = chunk.data + size_t(at - chunk.first_frame) * header.frame_bytes;
        const bool fine = unpack(header.packing, buffer.joints(), count, data, buffer.rotations(at),
                                 buffer.root(at), buffer.contacts(at));
        expect(fine, "finite positions and unit quaternions", "others from frame " + text(at) + " on");
        at += count, left -= count;
    }
}

void Decoder::read(ClipEnd& end, const Deliver& deliver) {
    Arriving& clip = open_clip(end.clip, "the end");
    expect(end.frames == clip.buffer->frames() && clip.position == end.frames,
           text(clip.buffer->frames()) + " frames", text(clip.position));
    clip.ended = true;
    if (clip.delivered_end) return;
    clip.delivered_end = true;
    Delivery out = about(PW_EVENT_CLIP_END, end.clip);
    out.frames = end.frames;
    out.status.timings = std::move(end.timings);
    deliver(std::move(out));
}

void Decoder::read(const Progress& progress, const Deliver& deliver) {
    const Arriving& clip = this->clip(progress.clip, "progress");
    if (clip.buffer) return;  // an attempt after a break walks through the steps again
    Delivery out = about(PW_EVENT_PROGRESS, progress.clip);
    out.step = progress.step;
    out.steps = progress.steps;
    deliver(std::move(out));
}

void Decoder::read(Started& started, const Deliver& deliver) {
    expect(live_ && has_header_ && !clips_[0].begun, "one start, after the header", "another one");
    expect(started.ahead_seconds >= 0 && started.ahead_seconds <= kMaxAhead,
           "0 to " + text(uint64_t(kMaxAhead)) + " seconds ahead", std::to_string(started.ahead_seconds));
    const bool again = clips_[0].buffer != nullptr;
    started_ = std::move(started);
    if (!again) make_endless();
    Arriving& clip = clips_[0];
    if (started_.first_frame > clip.buffer->ready())
        throw Error(PW_FAILED_PRECONDITION, "expected the session to go on with frame " +
                                                text(clip.buffer->ready()) + ", found " +
                                                text(started_.first_frame) + "; open a new one");
    clip.begun = true;
    clip.position = started_.first_frame;
    deliver(about(PW_EVENT_STARTED));
}

// Room for what may be ahead of the play head, twice, so that a server may be generous.
void Decoder::make_endless() {
    const Header& header = arrived_->header;
    const double seconds = 2 * started_.ahead_seconds + 4;
    const uint32_t joints = header.skeleton->size();
    const uint32_t room = uint32_t(std::min(std::ceil(seconds * header.fps), double(kMaxStreamBytes)));
    bytes_ += ClipBuffer::bytes(room, joints);
    if (bytes_ > max_bytes_)
        throw Error(PW_RESOURCE_EXHAUSTED, "expected at most " + text(max_bytes_ >> 20) +
                                               " MiB of frames ahead, found " + text(room) +
                                               " frames; ask for a smaller ahead_seconds");
    clips_[0].buffer = std::make_unique<ClipBuffer>(ClipBuffer::kEndless, joints, 0, room);
    arrived_->clips[0].store(clips_[0].buffer.get(), std::memory_order_release);
}

void Decoder::read(Segment& segment, const Deliver& deliver) const {
    expect(live_ && has_header_, "a live session's header first", "a segment");
    Delivery out = about(PW_EVENT_SEGMENT);
    out.first_frame = segment.first_frame;
    out.seed = segment.seed;
    out.command = segment.command;
    out.notice.message = std::move(segment.prompt);
    deliver(std::move(out));
}

void Decoder::read(Answer& answer, const Deliver& deliver) const {
    expect(live_, "a live session", "an answer");
    Delivery out = about(PW_EVENT_ANSWER);
    out.command = answer.command;
    out.status = {answer.code, std::move(answer.message), {}, -1};
    deliver(std::move(out));
}

Decoder::Arriving& Decoder::clip(uint32_t index, const char* what) {
    expect(has_header_, "a header first", what);
    expect(index < clips_.size(), "a clip below " + text(clips_.size()),
           std::string(what) + " of clip " + text(index));
    return clips_[index];
}

Decoder::Arriving& Decoder::open_clip(uint32_t index, const char* what) {
    Arriving& out = clip(index, what);
    expect(out.begun && !out.ended, "an open clip", std::string(what) + " of clip " + text(index));
    return out;
}

void Decoder::finish() {
    expect(has_status_, "a status at the end of the stream", "none");
    expect(has_header_, "a header", "none");
    if (live_ && clips_[0].buffer) return clips_[0].buffer->end();
    for (size_t i = 0; i < clips_.size(); ++i)
        expect(clips_[i].ended, "complete clips", "the end of the stream within clip " + text(i));
}

void Decoder::restart() {
    has_header_ = has_status_ = false;
    status_ = {};
    for (Arriving& clip : clips_) clip.begun = clip.ended = false, clip.position = 0;
}

std::vector<uint64_t> Decoder::seeds() const {
    std::vector<uint64_t> out;
    for (const Arriving& clip : clips_) {
        if (!clip.buffer) return out;
        out.push_back(clip.buffer->seed());
    }
    return out;
}

}  // namespace pw
