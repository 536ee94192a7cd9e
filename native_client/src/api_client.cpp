// The C ABI: clients, their calls, and what calls reply.
#include <cmath>
#include <condition_variable>
#include <mutex>

#include "api.hpp"
#include "api_client.hpp"
#include "grpc_calls.hpp"
#include "utf8.hpp"

namespace pw {
namespace {

constexpr double kForever = 1e8;  // seconds; longer waits would overflow clocks

pw_client_options client_defaults() {
    pw_client_options out{};
    const Connection connection;
    out.struct_size = sizeof out;
    out.target = "127.0.0.1:50051";
    out.backoff_min_seconds = connection.backoff_min;
    out.backoff_max_seconds = connection.backoff_max;
    out.shutdown_seconds = connection.shutdown;
    return out;
}

pw_generate_options generate_defaults() {
    pw_generate_options out{};
    out.struct_size = sizeof out;
    out.guidance = std::nanf("");
    out.packing = PW_PACKING_FLOAT32;
    out.priority = PW_PRIORITY_NORMAL;
    out.ground = out.smooth = out.match_limbs = out.scale_travel = 1;
    return out;
}

pw_warm_options warm_defaults() {
    pw_warm_options out{};
    out.struct_size = sizeof out;
    out.timeout_seconds = 120;
    return out;
}

std::string text(const char* value) { return value ? value : ""; }

// Takes "http://" or "https://" off a target, which say whether to encrypt.
void read_target(const pw_client_options& options, Connection& out) {
    out.target = text(options.target);
    out.tls = options.tls != 0;
    for (const auto& [scheme, tls] : {std::pair{"https://", true}, std::pair{"http://", false}}) {
        if (out.target.rfind(scheme, 0) != 0) continue;
        out.target.erase(0, std::strlen(scheme));
        out.tls = tls;
        if (!out.target.empty() && out.target.back() == '/') out.target.pop_back();
    }
    if (out.target.empty()) throw invalid("target: expected host:port, found nothing");
}

Connection read_connection(const pw_client_options& options) {
    Connection out;
    read_target(options, out);
    out.token = text(options.token);
    for (const char c : out.token)
        if (c < 0x20 || c > 0x7e) throw invalid("token: expected printable ASCII, found something else");
    out.ca = text(options.ca_pem);
    out.certificate = text(options.certificate_pem);
    out.key = text(options.key_pem);
    if (out.certificate.empty() != out.key.empty())
        throw invalid("certificate_pem: expected a certificate and its key, found one without the other");
    out.server_name = text(options.server_name);
    out.backoff_min = not_negative(options.backoff_min_seconds, "backoff_min_seconds");
    out.backoff_max =
        std::max(not_negative(options.backoff_max_seconds, "backoff_max_seconds"), out.backoff_min);
    out.keepalive = not_negative(options.keepalive_seconds, "keepalive_seconds");
    out.shutdown = not_negative(options.shutdown_seconds, "shutdown_seconds");
    return out;
}

// A model with everything that `pw_model` points to.
struct ModelView {
    explicit ModelView(ServedModel served) : model(std::move(served)) {
        for (const auto& preset : model.presets)
            presets.push_back({preset.name.c_str(), preset.steps, preset.is_default});
        for (const std::string& name : model.providers) providers.push_back(name.c_str());
        for (const std::string& name : model.solvers) solvers.push_back(name.c_str());
        skeleton.view = model.skeleton.get();
    }

    const ServedModel model;
    std::vector<pw_preset> presets;
    std::vector<const char*> providers, solvers;
    pw_skeleton skeleton;
};

// Filled by the network's thread, read by the caller once it is done.
struct Reply {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    Outcome outcome;
    std::vector<std::unique_ptr<const ModelView>> models;

    void fill(Outcome filled) {
        const std::lock_guard lock(mutex);
        for (ServedModel& model : filled.models)
            models.push_back(std::make_unique<const ModelView>(std::move(model)));
        outcome = std::move(filled);
        done = true;
        changed.notify_all();
    }

