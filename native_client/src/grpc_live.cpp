#include "grpc_live.hpp"

#include <algorithm>

#include "error.hpp"
#include "wire.hpp"

namespace pw {
namespace {

constexpr double kTick = 0.1;     // seconds between two looks at the play head
constexpr double kGoodbye = 0.5;  // seconds that a server has to take leave

std::string cancelled_here() { return "the session was cancelled here"; }

}  // namespace

LiveCall::LiveCall(std::shared_ptr<Network> network, const CallSetup& setup, wire::LiveRequest open,
                   std::shared_ptr<Session> session, std::shared_ptr<Outbox> outbox)
    : Call(std::move(network), setup),
      opening_(std::move(open)),
      session_(std::move(session)),
      outbox_(std::move(outbox)) {}

void LiveCall::told_cancelled() { session_->finish({PW_CANCELLED, cancelled_here(), {}, -1}); }

void LiveCall::wake() {
    const std::lock_guard lock(tick_mutex_);
    if (ticking_) tick_->Cancel();  // it comes back at once
}

void LiveCall::cancel() {
    told_cancelled();
    if (open_) {
        const std::lock_guard lock(tick_mutex_);
        if (!leaving_) leave_by_ = in_seconds(kGoodbye);
        leaving_ = true;
        if (ticking_) tick_->Cancel();
        return;  // the network's thread takes leave
    }
    Call::cancel();
}

bool LiveCall::proceed(Op op, bool ok) {
    --in_flight_;
    switch (op) {
        case Op::kBegin:
            if (ok && start()) return true;
            told_cancelled();
            return false;
        case Op::kStarted:
            if (!ok) break;
            open_ = writable_ = true;
            read_next();
            write(opening_);
            tick(kTick);
            break;
        case Op::kRead:
            reading_ = false;
            if (ok && read()) read_next();
            break;
        case Op::kWritten:
            writing_ = false;
            writable_ = writable_ && ok;
            write_next();
            break;
        case Op::kTick: {
            {
                const std::lock_guard lock(tick_mutex_);
                ticking_ = false;
            }
            write_next();
            if (reading_) tick(kTick);
            break;
        }
        case Op::kFinished:
            finished_ = true;
            break;
    }
    return settle();
}

bool LiveCall::start() {
    stream_.reset();  // it lives in the last context
    grpc::ClientContext* context = new_context(setup_.wait_for_server && !broke_);
    if (!context) return false;
    finishing_ = finished_ = false;
    told_played_ = 0;
    stream_ = network_->stub().PrepareAsyncLive(context, &network_->queue());
    ++in_flight_;
    stream_->StartCall(tag(Op::kStarted));
    return true;
}

void LiveCall::read_next() {
    reading_ = true;
    ++in_flight_;
    stream_->Read(&response_, tag(Op::kRead));
}

// False: what came breaks the contract, and nobody wants the rest.
bool LiveCall::read() {
    try {
        const Event event = read_event(response_);
        session_->feed(event);
        if (const auto* started = std::get_if<Started>(&event)) begin(*started);
        if (const auto* answer = std::get_if<Answer>(&event)) {
            outbox_->answered(answer->command);
            write_next();
        }
    } catch (const std::exception& error) {
        session_->finish({code_of(error), error.what(), {}, -1});
        Call::cancel();
        return false;
    }
    return true;
}

// The session runs, or runs again: what it has not heard before the break goes out again.
void LiveCall::begin(const Started& started) {
    for (const Answer& answer : started.answers)
        if (outbox_->answered(answer.command)) session_->feed(answer);
    outbox_->again();
    if (broke_) ++resumes_;
    broke_ = false;
    connected_ = true;
    write_next();
}

void LiveCall::write(const wire::LiveRequest& message) {
    writing_ = true;
    ++in_flight_;
    stream_->Write(message, tag(Op::kWritten));
}

// The next command, or else how far the player is. Commands wait until the session runs.
void LiveCall::write_next() {
    bool leaving, late;
    {
        const std::lock_guard lock(tick_mutex_);
        leaving = leaving_;
        late = std::chrono::system_clock::now() >= leave_by_;
    }
    if (late) Call::cancel();
    if (writing_ || !writable_ || !connected_) return;
    Command command;
    if (leaving) {
        if (said_goodbye_) return;
        said_goodbye_ = true;
        command.kind = Command::Kind::kClose;
        return write(write_command(command));
    }
    if (outbox_->take(command)) return write(write_command(command));
    const ClipBuffer* clip = session_->endless();
    if (!clip || clip->played() == told_played_) return;
    command.kind = Command::Kind::kPlayhead;
    command.frame = told_played_ = clip->played();
    write(write_command(command));
}

// Looks again after so many seconds, or when it is woken.
void LiveCall::tick(double seconds) {
    const std::lock_guard lock(tick_mutex_);
    ticking_ = true;
    ++in_flight_;
    tick_ = std::make_unique<grpc::Alarm>();
    tick_->Set(&network_->queue(), in_seconds(seconds), tag(Op::kTick));
    // What came in between has woken nobody.
    const bool more = leaving_ ? !said_goodbye_ : !outbox_->empty();
    if (more && connected_ && !writing_) tick_->Cancel();
}

// Once nothing is read or written any more the stream is finished, and once nothing is in flight the call is
// over.
bool LiveCall::settle() {
    if (!reading_ && !writing_ && !finishing_) {
        finishing_ = true;
        open_ = connected_ = writable_ = false;
        ++in_flight_;
        stream_->Finish(&status_, tag(Op::kFinished));
        wake();
    }
    return finished_ && in_flight_ == 0 ? end() : true;
}

bool LiveCall::end() {
    if (status_.error_code() == grpc::StatusCode::UNAVAILABLE && resume()) return true;
    Status status;
    status.code = known_code(status_.error_code());
    if (!status_.ok()) {
        status.message = network_->explain(status_);
        status.retry_after = read_retry_after(status_.error_details());
        if (status.retry_after < 0 && status.code == PW_UNAVAILABLE) status.retry_after = 1;
    }
    session_->finish(std::move(status));
    return false;
}

// Comes back to the session, after a wait that grows.
bool LiveCall::resume() {
    Started session;
    if (cancelled() || session_->finished() || !session_->started(session)) return false;
    if (!broke_) give_up_ = in_seconds(std::min(setup_.resume, session.resume_seconds)), attempts_ = 0;
    broke_ = true;
    const Connection& connection = network_->connection();
    const double wait =
        std::min(connection.backoff_min * double(1u << std::min(attempts_++, 16u)), connection.backoff_max);
    if (in_seconds(wait) > give_up_) return false;
    opening_ = write_resume(session, session_->endless()->ready());
    session_->restart("the connection broke (" + status_.error_message() + "); coming back to the session");
    ++in_flight_;
    return network_->begin(shared_from_this(), wait);
}

std::shared_ptr<LiveCall> begin_live(const std::shared_ptr<Network>& network, const CallSetup& setup,
                                     wire::LiveRequest open, const std::shared_ptr<Session>& session,
                                     const std::shared_ptr<Outbox>& outbox) {
    auto call = std::make_shared<LiveCall>(network, setup, std::move(open), session, outbox);
    outbox->on_put([weak = std::weak_ptr<LiveCall>(call)] {
        if (const auto call = weak.lock()) call->wake();
    });
    if (!network->begin(call))
        throw Error(PW_CANCELLED, "expected an open client, found one that is being destroyed");
    return call;
}

}  // namespace pw
