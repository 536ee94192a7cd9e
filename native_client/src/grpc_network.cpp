#include "grpc_network.hpp"

#include <algorithm>
#include <vector>

#include "error.hpp"

namespace pw {
namespace {

constexpr int kMaxMessage = 16 << 20;  // bytes of one message
constexpr double kForever = 1e8;       // seconds; longer waits would overflow clocks

int milliseconds(double seconds) { return int(std::clamp(seconds * 1000, 1.0, 1e9)); }

grpc::ChannelArguments arguments(const Connection& connection) {
    grpc::ChannelArguments out;
    out.SetMaxReceiveMessageSize(kMaxMessage);
    out.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, milliseconds(connection.backoff_min));
    out.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, milliseconds(connection.backoff_max));
    out.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, milliseconds(connection.backoff_max));
    // Two clients of one server don't wait for each other's back-off.
    out.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    // A proxy that some shell names has no part in a game's connection.
    out.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    if (connection.keepalive > 0) {
        out.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(connection.keepalive));
        out.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(connection.keepalive));
        out.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    }
    if (!connection.server_name.empty()) out.SetSslTargetNameOverride(connection.server_name);
    return out;
}

std::shared_ptr<grpc::ChannelCredentials> credentials(const Connection& connection) {
    if (!connection.tls) return grpc::InsecureChannelCredentials();
#ifdef POSEWIRE_WITHOUT_TLS
    throw Error(PW_FAILED_PRECONDITION, "tls: expected a library that was built with TLS, found one without");
#else
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = connection.ca;
    options.pem_cert_chain = connection.certificate;
    options.pem_private_key = connection.key;
    return grpc::SslCredentials(options);
#endif
}

}  // namespace

Deadline in_seconds(double seconds) {
    const auto span = std::chrono::duration<double>(std::clamp(seconds, 0.0, kForever));
    return std::chrono::system_clock::now() + std::chrono::duration_cast<Deadline::duration>(span);
}

// ------------------------------------------------------------------------------------------------- calls

Call::Call(std::shared_ptr<Network> network, const CallSetup& setup)
    : network_(std::move(network)),
      setup_(setup),
      deadline_(setup.timeout > 0 ? in_seconds(setup.timeout) : Deadline::max()),
      tags_{{this, Op::kBegin},   {this, Op::kStarted}, {this, Op::kRead},
            {this, Op::kWritten}, {this, Op::kTick},    {this, Op::kFinished}} {}

void Call::cancel() {
    told_cancelled();
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (alarm_) alarm_->Cancel();
    if (context_) context_->TryCancel();
}

bool Call::arm(double delay) {
    const std::lock_guard lock(mutex_);
    if (cancelled_) return false;
    alarm_ = std::make_unique<grpc::Alarm>();
    alarm_->Set(&network_->queue(), in_seconds(delay), tag(Op::kBegin));
    return true;
}

bool Call::cancelled() {
    const std::lock_guard lock(mutex_);
    return cancelled_;
}

grpc::ClientContext* Call::new_context(bool wait_for_server) {
    auto context = std::make_unique<grpc::ClientContext>();
    if (deadline_ != Deadline::max()) context->set_deadline(deadline_);
    context->set_wait_for_ready(wait_for_server);
    if (!network_->connection().token.empty())
        context->AddMetadata("authorization", "Bearer " + network_->connection().token);
    const std::lock_guard lock(mutex_);
    if (cancelled_) return nullptr;
    context_ = std::move(context);
    return context_.get();
}

// ----------------------------------------------------------------------------------------------- network

Network::Network(const Connection& connection)
    : connection_(connection),
      channel_(grpc::CreateCustomChannel(connection.target, credentials(connection), arguments(connection))),
      stub_(wire::Posewire::NewStub(channel_)) {}

void Network::open() {
    thread_ = std::thread([self = shared_from_this()] { self->run(); });
}

bool Network::begin(const std::shared_ptr<Call>& call, double delay) {
    const std::lock_guard lock(mutex_);
    if (closing_ || !call->arm(delay)) return false;
    calls_.insert(call);
    return true;
}

void Network::run() {
    void* got;
    bool ok;
    while (queue_.Next(&got, &ok)) {
        const auto* tag = static_cast<Call::Tag*>(got);
        const std::shared_ptr<Call> call = tag->call->shared_from_this();
        if (call->proceed(tag->op, ok)) continue;
        const std::lock_guard lock(mutex_);
        calls_.erase(call);
        shut_when_idle();
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
}

// Under the lock. Once no call is left that could begin an operation, the queue may end.
void Network::shut_when_idle() {
    if (!closing_ || shut_ || !calls_.empty()) return;
    shut_ = true;
    queue_.Shutdown();
}

void Network::close(double seconds) {
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::duration<double>(std::clamp(seconds, 0.0, kForever));
    std::vector<std::shared_ptr<Call>> running;
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
        running.assign(calls_.begin(), calls_.end());
    }
    for (const auto& call : running) call->cancel();
    std::unique_lock lock(mutex_);
    shut_when_idle();
    changed_.wait_until(lock, until, [this] { return ended_; });
    const bool ended = ended_;
    lock.unlock();
    // A thread that gRPC still holds keeps the network alive and ends by itself.
    ended ? thread_.join() : thread_.detach();
}

std::string Network::explain(const grpc::Status& status) const {
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE && status.error_details().empty())
        return "no answer from " + connection_.target + ": " + status.error_message() +
               "; is a server running there?";
    if (status.error_message().empty())
        return "the server answered with code " + std::to_string(status.error_code());
    return status.error_message();
}

}  // namespace pw
