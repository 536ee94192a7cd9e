// A stream read in order: events of the wire in, checked deliveries out, frames into clip buffers. No
// sockets, no threads. Twin of posewire_runtime/decoder.py; it can also begin anew after a break and skip
// what it has. A live session is a stream with one clip that has no end.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "events.hpp"

namespace pw {

// What a stream holds once its header has arrived. Players read it from other threads.
struct Arrived {
    explicit Arrived(Header header)
        : header(std::move(header)), clips(new std::atomic<const ClipBuffer*>[this->header.clips]) {
        for (uint32_t i = 0; i < this->header.clips; ++i) clips[i] = nullptr;
    }
    const Header header;
    // By index; null until the clip begins.
    const std::unique_ptr<std::atomic<const ClipBuffer*>[]> clips;
};

// Most bytes that the clips of one stream may take: six hours of 22 joints at 30 frames a second.
constexpr size_t kMaxStreamBytes = size_t(256) << 20;

class Decoder {
  public:
    using Deliver = std::function<void(Delivery)>;

    explicit Decoder(size_t max_bytes = kMaxStreamBytes, bool live = false)
        : max_bytes_(max_bytes), live_(live) {}

    // Checks an event and delivers what it says; throws for what may not come now.
    void feed(Event event, const Deliver& deliver);
    // The RPC ended well: throws when something is missing.
    void finish();
    // The connection broke and the same request begins anew: what is here already is skipped.
    void restart();

    // Any thread; null until the header has arrived.
    const Arrived* arrived() const { return published_.load(std::memory_order_acquire); }
    // Known once the last event has arrived.
    const Status* status() const { return has_status_ ? &status_ : nullptr; }
    // Seeds by clip, as far as they are known: what a request that begins anew must ask for.
    std::vector<uint64_t> seeds() const;
    bool live() const { return live_; }
    // Of a live session that has begun; null before.
    const Started* started() const { return clips_.empty() || !clips_[0].buffer ? nullptr : &started_; }

  private:
    struct Arriving {
        std::unique_ptr<ClipBuffer> buffer;  // null: it hasn't begun
        bool begun = false;                  // in this attempt
        uint32_t position = 0;               // frames that came in this attempt
        bool ended = false;                  // in this attempt
        bool delivered_end = false;
    };

    void read(Header& header, const Deliver& deliver);
    void read(const ClipStart& start, const Deliver& deliver);
    void read(const Chunk& chunk, const Deliver& deliver);
    void read(ClipEnd& end, const Deliver& deliver);
    void read(const Progress& progress, const Deliver& deliver);
    void read(Started& started, const Deliver& deliver);
    void read(Segment& segment, const Deliver& deliver) const;
    void read(Answer& answer, const Deliver& deliver) const;
    void make_endless();
    void store(const Chunk& chunk, ClipBuffer& buffer, uint32_t first) const;
    Arriving& clip(uint32_t index, const char* what);
    Arriving& open_clip(uint32_t index, const char* what);

    const size_t max_bytes_;
    const bool live_;
    size_t bytes_ = 0;
    Started started_;
    std::unique_ptr<Arrived> arrived_;
    std::atomic<const Arrived*> published_{nullptr};
    bool has_header_ = false;  // in this attempt
    bool has_status_ = false;
    Status status_;
    std::vector<Arriving> clips_;
};

}  // namespace pw
