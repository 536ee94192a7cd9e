// Any messages as a stream, with a player on it. The input is messages, each behind its length in two bytes; the
// length 0xffff breaks the connection, 0xfffe lets the game go on for a moment. 0xfffd at the beginning: the stream is
// a live session's.
#include <cmath>
#include <cstdlib>
#include <vector>

#include "error.hpp"
#include "player.hpp"
#include "posewire_proto/v1/posewire.pb.h"
#include "wire.hpp"

namespace {

void look(pw::Player& player) {
    std::vector<float> rotations(4 * pw::PlayerSetup().max_joints);
    pw_pose pose{};
    player.advance(0.05);
    player.sample(rotations.data(), pw::PlayerSetup().max_joints, pose);
    pw_contact contact;
    while (player.next_contact(contact)) {
    }
    for (uint32_t i = 0; pose.has_pose && i < 4 * pose.joints; ++i)
        if (!std::isfinite(rotations[i])) std::abort();
}

void feed_live(const uint8_t* data, size_t size, pw::Session& session) {
    pw::wire::LiveResponse message;
    if (!message.ParseFromArray(data, int(size))) throw pw::broken("expected a LiveResponse");
    session.feed(pw::read_event(message));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const bool live = size >= 2 && data[0] == 0xfd && data[1] == 0xff;
    if (live) data += 2, size -= 2;
    const auto session = std::make_shared<pw::Session>(size_t(4) << 20, live);
    pw::PlayerSetup setup;
    setup.foot_ik = 1;
    pw::Player player(setup);
    player.play(session, 0, {});
    while (size >= 2) {
        const size_t length = size_t(data[0]) | size_t(data[1]) << 8;
        data += 2, size -= 2;
        if (length == 0xffff) {
            session->restart("fuzz");
        } else if (length == 0xfffe) {
            look(player);
        } else {
            const size_t taken = std::min(length, size);
            try {
                if (live)
                    feed_live(data, taken, *session);
                else
                    pw::feed_bytes(data, taken, [&](pw::Event event) { session->feed(std::move(event)); });
            } catch (const pw::Error& error) {
                session->finish({error.code(), error.what(), {}, -1});
            }
            data += taken, size -= taken;
        }
    }
    session->finish({});
    for (int i = 0; i < 4; ++i) look(player);
    pw::Delivery delivery;
    while (session->take(delivery, 0) == PW_POLL_EVENT) {
    }
    return 0;
}
