// A live session without a network: says to a session what a server would, and heeds its play head as one must.
#pragma once

#include "fake_server.hpp"

namespace fake {

class LiveServer {
  public:
    explicit LiveServer(double ahead_seconds = 1) : ahead_(ahead_seconds) {}

    std::shared_ptr<Session> session() const { return session_; }
    const Skeleton& joints() const { return *joints_; }
    const ClipBuffer& clip() const { return *session_->endless(); }
    uint32_t sent() const { return sent_; }

    void begin() {
        session_->feed(header(0, joints_));
        Started started;
        started.session_id = "s1";
        started.first_frame = sent_;
        started.ahead_seconds = ahead_;
        started.resume_seconds = 30;
        started.idle_seconds = 60;
        session_->feed(started);
    }
    // The next so many frames of the fake motion in one chunk.
    void send(uint32_t count) {
        std::vector<uint8_t> data;
        for (uint32_t i = 0; i < count; ++i) {
            const auto frame = packed(pose_at((sent_ + i) / kFps, *joints_));
            data.insert(data.end(), frame.begin(), frame.end());
        }
        session_->feed(Chunk{0, sent_, count, data.data(), data.size()});
        sent_ += count;
    }
    // As many as a server may send now, in chunks of so many; how many those were.
    uint32_t send_allowed(uint32_t chunk = 7) {
        const auto limit = clip().played() + uint32_t(ahead_ * kFps);
        const uint32_t before = sent_;
        while (sent_ < limit) send(std::min(chunk, limit - sent_));
        return sent_ - before;
    }
    // The connection broke; the new one goes on with this frame.
    void come_back(uint32_t first_frame) {
        session_->restart("broken");
        sent_ = first_frame;
        begin();
    }
    void end(int32_t code = PW_OK) {
        session_->feed(Status{code, "", {}, -1});
        session_->finish({code, "", {}, -1});
    }

  private:
    const double ahead_;
    const SharedSkeleton joints_ = skeleton();
    const std::shared_ptr<Session> session_ = std::make_shared<Session>(kMaxStreamBytes, true);
    uint32_t sent_ = 0;
};

}  // namespace fake
