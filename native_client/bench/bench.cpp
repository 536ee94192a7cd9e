// What the client costs, each figure beside what this machine does in the same run.
//
//     bench                     sampling, a crowd, decoding
//     bench HOST:PORT           and 10,000 frames from that server
//
// `ns` are per character and frame of display. `slerps` is how many plain slerps (acos and two sines each) take
// as long: it moves far less between machines than the nanoseconds do.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "characters.hpp"
#include "counters.hpp"
#include "messages.hpp"
#include "posewire.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begun) {
    return std::chrono::duration<double>(Clock::now() - begun).count();
}

// Seconds of one call of `body`, the best of several rounds of so many calls.
template <class Body>
double best(int rounds, int calls, Body&& body) {
    double least = 1e9;
    for (int round = 0; round < rounds; ++round) {
        const auto begun = Clock::now();
        for (int i = 0; i < calls; ++i) body();
        least = std::min(least, seconds_since(begun) / calls);
    }
    return least;
}

volatile float sink;

pw::Quatf plain_slerp(pw::Quatf a, pw::Quatf b, float t) {
    const float angle = std::acos(std::min(pw::dot(a, b), 1.f));
    const float from_a = std::sin((1 - t) * angle) / std::sin(angle),
                from_b = std::sin(t * angle) / std::sin(angle);
    return {from_a * a.x + from_b * b.x, from_a * a.y + from_b * b.y, from_a * a.z + from_b * b.z,
            from_a * a.w + from_b * b.w};
}

double slerp_seconds() {
    std::vector<pw::Quatf> q(1024);
    for (size_t i = 0; i < q.size(); ++i) q[i] = pw::normalise(pw::Quatf{float(i % 7), 1, float(i % 3), 4});
    float t = 0.3f;
    return best(20, 20,
                [&] {
                    float sum = 0;
                    for (size_t i = 0; i + 1 < q.size(); ++i) sum += plain_slerp(q[i], q[i + 1], t).x;
                    sink = sum;
                }) /
           double(q.size() - 1);
}

double copy_bytes_per_second() {
    std::vector<char> from(32 << 20, 1), to(from.size());
    const double seconds = best(5, 1, [&] {
        std::memcpy(to.data(), from.data(), from.size());
        sink = to[to.size() / 2];
    });
    return double(from.size()) / seconds;
}

// ---------------------------------------------------------------------------------------------- sampling

posewire::Skeleton make(const pw::SkeletonParts& parts) {
    std::vector<pw_joint> joints;
    for (size_t j = 0; j < parts.names.size(); ++j) {
        joints.push_back({parts.names[j].c_str(), parts.parents[j], {}, {}});
        pw::store(joints.back().position, parts.positions[j]);
        pw::store(joints.back().rotation, parts.rotations[j]);
    }
    auto options = posewire::options<pw_skeleton_options>();
    options.joints = joints.data();
    options.joint_count = uint32_t(joints.size());
    options.pelvis = int32_t(parts.pelvis);
    options.sole = parts.sole;
    return posewire::Skeleton(options);
}

posewire::Stream walk(uint32_t frames) {
    posewire::Stream out;
    for (const auto& message : fake::messages(frames, 50, characters::smpl22()))
        out.feed(message.data(), message.size());
    out.finish(PW_OK);
    return out;
}

struct Way {
    const char* name;
    size_t bones;  // of the target; 0: none
    float foot_ik;
    double fade;  // of the loop, as a part of the clip
};

constexpr Way kWays[] = {
    {"22 joints as they come", 0, 0, 0},
    {"on a character of 68 bones", 68, 0, 0},
    {"the same with foot IK", 68, 1, 0},
    {"the same in a cross-fade", 68, 1, 0.5},
};

posewire::Player player_for(const Way& way) {
    auto how = posewire::options<pw_player_options>();
    how.frame = PW_FRAME_UNREAL_COMPONENT;
    how.foot_ik = way.foot_ik;
    if (way.bones == 0) return posewire::Player(how);
    const auto character = characters::character(way.bones);
    const auto skeleton = make(character.skeleton);
    std::vector<pw_bone> bones;
    for (const auto& [joint, bone] : character.bones) bones.push_back({joint.c_str(), bone.c_str()});
    how.target = skeleton.get();
    how.bones = bones.data();
    how.bone_count = uint32_t(bones.size());
    return posewire::Player(how);
}

void begin(posewire::Player& player, const posewire::Stream& stream, const Way& way, double start) {
    auto how = posewire::options<pw_play_options>();
    how.loop = 1;
    how.start_seconds = start;
    how.loop_fade_seconds = way.fade * 300 / fake::kFps;
    player.play(stream, 0, how);
    player.advance(0);
    std::vector<float> rotations;
    if (player.sample(rotations).state != PW_PLAYER_PLAYING)
        throw posewire::Error(PW_INTERNAL, player.error());
}

// One frame of the game for one character.
void frame(pw_player* player, float* rotations, double seconds) {
    pw_pose pose;
    pose.struct_size = sizeof pose;
    pw_contact contact;
    pw_root_motion motion;
    pw_player_advance(player, seconds);
    pw_player_sample(player, rotations, 128, &pose);
    pw_player_take_root_motion(player, &motion);
    while (pw_player_next_contact(player, &contact)) {
    }
    sink = rotations[0];
}

