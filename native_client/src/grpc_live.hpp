// A live session over the network: commands go up, frames come down, and after a break it comes back.
#pragma once

#include "grpc_network.hpp"
#include "live.hpp"
#include "session.hpp"

namespace pw {

// All of it happens on the network's thread, except that any thread may wake or cancel it. It sends what the
// outbox holds and, ten times a second, how far the player is.
class LiveCall final : public Call {
  public:
    LiveCall(std::shared_ptr<Network> network, const CallSetup& setup, wire::LiveRequest open,
             std::shared_ptr<Session> session, std::shared_ptr<Outbox> outbox);
    bool proceed(Op op, bool ok) override;
    // Says goodbye first, so that the server doesn't keep the session.
    void cancel() override;
    // There is something to send.
    void wake();
    // Whether it is connected, and how often it came back.
    bool connected() const { return connected_; }
    uint32_t resumes() const { return resumes_; }

  private:
    void told_cancelled() override;
    bool start();
    void read_next();
    bool read();
    void begin(const Started& started);
    void write_next();
    void tick(double seconds);
    void write(const wire::LiveRequest& message);
    bool settle();
    bool end();
    bool resume();

    wire::LiveRequest opening_;
    wire::LiveResponse response_;
    const std::shared_ptr<Session> session_;
    const std::shared_ptr<Outbox> outbox_;
    std::unique_ptr<grpc::ClientAsyncReaderWriter<wire::LiveRequest, wire::LiveResponse>> stream_;
    uint32_t in_flight_ = 1;  // operations; at first the one that begins it
    bool reading_ = false, writing_ = false, writable_ = false, finishing_ = false, finished_ = false;
    bool said_goodbye_ = false;
    uint32_t told_played_ = 0;
    uint32_t attempts_ = 0;               // in a row that brought nothing
    bool broke_ = false;                  // it comes back, until it has begun again
    Deadline give_up_{};                  // when coming back ends
    std::atomic<bool> open_{false};       // messages may travel
    std::atomic<bool> connected_{false};  // and the session runs
    std::atomic<uint32_t> resumes_{0};

    std::mutex tick_mutex_;  // of what follows
    std::unique_ptr<grpc::Alarm> tick_;
    bool ticking_ = false, leaving_ = false;
    Deadline leave_by_ = Deadline::max();
};

// Begins the session. Throws when the network is closing.
std::shared_ptr<LiveCall> begin_live(const std::shared_ptr<Network>& network, const CallSetup& setup,
                                     wire::LiveRequest open, const std::shared_ptr<Session>& session,
                                     const std::shared_ptr<Outbox>& outbox);

}  // namespace pw
