// Sampling allocates nothing, frees nothing and takes no lock: counted over all that a player can be doing.
#include "counters.hpp"
#include "harness.hpp"
#include "live_server.hpp"
#include "messages.hpp"
#include "posewire.hpp"

namespace {

// One frame of a game: everything that it asks of a player.
void frame(pw_player* player, float* rotations) {
    pw_pose pose;
    pose.struct_size = sizeof pose;
    pw_root_motion motion;
    pw_contact contact;
    pw_player_advance(player, 1 / 144.0);
    pw_player_sample(player, rotations, 256, &pose);
    pw_player_take_root_motion(player, &motion);
    while (pw_player_next_contact(player, &contact)) {
    }
}

posewire::Skeleton twice_as_large() {
    static std::vector<std::string> names;
    std::vector<pw_joint> joints;
    const auto from = fake::skeleton();
    names.reserve(from->size());
    for (uint32_t j = 0; j < from->size(); ++j) {
        names.push_back("b_" + from->name(j));
        const auto p = from->position(j) * 2.f;
        joints.push_back({names.back().c_str(), from->parent(j), {p.x, p.y, p.z}, {0, 0.6f, 0, 0.8f}});
    }
    auto options = posewire::options<pw_skeleton_options>();
    options.joints = joints.data();
    options.joint_count = uint32_t(joints.size());
    return posewire::Skeleton(options);
}

}  // namespace

TEST(the_counters_count) {
    const auto before = counters::now();
    auto* block = new std::vector<int>(1000);
    CHECK(block->size() == 1000);
    delete block;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    CHECK(counters::now().allocations >= before.allocations + 2);
    CHECK(counters::now().frees >= before.frees + 2);
    EQUAL(counters::now().locks, before.locks + 1);
    // What the library does is seen too.
    const auto between = counters::now();
    posewire::Stream stream;
    stream.poll();
    CHECK(counters::now().allocations > between.allocations);
    CHECK(counters::now().locks > between.locks);
}

TEST(sampling_allocates_and_locks_nothing) {
    const auto from = fake::skeleton();
    const auto target = twice_as_large();
    std::vector<pw_bone> bones;
    for (uint32_t j = 0; j < from->size(); ++j) {
        pw_joint joint;
        pw_skeleton_joint(target.get(), j, &joint);
        bones.push_back({from->name(j).c_str(), joint.name});
    }
    auto how = posewire::options<pw_player_options>();
    how.target = target.get();
    how.bones = bones.data();
    how.bone_count = uint32_t(bones.size());
    how.foot_ik = 1;
    how.frame = PW_FRAME_UNREAL_COMPONENT;
    posewire::Player player(how);
    auto loop = posewire::options<pw_play_options>();
    loop.loop = 1;

    const auto messages = fake::messages(60);
    std::vector<float> rotations(256 * 4);
    long allocations = 0, frees = 0, locks = 0, frames = 0;
    const auto count = [&](int times) {
        const auto before = counters::now();
        for (int i = 0; i < times; ++i) frame(player.get(), rotations.data());
        const auto after = counters::now();
        allocations += after.allocations - before.allocations;
        frees += after.frees - before.frees;
        locks += after.locks - before.locks;
        frames += times;
    };

    count(10);  // idle
    std::vector<posewire::Stream> streams(3);
    for (auto& stream : streams) {
        player.play(stream, 0, loop);
        count(10);  // buffering, or still playing the last one
        for (const auto& message : messages) {
            stream.feed(message.data(), message.size());
            count(3);  // binding, starved, playing, fading
        }
        stream.finish(PW_OK);
        count(1000);  // looping
    }
    streams.clear();
    count(1000);
    std::printf("%ld frames: %ld allocations, %ld frees, %ld locks\n", frames, allocations, frees, locks);
    EQUAL(allocations, 0L);
    EQUAL(frees, 0L);
    EQUAL(locks, 0L);
}

TEST(playing_a_live_session_neither) {
    fake::LiveServer server;
    pw::PlayerSetup how;
    how.foot_ik = 1;
    pw::Player player(how);
    player.play(server.session(), 0, {});
    server.begin();
    std::vector<float> rotations(256 * 4);
    pw_pose pose{};
    long allocations = 0, locks = 0, frames = 0;
    for (int i = 0; i < 2000; ++i) {
        server.send_allowed();
        const auto before = counters::now();
        for (int j = 0; j < 3; ++j, ++frames) {
            player.advance(1 / 144.0);
            player.sample(rotations.data(), 256, pose);
        }
        const auto after = counters::now();
        allocations += after.allocations - before.allocations + after.frees - before.frees;
        locks += after.locks - before.locks;
    }
    CHECK(pose.time > 40);
    std::printf("%ld frames of a session: %ld allocations and frees, %ld locks\n", frames, allocations,
                locks);
    EQUAL(allocations, 0L);
    EQUAL(locks, 0L);
}

MAIN
