// Commands to a live session on their way: given by the caller's threads, taken by the network's. Knows no
// sockets and no protobuf.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "quat.hpp"

namespace pw {

// One command; which fields mean something depends on the kind.
struct Command {
    enum class Kind { kPrompt, kStop, kTarget, kPace, kClear, kPlayhead, kClose };
    Kind kind = Kind::kStop;
    uint64_t id = 0;  // 0: nobody waits for an answer
    std::string prompt{};
    std::optional<uint64_t> seed{};
    bool queued = false;
    std::optional<Vec3f> position{};  // canonical, on the session's path
    std::optional<float> heading{};
    double rate = 1;
    uint32_t frame = 0;  // of a play head
};

class Outbox {
  public:
    // Called after each `put`, on the caller's thread. Set before the first one.
    void on_put(std::function<void()> wake) { wake_ = std::move(wake); }
    // Numbers the command. Throws when too many wait for a server that doesn't answer.
    uint64_t put(Command command);

    // The next one to send; false: there is none, or too many are on their way.
    bool take(Command& out);
    // The server has said what became of it. False: it has said so before.
    bool answered(uint64_t id);
    // The connection broke: what was sent and not answered goes out again, before everything else.
    void again();
    // Whether there is nothing to send now.
    bool empty() const;

  private:
    bool sendable() const;  // under the mutex

    mutable std::mutex mutex_;
    std::function<void()> wake_;
    std::deque<Command> waiting_, sent_;  // `sent_` and not answered yet
    uint64_t last_id_ = 0;
};

}  // namespace pw
