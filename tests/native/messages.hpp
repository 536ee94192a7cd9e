// The fake motion as serialized messages of the wire, for streams that are fed from outside.
#pragma once

#include "fake_server.hpp"
#include "posewire_proto/v1/posewire.pb.h"

namespace fake {

namespace wire = posewire::v1;

template <class Message>
std::vector<uint8_t> bytes(const Message& message) {
    std::vector<uint8_t> out(message.ByteSizeLong());
    message.SerializeToArray(out.data(), int(out.size()));
    return out;
}

// As `packed`, 48 bits a rotation.
inline std::vector<uint8_t> packed_small(const Pose& pose) {
    std::vector<uint8_t> out = packed(pose);
    const uint8_t contacts = out.back();
    out.resize(12);
    for (size_t j = 0; j < pose.rotations.size(); j += 4) {
        const float* q = &pose.rotations[j];
        size_t largest = 0;
        for (size_t c = 1; c < 4; ++c)
            if (std::abs(q[c]) > std::abs(q[largest])) largest = c;
        uint64_t word = uint64_t(largest) << 45;
        for (size_t c = 0, place = 0; c < 4; ++c) {
            if (c == largest) continue;
            const double component = q[largest] < 0 ? -q[c] : q[c];
            word |= uint64_t(std::lround((component * std::sqrt(2.0) + 1) / 2 * 32767)) << 15 * place++;
        }
        for (int byte = 0; byte < 6; ++byte) out.push_back(uint8_t(word >> 8 * byte));
    }
    out.push_back(contacts);
    return out;
}

// Header, clip, chunks of so many frames, end, status.
inline std::vector<std::vector<uint8_t>> messages(uint32_t frames, uint32_t chunk = 5,
                                                  SharedSkeleton joints = skeleton(),
                                                  wire::Packing packing = wire::PACKING_FLOAT32) {
    std::vector<std::vector<uint8_t>> out;
    const Header from = header(1, std::move(joints));
    wire::GenerateResponse begin, start, end, status;
    wire::Header& header = *begin.mutable_header();
    for (uint32_t j = 0; j < from.skeleton->size(); ++j) {
        wire::Joint& joint = *header.add_joints();
        joint.set_name(from.skeleton->name(j));
        joint.set_parent(from.skeleton->parent(j));
        joint.mutable_position()->set_x(from.skeleton->position(j).x);
        joint.mutable_position()->set_y(from.skeleton->position(j).y);
        joint.mutable_position()->set_z(from.skeleton->position(j).z);
    }
    header.set_stream_id(from.stream_id);
    header.set_model(from.model);
    header.set_fps(from.fps);
    header.set_packing(packing);
    header.set_frame_bytes(uint32_t(frame_bytes(packing, from.skeleton->size())));
    header.set_clips(1);
    header.set_root_joint(from.skeleton->pelvis());
    header.set_sole(from.skeleton->sole());
    for (const std::string& name : from.contact_names) header.add_contact_names(name);
    wire::Notice& notice = *header.add_notices();
    notice.set_code("frames_raised");
    notice.set_message("expected at least 30 frames, found 3; raised");
    out.push_back(bytes(begin));
    start.mutable_clip_start()->set_seed(7);
    start.mutable_clip_start()->set_frames(frames);
    out.push_back(bytes(start));
    for (uint32_t first = 0; first < frames; first += chunk) {
        wire::GenerateResponse message;
        wire::Chunk& out_chunk = *message.mutable_chunk();
        out_chunk.set_first_frame(first);
        out_chunk.set_frames(std::min(chunk, frames - first));
        for (uint32_t f = first; f < std::min(first + chunk, frames); ++f) {
            const Pose pose = pose_at(f / kFps, *from.skeleton);
            const auto data = packing == wire::PACKING_FLOAT32 ? packed(pose) : packed_small(pose);
            out_chunk.mutable_data()->append(data.begin(), data.end());
        }
        out.push_back(bytes(message));
    }
    end.mutable_clip_end()->set_frames(frames);
    out.push_back(bytes(end));
    status.mutable_status()->add_timings()->set_stage("step");
    out.push_back(bytes(status));
    return out;
}

// A live session: header, start, a segment, chunks, an answer, status.
inline std::vector<std::vector<uint8_t>> live_messages(uint32_t frames, uint32_t chunk = 5) {
    std::vector<std::vector<uint8_t>> out;
    for (const auto& bytes_of_clip : messages(frames, chunk)) {
        wire::GenerateResponse from;
        from.ParseFromArray(bytes_of_clip.data(), int(bytes_of_clip.size()));
        wire::LiveResponse to;
        if (from.has_header()) *to.mutable_header() = from.header();
        if (from.has_chunk()) *to.mutable_chunk() = from.chunk();
        if (from.has_status()) {
            to.mutable_answer()->set_id(1);
            out.push_back(bytes(to));
            *to.mutable_status() = from.status();
        }
        if (to.event_case() != wire::LiveResponse::EVENT_NOT_SET) out.push_back(bytes(to));
        if (!from.has_header()) continue;
        to.mutable_started()->set_ahead_seconds(1);
        to.mutable_started()->set_session_id("s");
        to.mutable_started()->add_answers()->set_id(1);
        out.push_back(bytes(to));
        to.mutable_segment()->set_prompt("a person walks");
        out.push_back(bytes(to));
    }
    return out;
}

}  // namespace fake
