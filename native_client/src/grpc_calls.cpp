#include "grpc_calls.hpp"

#include <algorithm>

#include "error.hpp"

namespace pw {
namespace {

std::string cancelled_here() { return "the call was cancelled here"; }

void begin(const std::shared_ptr<Network>& network, const std::shared_ptr<Call>& call) {
    if (!network->begin(call))
        throw Error(PW_CANCELLED, "expected an open client, found one that is being destroyed");
}

// A call with one answer.
template <class Request, class Response>
class UnaryCall final : public Call {
  public:
    using Method = std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> (wire::Posewire::Stub::*)(
        grpc::ClientContext*, const Request&, grpc::CompletionQueue*);
    using Read = void (*)(const Response&, Outcome&);

    UnaryCall(std::shared_ptr<Network> network, const CallSetup& setup, Method method, Request request,
              Read read, Answered answered)
        : Call(std::move(network), setup),
          method_(method),
          request_(std::move(request)),
          read_(read),
          answered_(std::move(answered)) {}

    bool proceed(Op op, bool ok) override {
        if (op == Op::kFinished) {
            answer();
            return false;
        }
        grpc::ClientContext* context = ok ? new_context(setup_.wait_for_server) : nullptr;
        if (!context) {
            told_cancelled();
            return false;
        }
        reader_ = (network_->stub().*method_)(context, request_, &network_->queue());
        reader_->StartCall();
        reader_->Finish(&response_, &status_, tag(Op::kFinished));
        return true;
    }

  private:
    void told_cancelled() override {
        Outcome out;
        out.code = PW_CANCELLED;
        out.message = cancelled_here();
        tell(std::move(out));
    }

    void answer() {
        Outcome out;
        out.code = known_code(status_.error_code());
        try {
            if (status_.ok()) read_(response_, out);
        } catch (const std::exception& error) {
            out = {};
            out.code = code_of(error);
            out.message = error.what();
        }
        if (!status_.ok()) {
            out.message = network_->explain(status_);
            out.retry_after = read_retry_after(status_.error_details());
        }
        tell(std::move(out));
    }

    // The first outcome counts.
    void tell(Outcome outcome) {
        Answered answered;
        {
            const std::lock_guard lock(told_);
            std::swap(answered, answered_);
        }
        if (answered) answered(std::move(outcome));
    }

    const Method method_;
    const Request request_;
    const Read read_;
    std::mutex told_;
    Answered answered_;
    Response response_;
    std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader_;
};

template <class Response>
void read_models(const Response& response, Outcome& out) {
    for (const wire::Model& model : response.models()) out.models.push_back(read_model(model));
}

}  // namespace

GenerateCall::GenerateCall(std::shared_ptr<Network> network, const CallSetup& setup,
                           wire::GenerateRequest request, std::shared_ptr<Session> session)
    : Call(std::move(network), setup), request_(std::move(request)), session_(std::move(session)) {}

void GenerateCall::told_cancelled() { session_->finish({PW_CANCELLED, cancelled_here(), {}, -1}); }

bool GenerateCall::proceed(Op op, bool ok) {
    switch (op) {
        case Op::kBegin:
            if (ok && start()) return true;
            told_cancelled();
            return false;
        case Op::kStarted:
            if (ok)
                reader_->Read(&response_, tag(Op::kRead));
            else
                reader_->Finish(&status_, tag(Op::kFinished));
            return true;
        case Op::kRead:
            if (ok && read())
                reader_->Read(&response_, tag(Op::kRead));
            else
                reader_->Finish(&status_, tag(Op::kFinished));
            return true;
        case Op::kFinished:
            return end();
        case Op::kWritten:
        case Op::kTick:
            break;  // it neither writes nor waits
    }
    return false;
}

bool GenerateCall::start() {
    reader_.reset();  // it lives in the last context
    grpc::ClientContext* context = new_context(setup_.wait_for_server && !broke_);
    if (!context) return false;
    fed_ = 0;
    reader_ = network_->stub().PrepareAsyncGenerate(context, request_, &network_->queue());
    reader_->StartCall(tag(Op::kStarted));
    return true;
}

// False: what came breaks the contract, and nobody wants the rest.
bool GenerateCall::read() {
    try {
        session_->feed(read_event(response_));
    } catch (const std::exception& error) {
        session_->finish({code_of(error), error.what(), {}, -1});
        cancel();
        return false;
    }
    ++fed_;
    return true;
}

bool GenerateCall::end() {
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

// Asks again with the seeds that are known by now, after a wait that grows.
bool GenerateCall::resume() {
    if (!(setup_.resume > 0) || cancelled() || !session_->arrived()) return false;
    if (!broke_ || fed_ > 0) give_up_ = in_seconds(setup_.resume), attempts_ = 0;
    broke_ = true;
    const Connection& connection = network_->connection();
    const double wait =
        std::min(connection.backoff_min * double(1u << std::min(attempts_++, 16u)), connection.backoff_max);
    if (in_seconds(wait) > std::min(give_up_, deadline_)) return false;
    if (request_.seeds().empty())
        for (const uint64_t seed : session_->seeds()) request_.add_seeds(seed);
    session_->restart("the connection broke (" + status_.error_message() + "); asking again");
    return network_->begin(shared_from_this(), wait);
}

std::shared_ptr<Call> begin_generate(const std::shared_ptr<Network>& network, const CallSetup& setup,
                                     wire::GenerateRequest request, std::shared_ptr<Session> session) {
    auto call = std::make_shared<GenerateCall>(network, setup, std::move(request), std::move(session));
    begin(network, call);
    return call;
}

std::shared_ptr<Call> begin_models(const std::shared_ptr<Network>& network, const CallSetup& setup,
                                   Answered answered) {
    using Models = UnaryCall<wire::ListModelsRequest, wire::ListModelsResponse>;
    const auto read = [](const wire::ListModelsResponse& response, Outcome& out) {
        read_models(response, out);
        out.server_version = response.server_version();
    };
    auto call = std::make_shared<Models>(network, setup, &wire::Posewire::Stub::PrepareAsyncListModels,
                                         wire::ListModelsRequest(), read, std::move(answered));
    begin(network, call);
    return call;
}

std::shared_ptr<Call> begin_warm(const std::shared_ptr<Network>& network, const CallSetup& setup,
                                 wire::WarmRequest request, Answered answered) {
    using Warm = UnaryCall<wire::WarmRequest, wire::WarmResponse>;
    const auto read = [](const wire::WarmResponse& response, Outcome& out) {
        read_models(response, out);
        out.encoded = response.encoded();
    };
    auto call = std::make_shared<Warm>(network, setup, &wire::Posewire::Stub::PrepareAsyncWarm,
                                       std::move(request), read, std::move(answered));
    begin(network, call);
    return call;
}

}  // namespace pw
