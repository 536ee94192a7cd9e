// What one stream is to all its threads: the network writes, the caller fetches events, players read clips.
#pragma once

#include <atomic>
#include <mutex>

#include "decoder.hpp"
#include "mailbox.hpp"

namespace pw {

class Session {
  public:
    explicit Session(size_t max_bytes = kMaxStreamBytes, bool live = false)
        : live_(live), decoder_(max_bytes, live) {}
    // Whether its one clip has no end.
    bool live() const { return live_; }

    // -------- for whoever receives; one thread at a time, except that any thread may finish

    // Throws, and is finished, when the event breaks the contract. Does nothing once it is finished.
    void feed(Event event);
    // The transport ended; the first end counts. A well one still fails when something is missing.
    void finish(Status status);
    // The connection broke and the request begins anew. Tells the caller.
    void restart(const std::string& why);
    // Seeds by clip; fewer than there are clips: not all are known.
    std::vector<uint64_t> seeds();
    // Of a live session: what the server said when it began, and whether it did.
    bool started(Started& out);

    // -------- for the caller

    // The next event; waits for it so long.
    pw_poll take(Delivery& out, double seconds);

    // -------- for players: no locks

    // Null until the header has arrived.
    const Arrived* arrived() const { return decoder_.arrived(); }
    // Nothing more will arrive. Read it before asking what has arrived.
    bool finished() const { return outcome_.load(std::memory_order_acquire) >= 0; }
    // How it ended; PW_OK while it runs.
    int32_t code() const { return std::max(outcome_.load(std::memory_order_acquire), 0); }
    // The clip of a live session; null until it has begun.
    const ClipBuffer* endless() const;
    // A live session has one player at a time: whether the caller is it now.
    bool claim() { return !live_ || !claimed_.exchange(true); }
    void release() { claimed_ = false; }

  private:
    void conclude(Status status);

    const bool live_;
    std::atomic<bool> claimed_{false};
    std::mutex mutex_;  // held by whoever receives or finishes
    Decoder decoder_;
    Mailbox mailbox_;
    std::atomic<int32_t> outcome_{-1};  // a pw_code; -1: it runs
    bool fetched_status_ = false;       // the caller's
};

}  // namespace pw