void sampling(double slerp) {
    std::printf("\nsampling, one character                    ns   slerps  allocations  locks\n");
    const auto stream = walk(300);
    std::vector<float> rotations(128 * 4);
    for (const Way& way : kWays) {
        auto player = player_for(way);
        begin(player, stream, way, 0);
        // A fade of half the clip: from its middle on two poses are mixed all the time.
        for (int i = 0; i < 800; ++i) frame(player.get(), rotations.data(), 1 / 144.0);
        const auto before = counters::now();
        const double seconds = best(20, 1000, [&] { frame(player.get(), rotations.data(), 1 / 144.0); });
        const auto after = counters::now();
        std::printf("  %-34s %8.0f %8.1f %12ld %6ld\n", way.name, seconds * 1e9, seconds / slerp,
                    after.allocations - before.allocations, after.locks - before.locks);
    }
}

void crowd(double slerp) {
    std::printf("\n100 characters at 144 Hz on one core   us a frame   of the core   slerps each\n");
    const auto stream = walk(300);
    std::vector<float> rotations(128 * 4);
    for (const Way& way : kWays) {
        std::vector<posewire::Player> players;
        for (int i = 0; i < 100; ++i) {
            players.push_back(player_for(way));
            begin(players.back(), stream, way, i * 0.07);
        }
        const double seconds = best(10, 144, [&] {
            for (auto& player : players) frame(player.get(), rotations.data(), 1 / 144.0);
        });
        std::printf("  %-36s %10.1f %11.2f %% %12.1f\n", way.name, seconds * 1e6, seconds * 144 * 100,
                    seconds / 100 / slerp);
    }
}

// ---------------------------------------------------------------------------------------------- decoding

void decoding(double copy) {
    std::printf("\ndecoding 10,000 frames of 22 joints   frames/s     MB/s   of memcpy\n");
    for (const auto packing : {fake::wire::PACKING_FLOAT32, fake::wire::PACKING_SMALLEST_THREE_48}) {
        const auto messages = fake::messages(10000, 50, characters::smpl22(), packing);
        size_t bytes = 0;
        for (const auto& message : messages) bytes += message.size();
        const double seconds = best(10, 1, [&] {
            posewire::Stream stream;
            for (const auto& message : messages) stream.feed(message.data(), message.size());
            stream.finish(PW_OK);
        });
        std::printf("  %-32s %11.0f %8.0f %9.1f %%\n",
                    packing == fake::wire::PACKING_FLOAT32 ? "float32" : "smallest three, 48 bits",
                    10000 / seconds, double(bytes) / seconds / 1e6, double(bytes) / seconds / copy * 100);
    }
}

struct Streamed {
    uint64_t frames = 0;
    double first = 0, all = 0;
};

// At least so many frames, in as few requests as the server allows.
Streamed stream_frames(posewire::Client& client, uint64_t wanted, const pw_model& model, uint32_t packing) {
    Streamed out;
    const auto begun = Clock::now();
    while (out.frames < wanted) {
        auto wish = posewire::options<pw_generate_options>();
        wish.prompt = "a person walks forward";
        wish.frames = model.max_frames;
        wish.packing = packing;
        const uint64_t clips = (wanted - out.frames + model.max_frames - 1) / model.max_frames;
        std::vector<uint64_t> seeds;
        for (uint64_t i = 0; i < std::min<uint64_t>(clips, model.max_seeds); ++i)
            seeds.push_back(out.frames + i);
        wish.seeds = seeds.data();
        wish.seed_count = uint32_t(seeds.size());
        auto stream = client.generate(wish);
        while (!stream.ended()) {
            const auto event = stream.next(60);
            if (!event && !stream.ended())
                throw posewire::Error(PW_DEADLINE_EXCEEDED, "nothing came for 60 s");
            if (!event) break;
            if (event->kind == PW_EVENT_STATUS)
                posewire::check(event->code == PW_OK ? PW_OK : pw_code(event->code));
            if (event->kind != PW_EVENT_CHUNK) continue;
            if (out.frames == 0) out.first = seconds_since(begun);
            out.frames += event->frames;
        }
    }
    out.all = seconds_since(begun);
    return out;
}

void network(const char* target) {
    posewire::Client client(target);
    auto reply = client.models();
    if (!reply.wait(10)) throw posewire::Error(PW_DEADLINE_EXCEEDED, "no list of models within 10 s");
    const pw_model model = reply.models().at(0);
    std::printf("\n10,000 frames from %s (%s, made on the way)   frames/s   first frame\n", target,
                model.name);
    for (const uint32_t packing : {PW_PACKING_FLOAT32, PW_PACKING_SMALLEST_THREE_48}) {
        const Streamed got = stream_frames(client, 10000, model, packing);
        std::printf("  %-46s %12.0f %10.1f ms\n",
                    packing == PW_PACKING_FLOAT32 ? "float32" : "smallest three, 48 bits",
                    double(got.frames) / got.all, got.first * 1e3);
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const double slerp = slerp_seconds(), copy = copy_bytes_per_second();
        std::printf("this machine: a plain slerp %.1f ns, memcpy %.1f GB/s\n", slerp * 1e9, copy / 1e9);
        sampling(slerp);
        crowd(slerp);
        decoding(copy);
        if (argc > 1) network(argv[1]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return 0;
}