    bool wait(double longest) {
        std::unique_lock lock(mutex);
        if (!done && longest > 0)
            changed.wait_for(lock, std::chrono::duration<double>(std::min(longest, kForever)),
                             [this] { return done; });
        return done;
    }
};

pw_model describe(const ModelView& view, bool is_default) {
    const ServedModel& from = view.model;
    pw_model out{};
    out.is_default = is_default;
    out.loaded = from.loaded;
    out.restricts_outputs = from.restricts_outputs;
    out.fps = from.fps;
    out.min_frames = from.min_frames;
    out.max_frames = from.max_frames;
    out.max_steps = from.max_steps;
    out.max_prompt = from.max_prompt;
    out.max_seeds = from.max_seeds;
    out.fixed_guidance = from.fixed_guidance;
    out.preset_count = uint32_t(view.presets.size());
    out.provider_count = uint32_t(view.providers.size());
    out.solver_count = uint32_t(view.solvers.size());
    out.presets = view.presets.data();
    out.providers = view.providers.data();
    out.solvers = view.solvers.data();
    out.name = from.name.c_str();
    out.family = from.family.c_str();
    out.description = from.description.c_str();
    out.licence = from.licence.c_str();
    out.licence_notice = from.licence_notice.c_str();
    out.territory = from.territory.c_str();
    out.skeleton = &view.skeleton;
    out.degraded = from.degraded;
    return out;
}

}  // namespace
}  // namespace pw

using namespace pw;

struct pw_reply {
    std::shared_ptr<Reply> reply = std::make_shared<Reply>();
    std::shared_ptr<Call> call{};
    bool lists = false;  // of `pw_models`: the first one is the default
};

// ---------------------------------------------------------------------------------------------- client

void pw_client_options_init(pw_client_options* options, uint32_t size) {
    init(options, size, client_defaults());
}

pw_code pw_client_create(const pw_client_options* options, pw_client** out) {
    return guarded([&] {
        need(out, "out") = nullptr;
        const auto read = read_options(options, client_defaults(), "pw_client_options_init");
        auto client =
            std::make_unique<pw_client>(pw_client{std::make_shared<Network>(read_connection(read))});
        client->network->open();
        *out = client.release();
    });
}

void pw_client_destroy(pw_client* client) {
    guarded([&] {
        if (!client) return;
        const std::unique_ptr<pw_client> owned(client);
        owned->network->close(owned->network->connection().shutdown);
    });
}

void pw_client_connect(pw_client* client) {
    guarded([&] { need(client, "client").network->channel().GetState(true); });
}

pw_client_state pw_client_get_state(pw_client* client) {
    pw_client_state out = PW_CLIENT_IDLE;
    guarded([&] {
        const auto state = need(client, "client").network->channel().GetState(false);
        if (state == GRPC_CHANNEL_CONNECTING) out = PW_CLIENT_CONNECTING;
        if (state == GRPC_CHANNEL_READY) out = PW_CLIENT_READY;
        if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) out = PW_CLIENT_WAITING;
    });
    return out;
}

pw_code pw_client_wait_ready(pw_client* client, double longest) {
    return guarded([&] {
        Network& network = *need(client, "client").network;
        if (!network.channel().WaitForConnected(in_seconds(longest)))
            throw Error(PW_UNAVAILABLE, "expected a server at " + network.connection().target +
                                            ", found none within " + std::to_string(longest) +
                                            " s; is it running?");
    });
}

// ------------------------------------------------------------------------------------------ generating

void pw_generate_options_init(pw_generate_options* options, uint32_t size) {
    init(options, size, generate_defaults());
}

