// The frames of one clip: one thread writes them in order, others read what has arrived, without locks.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace pw {

class ClipBuffer {
  public:
    // Room for all frames at once: nothing is allocated while they arrive or are read.
    ClipBuffer(uint32_t frames, uint32_t joints, uint64_t seed)
        : frames_(frames),
          joints_(joints),
          seed_(seed),
          rotations_(new float[size_t(frames) * joints * 4]),
          roots_(new float[size_t(frames) * 3]),
          contacts_(new uint8_t[frames]) {}

    // Bytes that a buffer of this size takes.
    static size_t bytes(uint32_t frames, uint32_t joints) {
        return size_t(frames) * (size_t(joints) * 16 + 13);
    }

    uint32_t frames() const { return frames_; }
    uint32_t joints() const { return joints_; }
    uint64_t seed() const { return seed_; }

    // Frames that may be read.
    uint32_t ready() const { return ready_.load(std::memory_order_acquire); }
    bool complete() const { return ready() == frames_; }

    const float* rotations(uint32_t frame) const { return rotations_.get() + size_t(frame) * joints_ * 4; }
    const float* root(uint32_t frame) const { return roots_.get() + size_t(frame) * 3; }
    const uint8_t* contacts(uint32_t frame) const { return contacts_.get() + frame; }

    // For the writer: where a frame goes that isn't ready yet, and that the first so many now are.
    float* rotations(uint32_t frame) { return rotations_.get() + size_t(frame) * joints_ * 4; }
    float* root(uint32_t frame) { return roots_.get() + size_t(frame) * 3; }
    uint8_t* contacts(uint32_t frame) { return contacts_.get() + frame; }
    void publish(uint32_t frames) { ready_.store(frames, std::memory_order_release); }

  private:
    const uint32_t frames_, joints_;
    const uint64_t seed_;
    std::unique_ptr<float[]> rotations_, roots_;
    std::unique_ptr<uint8_t[]> contacts_;
    std::atomic<uint32_t> ready_{0};
};

}  // namespace pw
