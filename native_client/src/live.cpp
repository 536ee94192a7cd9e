#include "live.hpp"

#include <algorithm>

#include "error.hpp"

namespace pw {
namespace {

constexpr size_t kMaxCommands = 1024;
// As many answers a server keeps for a client that comes back: of what was on its way when the connection broke,
// nothing is done twice.
constexpr size_t kMaxOnTheirWay = 256;

}  // namespace

uint64_t Outbox::put(Command command) {
    uint64_t id;
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() + sent_.size() >= kMaxCommands)
            throw Error(PW_RESOURCE_EXHAUSTED, "expected at most " + std::to_string(kMaxCommands) +
                                                   " commands without an answer, found one more; wait");
        id = command.id = ++last_id_;
        waiting_.push_back(std::move(command));
    }
    if (wake_) wake_();
    return id;
}

bool Outbox::take(Command& out) {
    const std::lock_guard lock(mutex_);
    if (!sendable()) return false;
    out = std::move(waiting_.front());
    waiting_.pop_front();
    sent_.push_back(out);
    return true;
}

bool Outbox::answered(uint64_t id) {
    const std::lock_guard lock(mutex_);
    const auto has_id = [id](const Command& command) { return command.id == id; };
    const auto found = std::find_if(sent_.begin(), sent_.end(), has_id);
    if (found == sent_.end()) return false;
    sent_.erase(found);
    return true;
}

void Outbox::again() {
    const std::lock_guard lock(mutex_);
    waiting_.insert(waiting_.begin(), sent_.begin(), sent_.end());
    sent_.clear();
}

bool Outbox::empty() const {
    const std::lock_guard lock(mutex_);
    return !sendable();
}

bool Outbox::sendable() const { return !waiting_.empty() && sent_.size() < kMaxOnTheirWay; }

}  // namespace pw
