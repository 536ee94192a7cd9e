#include "mailbox.hpp"

#include <algorithm>
#include <chrono>

namespace pw {
namespace {

constexpr size_t kMaxNotices = 256;
constexpr double kForever = 1e8;  // seconds; longer waits would overflow clocks

// Comes as often as the server or the caller likes.
bool counts(pw_event_kind kind) {
    return kind == PW_EVENT_NOTICE || kind == PW_EVENT_STARTED || kind == PW_EVENT_SEGMENT ||
           kind == PW_EVENT_ANSWER;
}

Delivery last_notice() {
    Delivery out;
    out.kind = PW_EVENT_NOTICE;
    out.notice = {"notices_dropped", "more notices came than are kept; fetch events more often"};
    return out;
}

}  // namespace

void Mailbox::put(Delivery delivery) {
    {
        const std::lock_guard lock(mutex_);
        if (merge(delivery)) return;
        if (counts(delivery.kind)) {
            if (notices_ == kMaxNotices) return;
            if (++notices_ == kMaxNotices) delivery = last_notice();
        }
        waiting_.push_back(std::move(delivery));
    }
    came_.notify_one();
}

bool Mailbox::merge(const Delivery& delivery) {
    if (delivery.kind != PW_EVENT_CHUNK && delivery.kind != PW_EVENT_PROGRESS) return false;
    const auto before = std::find_if(waiting_.rbegin(), waiting_.rend(), [&](const Delivery& other) {
        return other.kind == delivery.kind && other.clip == delivery.clip;
    });
    if (before == waiting_.rend()) return false;
    if (delivery.kind == PW_EVENT_CHUNK) {
        before->frames += delivery.frames;  // the decoder lets through only what follows on
    } else {
        before->step = delivery.step, before->steps = delivery.steps;
    }
    return true;
}

bool Mailbox::take(Delivery& out, double seconds) {
    std::unique_lock lock(mutex_);
    const auto some = [this] { return !waiting_.empty(); };
    if (!some() && seconds > 0)
        came_.wait_for(lock, std::chrono::duration<double>(std::min(seconds, kForever)), some);
    if (!some()) return false;
    out = std::move(waiting_.front());
    waiting_.pop_front();
    if (counts(out.kind)) --notices_;
    return true;
}

}  // namespace pw
