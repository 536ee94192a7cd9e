// The network's thread writes while a game's thread samples and a third fetches events; for the thread sanitizer.
#include <thread>

#include "harness.hpp"
#include "live_server.hpp"

using namespace pw;

namespace {

// Samples until the motion is over; every pose must be one of the fake motion's.
void play(const std::shared_ptr<Session>& session, const Skeleton& joints, uint32_t frames) {
    PlayerSetup setup;
    setup.root = PW_ROOT_AS_SENT;
    setup.buffer_seconds = 0.05;
    setup.foot_ik = 0;
    Player player(setup);
    player.play(session, 0, {});
    std::vector<float> rotations(4 * joints.size());
    pw_pose pose{};
    for (uint64_t i = 0; pose.state != PW_PLAYER_ENDED && pose.state != PW_PLAYER_FAILED; ++i) {
        player.advance(0.002);
        player.sample(rotations.data(), joints.size(), pose);
        if (pose.has_pose) NEAR(pose.root_position[2], pose.time, 1e-4);
        if (i % 64 == 0) std::this_thread::yield();
    }
    EQUAL(pose.state, unsigned(PW_PLAYER_ENDED));
    NEAR(pose.time, (frames - 1) / fake::kFps, 1e-9);
}

// Fetches events until the stream is over; every frame must come once.
void fetch(const std::shared_ptr<Session>& session, uint32_t frames) {
    Delivery delivery;
    uint32_t seen = 0;
    for (;;) {
        const pw_poll got = session->take(delivery, 0.01);
        if (got == PW_POLL_ENDED) break;
        if (got != PW_POLL_EVENT || delivery.kind != PW_EVENT_CHUNK) continue;
        EQUAL(delivery.first_frame, seen);
        for (uint32_t f = seen; f < seen + delivery.frames; ++f)
            NEAR(delivery.buffer->root(f)[2], f / fake::kFps, 1e-5);
        seen += delivery.frames;
    }
    EQUAL(seen, frames);
}

}  // namespace

TEST(writing_sampling_and_fetching_at_once) {
    constexpr uint32_t kFrames = 600;
    for (int round = 0; round < 4; ++round) {
        fake::Server server(kFrames);
        const auto session = server.session();
        std::vector<std::thread> threads;
        for (int i = 0; i < 2; ++i) threads.emplace_back([&] { play(session, server.joints(), kFrames); });
        threads.emplace_back([&] { fetch(session, kFrames); });
        std::mt19937 random{unsigned(round)};
        server.begin();
        server.start_clip();
        for (uint32_t sent = 0; sent < kFrames;) {
            const uint32_t count = std::min(1 + unsigned(random() % 20), kFrames - sent);
            server.send(count);
            sent += count;
            if (random() % 4 == 0) std::this_thread::yield();
        }
        server.end_clip();
        server.end();
        for (std::thread& thread : threads) thread.join();
    }
}

TEST(a_live_session_writes_over_what_was_played_and_nothing_else) {
    constexpr uint32_t kFrames = 3000;  // in a buffer for 135
    fake::LiveServer server(0.25);
    const auto session = server.session();
    server.begin();
    std::thread game([&] {
        PlayerSetup setup;
        setup.root = PW_ROOT_AS_SENT;
        setup.buffer_seconds = 0.05;
        Player player(setup);
        player.play(session, 0, {});
        std::vector<float> rotations(4 * server.joints().size());
        pw_pose pose{};
        while (pose.state != PW_PLAYER_ENDED && pose.state != PW_PLAYER_FAILED) {
            player.advance(0.002);
            player.sample(rotations.data(), server.joints().size(), pose);
            if (pose.has_pose) NEAR(pose.root_position[2], pose.time, 1e-4);
            if (pose.state == PW_PLAYER_STARVED) std::this_thread::yield();
        }
        EQUAL(pose.state, unsigned(PW_PLAYER_ENDED));
        NEAR(pose.time, (server.sent() - 1) / fake::kFps, 1e-9);
    });
    while (server.sent() < kFrames)
        if (server.send_allowed(3) == 0) std::this_thread::yield();
    server.end();
    game.join();
}

TEST(cancelling_while_frames_arrive) {
    for (int round = 0; round < 50; ++round) {
        fake::Server server(600);
        const auto session = server.session();
        server.begin();
        server.start_clip();
        std::thread canceller([session] { session->finish({PW_CANCELLED, "", {}, -1}); });
        std::thread player([&] {
            Player own{PlayerSetup()};
            own.play(session, 0, {});
            pw_pose pose{};
            while (pose.state != PW_PLAYER_FAILED && pose.state != PW_PLAYER_ENDED) {
                own.advance(0.01);
                own.sample(nullptr, 0, pose);
            }
        });
        for (int i = 0; i < 600; ++i) server.send(1);
        canceller.join();
        player.join();
        EQUAL(session->code(), int(PW_CANCELLED));
    }
}

MAIN
