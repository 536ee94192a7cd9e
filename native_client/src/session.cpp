#include "session.hpp"

#include "error.hpp"

namespace pw {

void Session::feed(Event event) {
    const std::lock_guard lock(mutex_);
    if (finished()) return;
    try {
        decoder_.feed(std::move(event), [this](Delivery delivery) { mailbox_.put(std::move(delivery)); });
    } catch (const std::exception& error) {
        conclude({code_of(error), error.what(), {}, -1});
        throw;
    }
}

void Session::finish(Status status) {
    const std::lock_guard lock(mutex_);
    if (finished()) return;
    if (const Status* sent = decoder_.status()) {
        status.timings = sent->timings;
        if (status.code == PW_OK && sent->code != PW_OK) status = *sent;
        if (status.message.empty()) status.message = sent->message;
        if (status.retry_after < 0) status.retry_after = sent->retry_after;
    }
    if (status.code == PW_OK) {
        try {
            decoder_.finish();
        } catch (const Error& error) {
            status.code = error.code();
            status.message = error.what();
        }
    }
    conclude(std::move(status));
}

void Session::conclude(Status status) {
    outcome_.store(status.code, std::memory_order_release);
    Delivery out;
    out.kind = PW_EVENT_STATUS;
    out.status = std::move(status);
    mailbox_.put(std::move(out));
}

void Session::restart(const std::string& why) {
    const std::lock_guard lock(mutex_);
    if (finished()) return;
    decoder_.restart();
    Delivery out;
    out.kind = PW_EVENT_NOTICE;
    out.notice = {"resuming", why};
    mailbox_.put(std::move(out));
}

std::vector<uint64_t> Session::seeds() {
    const std::lock_guard lock(mutex_);
    return decoder_.seeds();
}

bool Session::started(Started& out) {
    const std::lock_guard lock(mutex_);
    const Started* started = decoder_.started();
    if (started) out = *started;
    return started != nullptr;
}

const ClipBuffer* Session::endless() const {
    const Arrived* arrived = live_ ? this->arrived() : nullptr;
    return arrived ? arrived->clips[0].load(std::memory_order_acquire) : nullptr;
}

pw_poll Session::take(Delivery& out, double seconds) {
    if (fetched_status_) return PW_POLL_ENDED;
    if (!mailbox_.take(out, seconds)) return PW_POLL_EMPTY;
    fetched_status_ = out.kind == PW_EVENT_STATUS;
    return PW_POLL_EVENT;
}

}  // namespace pw
