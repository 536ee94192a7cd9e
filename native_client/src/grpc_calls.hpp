// The three calls of the service, over the network.
#pragma once

#include <functional>

#include "grpc_network.hpp"
#include "session.hpp"
#include "wire.hpp"

namespace pw {

// Streams into a session; asks again where it was told to go on after a break.
class GenerateCall final : public Call {
  public:
    GenerateCall(std::shared_ptr<Network> network, const CallSetup& setup, wire::GenerateRequest request,
                 std::shared_ptr<Session> session);
    bool proceed(Op op, bool ok) override;

  private:
    void told_cancelled() override;
    bool start();
    bool read();
    bool end();
    bool resume();

    wire::GenerateRequest request_;
    wire::GenerateResponse response_;
    const std::shared_ptr<Session> session_;
    std::unique_ptr<grpc::ClientAsyncReader<wire::GenerateResponse>> reader_;
    uint32_t attempts_ = 0;  // in a row that brought nothing
    bool broke_ = false;     // it is being resumed, until frames come again
    Deadline give_up_{};     // when resuming ends
    uint64_t fed_ = 0;       // messages of this attempt
};

// What a call that isn't a stream gave.
struct Outcome {
    int32_t code = PW_UNKNOWN;
    std::string message;
    double retry_after = -1;
    std::vector<ServedModel> models;
    std::string server_version;
    uint32_t encoded = 0;
};

using Answered = std::function<void(Outcome)>;

// Each begins the call; `answered` is called once, on any thread. Throws when the network is closing.
std::shared_ptr<Call> begin_generate(const std::shared_ptr<Network>& network, const CallSetup& setup,
                                     wire::GenerateRequest request, std::shared_ptr<Session> session);
std::shared_ptr<Call> begin_models(const std::shared_ptr<Network>& network, const CallSetup& setup,
                                   Answered answered);
std::shared_ptr<Call> begin_warm(const std::shared_ptr<Network>& network, const CallSetup& setup,
                                 wire::WarmRequest request, Answered answered);

}  // namespace pw
