#include "wire.hpp"

#include <cmath>
#include <limits>

#include "error.hpp"
#include "packing.hpp"
#include "posewire_proto/v1/posewire.pb.h"
#include "retarget.hpp"
#include "rpc_details.pb.h"
#include "utf8.hpp"

namespace pw {
namespace {

template <class Joints>
SharedSkeleton read_skeleton(const Joints& joints, uint32_t pelvis, float sole) {
    expect(joints.size() > 0 && joints.size() <= int(kMaxJoints),
           "1 to " + std::to_string(kMaxJoints) + " joints", std::to_string(joints.size()));
    SkeletonParts parts;
    for (const wire::Joint& joint : joints) {
        const auto& p = joint.position();
        const auto& q = joint.rotation();
        parts.names.push_back(joint.name());
        parts.parents.push_back(joint.parent());
        parts.positions.push_back({p.x(), p.y(), p.z()});
        parts.rotations.push_back(joint.has_rotation() ? Quatf{q.x(), q.y(), q.z(), q.w()} : Quatf{});
    }
    parts.pelvis = pelvis;
    parts.sole = sole;
    try {
        return std::make_shared<const Skeleton>(std::move(parts));
    } catch (const Error& error) {
        throw broken(error.what());
    }
}

template <class Timings>
std::vector<Timing> read_timings(const Timings& timings) {
    std::vector<Timing> out;
    for (const wire::StageTiming& timing : timings) out.push_back({timing.stage(), timing.nanoseconds()});
    return out;
}

Header read_header(const wire::Header& message) {
    Header out;
    out.skeleton = read_skeleton(message.joints(), message.root_joint(), message.sole());
    out.stream_id = message.stream_id();
    out.model = message.model();
    out.convention = message.convention();
    out.licence_notice = message.licence_notice();
    out.nearest_prompt = message.nearest_prompt();
    out.fps = message.fps();
    out.packing = uint32_t(message.packing());
    out.frame_bytes = message.frame_bytes();
    out.clips = message.clips();
    if (message.has_familiarity()) out.familiarity = message.familiarity();
    out.contact_names.assign(message.contact_names().begin(), message.contact_names().end());
    for (const wire::Notice& notice : message.notices())
        out.notices.push_back({notice.code(), notice.message()});
    return out;
}

Status read_status(const wire::Status& message) {
    Status out;
    out.code = known_code(int(std::min(message.code(), 99u)));
    out.message = message.message();
    out.timings = read_timings(message.timings());
    if (message.has_retry_after_seconds()) out.retry_after = message.retry_after_seconds();
    return out;
}

// A text of the caller's, NULL meaning none.
const char* text(const char* value, const char* field) {
    if (!value) return "";
    if (!is_utf8(value)) throw invalid(std::string(field) + ": expected UTF-8, found other bytes");
    return value;
}

// What `pw_generate_options` and `pw_live_options` have in common.

template <class Options>
void write_sampling(const Options& options, wire::Sampling& out) {
    out.set_preset(text(options.preset, "preset"));
    out.set_solver(text(options.solver, "solver"));
    if (options.steps > 0) out.set_steps(options.steps);
    if (!std::isnan(options.guidance)) out.set_guidance(options.guidance);
}

void write_joint(const Skeleton& skeleton, uint32_t index, wire::Joint& out) {
    out.set_name(text(skeleton.name(index).c_str(), "target"));
    out.set_parent(skeleton.parent(index));
    const Vec3f p = skeleton.position(index);
    out.mutable_position()->set_x(p.x);
    out.mutable_position()->set_y(p.y);
    out.mutable_position()->set_z(p.z);
    const Quatf q = skeleton.rest(index);
    out.mutable_rotation()->set_x(q.x);
    out.mutable_rotation()->set_y(q.y);
    out.mutable_rotation()->set_z(q.z);
    out.mutable_rotation()->set_w(q.w);
}

template <class Options>
void write_target(const Options& options, SharedSkeleton skeleton, wire::TargetSkeleton& out) {
    const SharedTarget target = bone_target(std::move(skeleton), options.bones, options.bone_count,
                                            options.match_limbs != 0, options.scale_travel != 0);
    for (uint32_t b = 0; b < target->skeleton->size(); ++b)
        write_joint(*target->skeleton, b, *out.add_joints());
    for (const auto& [joint, bone] : target->bones)
        (*out.mutable_bones())[text(joint.c_str(), "bones")] = target->skeleton->name(bone);
    out.set_match_limbs(target->match_limbs);
    out.set_scale_travel(target->scale_travel);
    out.set_sole(target->skeleton->sole());
}

template <class Options, class Message>
void write_common(const Options& options, const SharedSkeleton& target, Message& out) {
    out.set_model(text(options.model, "model"));
    write_sampling(options, *out.mutable_sampling());
    if (frame_bytes(options.packing, 1) == 0)
        throw invalid("packing: expected a pw_packing, found " + std::to_string(options.packing));
    out.set_packing(wire::Packing(options.packing));
    out.set_chunk_frames(options.chunk_frames);
    if (options.priority < PW_PRIORITY_BULK || options.priority > PW_PRIORITY_INTERACTIVE)
        throw invalid("priority: expected a pw_priority, found " + std::to_string(options.priority));
    out.set_priority(wire::Priority(options.priority));
    out.set_request_id(text(options.request_id, "request_id"));
    out.set_special_game(options.special_game != 0);
    if (target) write_target(options, target, *out.mutable_target());
}

Answer read_answer(const wire::LiveAnswer& message) {
    return {message.id(), known_code(int(std::min(message.code(), 99u))), message.message()};
}

Started read_started(const wire::LiveStarted& message) {
    Started out;
    out.session_id = message.session_id();
    out.secret = message.secret();
    out.first_frame = message.first_frame();
    out.resume_seconds = message.resume_seconds();
    out.idle_seconds = message.idle_seconds();
    out.ahead_seconds = message.ahead_seconds();
    for (const wire::LiveAnswer& answer : message.answers()) out.answers.push_back(read_answer(answer));
    return out;
}

Chunk read_chunk(const wire::Chunk& message) {
    return {message.clip(), message.first_frame(), message.frames(),
            reinterpret_cast<const uint8_t*>(message.data().data()), message.data().size()};
}

void write_vector(Vec3f v, wire::Vector3& out) {
    out.set_x(v.x);
    out.set_y(v.y);
    out.set_z(v.z);
}

bool blank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

}  // namespace

Event read_event(const wire::GenerateResponse& message) {
    switch (message.event_case()) {
        case wire::GenerateResponse::kHeader:
            return read_header(message.header());
        case wire::GenerateResponse::kClipStart:
            return ClipStart{message.clip_start().clip(), message.clip_start().seed(),
                             message.clip_start().frames()};
        case wire::GenerateResponse::kChunk:
            return read_chunk(message.chunk());
        case wire::GenerateResponse::kClipEnd:
            return ClipEnd{message.clip_end().clip(), message.clip_end().frames(),
                           read_timings(message.clip_end().timings())};
        case wire::GenerateResponse::kProgress:
            return Progress{message.progress().clip(), message.progress().step(), message.progress().steps()};
        case wire::GenerateResponse::kNotice:
            return Notice{message.notice().code(), message.notice().message()};
        case wire::GenerateResponse::kStatus:
            return read_status(message.status());
        case wire::GenerateResponse::EVENT_NOT_SET:
            break;
    }
    return std::monostate{};
}

Event read_event(const wire::LiveResponse& message) {
    switch (message.event_case()) {
        case wire::LiveResponse::kHeader:
            return read_header(message.header());
        case wire::LiveResponse::kStarted:
            return read_started(message.started());
        case wire::LiveResponse::kChunk:
            return read_chunk(message.chunk());
        case wire::LiveResponse::kSegment:
            return Segment{message.segment().first_frame(), message.segment().prompt(),
                           message.segment().seed(), message.segment().command()};
        case wire::LiveResponse::kAnswer:
            return read_answer(message.answer());
        case wire::LiveResponse::kNotice:
            return Notice{message.notice().code(), message.notice().message()};
        case wire::LiveResponse::kStatus:
            return read_status(message.status());
        case wire::LiveResponse::EVENT_NOT_SET:
            break;
    }
    return std::monostate{};
}

void feed_bytes(const uint8_t* data, size_t size, const std::function<void(Event)>& feed) {
    wire::GenerateResponse message;
    if (size > size_t(std::numeric_limits<int>::max()) || !message.ParseFromArray(data, int(size)))
        throw broken("expected a GenerateResponse, found " + std::to_string(size) + " bytes that are none");
    feed(read_event(message));
}

ServedModel read_model(const wire::Model& message) {
    ServedModel out;
    out.skeleton = read_skeleton(message.joints(), message.root_joint(), message.sole());
    out.name = message.name();
    out.family = message.family();
    out.description = message.description();
    out.licence = message.licence().identifier();
    out.licence_notice = message.licence().notice();
    out.territory = message.licence().territory();
    out.restricts_outputs = message.licence().restricts_outputs();
    out.fps = message.fps();
    out.loaded = message.loaded();
    out.degraded = message.degraded();
    const wire::Limits& limits = message.limits();
    out.min_frames = limits.min_frames();
    out.max_frames = limits.max_frames();
    out.max_steps = limits.max_steps();
    out.max_prompt = limits.max_prompt();
    out.max_seeds = limits.max_seeds();
    out.fixed_guidance = limits.has_fixed_guidance() ? limits.fixed_guidance() : std::nanf("");
    for (const wire::Preset& preset : message.presets())
        out.presets.push_back({preset.name(), preset.steps(), preset.is_default()});
    out.providers.assign(message.providers().begin(), message.providers().end());
    out.solvers.assign(message.solvers().begin(), message.solvers().end());
    return out;
}

double read_retry_after(const std::string& bytes) {
    posewire::rpc::Details details;
    if (bytes.empty() || !details.ParseFromString(bytes)) return -1;
    for (const auto& packed : details.details()) {
        const std::string& url = packed.type_url();
        posewire::rpc::RetryInfo retry;
        if (url.substr(url.rfind('/') + 1) == "google.rpc.RetryInfo" && retry.ParseFromString(packed.value()))
            return double(retry.retry_delay().seconds()) + retry.retry_delay().nanos() / 1e9;
    }
    return -1;
}

wire::GenerateRequest write_generate(const pw_generate_options& options, const SharedSkeleton& target) {
    wire::GenerateRequest out;
    out.set_prompt(text(options.prompt, "prompt"));
    if (blank(out.prompt())) throw invalid("prompt: expected a text, found none");
    if (options.frames > 0 && options.seconds != 0)
        throw invalid("seconds: expected either `frames` or `seconds`, found both");
    write_common(options, target, out);
    if (options.frames > 0) out.set_frames(options.frames);
    if (not_negative(options.seconds, "seconds") > 0) out.set_seconds(options.seconds);
    for (uint32_t i = 0; options.seeds && i < options.seed_count; ++i) out.add_seeds(options.seeds[i]);
    out.mutable_pace()->set_rate(not_negative(options.rate, "rate"));
    out.mutable_pace()->set_ahead_seconds(not_negative(options.ahead_seconds, "ahead_seconds"));
    out.mutable_post()->set_ground(options.ground != 0);
    out.mutable_post()->set_smooth(options.smooth != 0);
    out.set_progress(options.progress != 0);
    out.set_verbatim(options.verbatim != 0);
    return out;
}

wire::LiveRequest write_open(const pw_live_options& options, const SharedSkeleton& target) {
    wire::LiveRequest out;
    wire::LiveOpen& open = *out.mutable_open();
    open.set_prompt(text(options.prompt, "prompt"));
    write_common(options, target, open);
    if (options.seed) open.set_seed(*options.seed);
    open.set_ahead_seconds(not_negative(options.ahead_seconds, "ahead_seconds"));
    const Vec3f at{options.position[0], options.position[1], options.position[2]};
    for (const float number : {at.x, at.y, at.z, options.heading})
        if (!std::isfinite(number))
            throw invalid("position, heading: expected numbers, found something else");
    write_vector(at, *open.mutable_position());
    open.set_heading(options.heading);
    return out;
}

wire::LiveRequest write_resume(const Started& session, uint32_t next_frame) {
    wire::LiveRequest out;
    out.mutable_resume()->set_session_id(session.session_id);
    out.mutable_resume()->set_secret(session.secret);
    out.mutable_resume()->set_next_frame(next_frame);
    return out;
}

wire::LiveRequest write_command(const Command& command) {
    wire::LiveRequest out;
    out.set_id(command.id);
    switch (command.kind) {
        case Command::Kind::kPrompt:
            if (blank(text(command.prompt.c_str(), "prompt")))
                throw invalid("prompt: expected a text, found none; pw_live_stop lets the character stand");
            out.mutable_prompt()->set_prompt(command.prompt);
            if (command.seed) out.mutable_prompt()->set_seed(*command.seed);
            out.mutable_prompt()->set_queued(command.queued);
            break;
        case Command::Kind::kStop:
            out.mutable_stop();
            break;
        case Command::Kind::kTarget:
            out.mutable_target();
            if (command.position) write_vector(*command.position, *out.mutable_target()->mutable_position());
            if (command.heading) out.mutable_target()->set_heading(*command.heading);
            break;
        case Command::Kind::kPace:
            out.mutable_pace()->set_rate(command.rate);
            break;
        case Command::Kind::kClear:
            out.mutable_clear();
            break;
        case Command::Kind::kPlayhead:
            out.mutable_playhead()->set_frame(command.frame);
            break;
        case Command::Kind::kClose:
            out.mutable_close();
            break;
    }
    return out;
}

wire::WarmRequest write_warm(const pw_warm_options& options) {
    wire::WarmRequest out;
    for (uint32_t i = 0; options.models && i < options.model_count; ++i)
        out.add_models(text(options.models[i], "models"));
    for (uint32_t i = 0; options.prompts && i < options.prompt_count; ++i)
        out.add_prompts(text(options.prompts[i], "prompts"));
    return out;
}

int32_t known_code(int code) {
    switch (code) {
        case PW_OK:
        case PW_CANCELLED:
        case PW_INVALID_ARGUMENT:
        case PW_DEADLINE_EXCEEDED:
        case PW_NOT_FOUND:
        case PW_PERMISSION_DENIED:
        case PW_RESOURCE_EXHAUSTED:
        case PW_FAILED_PRECONDITION:
        case PW_INTERNAL:
        case PW_UNAVAILABLE:
        case PW_UNAUTHENTICATED:
            return code;
        default:
            return PW_UNKNOWN;
    }
}

}  // namespace pw
