// The frames of one clip: one thread writes them in order, others read what has arrived, without locks. A
// clip without end keeps the last so many frames: its one reader says how far it is, and what it still needs
// stays.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace pw {

class ClipBuffer {
  public:
    static constexpr uint32_t kEndless = UINT32_MAX;

    // Room for all frames at once, or for the last `room` of them: nothing is allocated while they arrive or
    // are read.
    ClipBuffer(uint32_t frames, uint32_t joints, uint64_t seed, uint32_t room)
        : room_(room),
          joints_(joints),
          seed_(seed),
          rotations_(new float[size_t(room) * joints * 4]),
          roots_(new float[size_t(room) * 3]),
          contacts_(new uint8_t[room]),
          frames_(frames) {}
    ClipBuffer(uint32_t frames, uint32_t joints, uint64_t seed) : ClipBuffer(frames, joints, seed, frames) {}

    // Bytes that a buffer of this size takes.
    static size_t bytes(uint32_t frames, uint32_t joints) {
        return size_t(frames) * (size_t(joints) * 16 + 13);
    }

    // kEndless: not known yet.
    uint32_t frames() const { return frames_.load(std::memory_order_acquire); }
    uint32_t joints() const { return joints_; }
    uint64_t seed() const { return seed_; }

    // Frames that may be read.
    uint32_t ready() const { return ready_.load(std::memory_order_acquire); }
    bool complete() const { return ready() == frames(); }
    // The oldest frame that may be read.
    uint32_t kept() const {
        const uint32_t played = this->played();
        return played > 0 ? played - 1 : 0;
    }

    const float* rotations(uint32_t frame) const { return rotations_.get() + slot(frame) * joints_ * 4; }
    const float* root(uint32_t frame) const { return roots_.get() + slot(frame) * 3; }
    const uint8_t* contacts(uint32_t frame) const { return contacts_.get() + slot(frame); }

    // For the reader of a clip without end: so many frames have been played; the last of them is still read.
    void tell_played(uint32_t frames) const {
        if (frames > played()) played_.store(frames, std::memory_order_release);
    }
    uint32_t played() const { return played_.load(std::memory_order_acquire); }

    // For the writer: where a frame goes that isn't ready yet, and that the first so many now are.
    float* rotations(uint32_t frame) { return rotations_.get() + slot(frame) * joints_ * 4; }
    float* root(uint32_t frame) { return roots_.get() + slot(frame) * 3; }
    uint8_t* contacts(uint32_t frame) { return contacts_.get() + slot(frame); }
    void publish(uint32_t frames) { ready_.store(frames, std::memory_order_release); }
    // Frames below this one may be written: none that is still read is written over.
    uint64_t writable() const { return uint64_t(room_) + kept(); }
    // From here on so many frames lie side by side.
    uint32_t run(uint32_t frame) const { return room_ - uint32_t(slot(frame)); }
    // Nothing follows what is here.
    void end() { frames_.store(ready(), std::memory_order_release); }

  private:
    size_t slot(uint32_t frame) const { return frame < room_ ? frame : frame % room_; }

    const uint32_t room_, joints_;
    const uint64_t seed_;
    std::unique_ptr<float[]> rotations_, roots_;
    std::unique_ptr<uint8_t[]> contacts_;
    std::atomic<uint32_t> frames_, ready_{0};
    mutable std::atomic<uint32_t> played_{0};  // the reader's
};

}  // namespace pw
