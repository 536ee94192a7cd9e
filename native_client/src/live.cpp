#include "live.hpp"

#include <algorithm>

#include "error.hpp"

namespace pw {
namespace {

constexpr size_t kMaxCommands = 1024;

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
    if (waiting_.empty()) return false;
    out = std::move(waiting_.front());
    waiting_.pop_front();
    sent_.push_back(out);
    return true;
}

void Outbox::answered(uint64_t id) {
    const std::lock_guard lock(mutex_);
    const auto has_id = [id](const Command& command) { return command.id == id; };
    sent_.erase(std::remove_if(sent_.begin(), sent_.end(), has_id), sent_.end());
}

void Outbox::again() {
    const std::lock_guard lock(mutex_);
    waiting_.insert(waiting_.begin(), sent_.begin(), sent_.end());
    sent_.clear();
}

bool Outbox::empty() const {
    const std::lock_guard lock(mutex_);
    return waiting_.empty();
}

}  // namespace pw
