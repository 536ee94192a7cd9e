// One connection to one server and the thread that serves all its calls. Knows nothing of players or the C
// ABI.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "posewire_proto/v1/posewire.grpc.pb.h"

namespace pw {

namespace wire = posewire::v1;

// What a client was told.
struct Connection {
    std::string target, token, ca, certificate, key, server_name;
    bool tls = false;
    double backoff_min = 0.2, backoff_max = 5, keepalive = 0, shutdown = 2;
};

// How a call shall be made.
struct CallSetup {
    bool wait_for_server = false;
    double timeout = 0;  // seconds; 0: none
    double resume = 0;   // seconds; 0: not
};

using Deadline = std::chrono::system_clock::time_point;

// So many seconds from now.
Deadline in_seconds(double seconds);

class Network;

// A call in flight. Its operations come back to `proceed` on the network's thread.
class Call : public std::enable_shared_from_this<Call> {
  public:
    enum class Op { kBegin, kStarted, kRead, kWritten, kTick, kFinished };

    Call(std::shared_ptr<Network> network, const CallSetup& setup);
    virtual ~Call() = default;
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    // Any thread. The caller is told at once; the server soon.
    virtual void cancel();
    // What came of an operation; false: the call is over and nothing of it is in flight.
    virtual bool proceed(Op op, bool ok) = 0;

  protected:
    friend class Network;
    struct Tag {
        Call* call;
        Op op;
    };

    // Tells the caller that it is cancelled.
    virtual void told_cancelled() = 0;
    // A context for a new attempt; null: it was cancelled. Nothing of the last one may be in use.
    grpc::ClientContext* new_context(bool wait_for_server);
    void* tag(Op op) { return &tags_[size_t(op)]; }
    bool cancelled();

    const std::shared_ptr<Network> network_;
    const CallSetup setup_;
    const Deadline deadline_;
    grpc::Status status_;

  private:
    // Lets `kBegin` come after so many seconds; false: it was cancelled.
    bool arm(double delay);

    Tag tags_[6];
    std::mutex mutex_;  // of what follows
    bool cancelled_ = false;
    std::unique_ptr<grpc::Alarm> alarm_;
    std::unique_ptr<grpc::ClientContext> context_;
};

class Network : public std::enable_shared_from_this<Network> {
  public:
    explicit Network(const Connection& connection);
    // The network's thread holds the network until `close`.
    void open();
    // Cancels all calls and joins the thread, within so many seconds.
    void close(double seconds);

    // Begins a call on the network's thread, after so many seconds. False: it was cancelled, or the network
    // is closing.
    bool begin(const std::shared_ptr<Call>& call, double delay = 0);

    grpc::Channel& channel() { return *channel_; }
    wire::Posewire::Stub& stub() { return *stub_; }
    grpc::CompletionQueue& queue() { return queue_; }
    const Connection& connection() const { return connection_; }
    // What a failed call means to a person.
    std::string explain(const grpc::Status& status) const;

  private:
    void run();
    void shut_when_idle();

    const Connection connection_;
    std::shared_ptr<grpc::Channel> channel_;
    std::unique_ptr<wire::Posewire::Stub> stub_;
    grpc::CompletionQueue queue_;
    std::thread thread_;
    std::mutex mutex_;  // of what follows
    std::condition_variable changed_;
    std::set<std::shared_ptr<Call>> calls_;
    bool closing_ = false, shut_ = false, ended_ = false;
};

}  // namespace pw
