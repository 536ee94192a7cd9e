// Messages of the wire to what the client knows, and back. With `grpc_*` the only file that sees protobuf.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "events.hpp"
#include "live.hpp"
#include "posewire.h"

namespace posewire::v1 {
class GenerateRequest;
class GenerateResponse;
class LiveRequest;
class LiveResponse;
class WarmRequest;
class Model;
}  // namespace posewire::v1

namespace pw {

namespace wire = posewire::v1;

// A model as a server offers it.
struct ServedModel {
    struct Preset {
        std::string name;
        uint32_t steps;
        bool is_default;
    };
    std::string name, family, description, licence, licence_notice, territory;
    SharedSkeleton skeleton;
    double fps = 0;
    uint32_t min_frames = 0, max_frames = 0, max_steps = 0, max_prompt = 0, max_seeds = 0;
    float fixed_guidance = 0;  // NaN: it can be chosen
    bool loaded = false, degraded = false, restricts_outputs = false;
    std::vector<Preset> presets;
    std::vector<std::string> providers, solvers;
};

// The event of a message. A chunk's bytes are borrowed from it. Throws for what breaks the contract.
Event read_event(const wire::GenerateResponse& message);
Event read_event(const wire::LiveResponse& message);
// The same from bytes.
void feed_bytes(const uint8_t* data, size_t size, const std::function<void(Event)>& feed);
ServedModel read_model(const wire::Model& message);
// When trying again makes sense, from a failed call's details; negative: they don't say.
double read_retry_after(const std::string& details);

// Throws where options can't be.
wire::GenerateRequest write_generate(const pw_generate_options& options, const SharedSkeleton& target);
wire::WarmRequest write_warm(const pw_warm_options& options);
// The first message of a session, and of coming back to it with the first frame that is missing.
wire::LiveRequest write_open(const pw_live_options& options, const SharedSkeleton& target);
wire::LiveRequest write_resume(const Started& session, uint32_t next_frame);
wire::LiveRequest write_command(const Command& command);

// Any status code as one of ours.
int32_t known_code(int code);

}  // namespace pw