pw_code pw_generate(pw_client* client, const pw_generate_options* options, pw_stream** out) {
    return guarded([&] {
        need(out, "out") = nullptr;
        const auto read =
            read_options(&need(options, "options"), generate_defaults(), "pw_generate_options_init");
        const CallSetup setup{read.wait_for_server != 0,
                              not_negative(read.timeout_seconds, "timeout_seconds"),
                              not_negative(read.resume_seconds, "resume_seconds")};
        const SharedSkeleton target =
            read.target ? std::make_shared<const Skeleton>(*read.target->view) : nullptr;
        auto stream = std::make_unique<pw_stream>(pw_stream{std::make_shared<Session>(), {}});
        const auto call = begin_generate(need(client, "client").network, setup, write_generate(read, target),
                                         stream->session);
        stream->cancel = [call] { call->cancel(); };
        *out = stream.release();
    });
}

// ------------------------------------------------------------------------------------- warming, models

void pw_warm_options_init(pw_warm_options* options, uint32_t size) { init(options, size, warm_defaults()); }

pw_code pw_warm(pw_client* client, const pw_warm_options* options, pw_reply** out) {
    return guarded([&] {
        need(out, "out") = nullptr;
        const auto read = read_options(options, warm_defaults(), "pw_warm_options_init");
        const CallSetup setup{read.wait_for_server != 0,
                              not_negative(read.timeout_seconds, "timeout_seconds"), 0};
        auto made = std::make_unique<pw_reply>();
        made->call = begin_warm(need(client, "client").network, setup, write_warm(read),
                                [reply = made->reply](Outcome outcome) { reply->fill(std::move(outcome)); });
        *out = made.release();
    });
}

pw_code pw_models(pw_client* client, double timeout_seconds, pw_reply** out) {
    return guarded([&] {
        need(out, "out") = nullptr;
        const CallSetup setup{false, not_negative(timeout_seconds, "timeout_seconds"), 0};
        auto made = std::make_unique<pw_reply>();
        made->lists = true;
        made->call =
            begin_models(need(client, "client").network, setup,
                         [reply = made->reply](Outcome outcome) { reply->fill(std::move(outcome)); });
        *out = made.release();
    });
}

int32_t pw_reply_wait(pw_reply* reply, double longest) {
    int32_t out = 0;
    guarded([&] { out = need(reply, "reply").reply->wait(longest); });
    return out;
}

// Once a reply is done its outcome never changes: what `wait` has seen may be read without the lock.

pw_code pw_reply_code(const pw_reply* reply) {
    if (!reply || !reply->reply->wait(0)) return PW_FAILED_PRECONDITION;
    return pw_code(reply->reply->outcome.code);
}

const char* pw_reply_message(const pw_reply* reply) {
    return reply && reply->reply->wait(0) ? reply->reply->outcome.message.c_str() : "";
}

double pw_reply_retry_after(const pw_reply* reply) {
    return reply && reply->reply->wait(0) ? reply->reply->outcome.retry_after : -1;
}

const char* pw_reply_server_version(const pw_reply* reply) {
    return reply && reply->reply->wait(0) ? reply->reply->outcome.server_version.c_str() : "";
}

uint32_t pw_reply_encoded(const pw_reply* reply) {
    return reply && reply->reply->wait(0) ? reply->reply->outcome.encoded : 0;
}

uint32_t pw_reply_model_count(const pw_reply* reply) {
    return reply && reply->reply->wait(0) ? uint32_t(reply->reply->models.size()) : 0;
}

pw_code pw_reply_model(const pw_reply* reply, uint32_t index, pw_model* out) {
    return guarded([&] {
        const uint32_t count = pw_reply_model_count(&need(reply, "reply"));
        if (index >= count)
            throw invalid("index: expected one below " + std::to_string(count) + ", found " +
                          std::to_string(index));
        give(out, describe(*reply->reply->models[index], reply->lists && index == 0));
    });
}

void pw_reply_destroy(pw_reply* reply) {
    guarded([&] {
        if (!reply) return;
        const std::unique_ptr<pw_reply> owned(reply);
        owned->call->cancel();
    });
}
