// What one stream is to all its threads: the network writes, the caller fetches events, players read clips.
#pragma once

#include <atomic>
#include <mutex>

#include "decoder.hpp"
#include "mailbox.hpp"

namespace pw {

class Session {
  public:
    explicit Session(size_t max_bytes = kMaxStreamBytes) : decoder_(max_bytes) {}

    // -------- for whoever receives; one thread at a time, except that any thread may finish

    // Throws, and is finished, when the event breaks the contract. Does nothing once it is finished.
    void feed(Event event);
    // The transport ended; the first end counts. A well one still fails when something is missing.
    void finish(Status status);
    // The connection broke and the request begins anew. Tells the caller.
    void restart(const std::string& why);
    // Seeds by clip; fewer than there are clips: not all are known.
    std::vector<uint64_t> seeds();

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

  private:
    void conclude(Status status);

    std::mutex mutex_;  // held by whoever receives or finishes
    Decoder decoder_;
    Mailbox mailbox_;
    std::atomic<int32_t> outcome_{-1};  // a pw_code; -1: it runs
    bool fetched_status_ = false;       // the caller's
};

}  // namespace pw
