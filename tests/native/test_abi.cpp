// The C ABI as engines use it: streams over a transport of the caller's, players, clients without a server.
#include <chrono>
#include <thread>

#include "harness.hpp"
#include "messages.hpp"
#include "posewire.hpp"

namespace {

double seconds_of(const std::function<void()>& body) {
    const auto begun = std::chrono::steady_clock::now();
    body();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

// -1: there is no event.
int code(const std::optional<pw_event>& event) { return event ? event->code : -1; }

void feed_all(posewire::Stream& stream, uint32_t frames) {
    for (const auto& message : fake::messages(frames)) stream.feed(message.data(), message.size());
    stream.finish(PW_OK);
}

}  // namespace

TEST(a_stream_that_is_fed_is_like_any_other) {
    posewire::Stream stream;
    THROWS(stream.header(), "header has arrived");
    CHECK(!stream.poll());
    feed_all(stream, 12);
    auto event = stream.poll();
    EQUAL(event->kind, unsigned(PW_EVENT_HEADER));
    const pw_header header = stream.header();
    EQUAL(std::string(header.model), "walker");
    EQUAL(header.contact_count, 4u);
    EQUAL(std::string(header.contact_names[2]), "right_heel");
    EQUAL(header.familiarity, -1.f);
    EQUAL(pw_skeleton_joint_count(header.skeleton), 10u);
    EQUAL(pw_skeleton_find(header.skeleton, "L_Elbow"), 8);
    EQUAL(pw_skeleton_find(header.skeleton, "none"), -1);
    pw_joint joint;
    EQUAL(pw_skeleton_joint(header.skeleton, 8, &joint), PW_OK);
    EQUAL(std::string(joint.name), "L_Elbow");
    EQUAL(joint.parent, 7);
    EQUAL(pw_skeleton_joint(header.skeleton, 10, &joint), PW_INVALID_ARGUMENT);
    event = stream.poll();
    EQUAL(event->kind, unsigned(PW_EVENT_NOTICE));
    EQUAL(std::string(event->name), "frames_raised");
    event = stream.poll();
    EQUAL(event->kind, unsigned(PW_EVENT_CLIP_START));
    EQUAL(event->seed, 7u);
    event = stream.poll();
    EQUAL(event->kind, unsigned(PW_EVENT_CHUNK));
    EQUAL(event->frames, 12u);
    NEAR(event->roots[3 * 11 + 2], 11 / fake::kFps, 1e-6);
    EQUAL(int(event->contacts[0]), 3);
    EQUAL(stream.poll()->kind, unsigned(PW_EVENT_CLIP_END));
    event = stream.poll();
    EQUAL(event->kind, unsigned(PW_EVENT_STATUS));
    EQUAL(event->code, int(PW_OK));
    EQUAL(event->timing_count, 1u);
    EQUAL(std::string(event->timings[0].stage), "step");
    CHECK(!stream.poll());
    CHECK(stream.ended());
}

TEST(small_frames_show_the_same_motion) {
    posewire::Stream stream;
    for (const auto& message : fake::messages(20, 7, fake::skeleton(), fake::wire::PACKING_SMALLEST_THREE_48))
        stream.feed(message.data(), message.size());
    while (const auto event = stream.poll()) {
        if (event->kind != PW_EVENT_CHUNK) continue;
        for (uint32_t f = 0; f < event->frames; ++f) {
            const auto pose = fake::pose_at(f / fake::kFps, *fake::skeleton());
            for (size_t i = 0; i < pose.rotations.size(); ++i)
                NEAR(std::abs(event->rotations[f * pose.rotations.size() + i]), std::abs(pose.rotations[i]),
                     1e-4);
        }
    }
}

TEST(bytes_that_are_no_message_end_the_stream) {
    posewire::Stream stream;
    const uint8_t bytes[] = {0xff, 0xff, 0xff};
    THROWS(stream.feed(bytes, sizeof bytes), "3 bytes that are none");
    const auto event = stream.poll();
    EQUAL(event->kind, unsigned(PW_EVENT_STATUS));
    EQUAL(event->code, int(PW_INTERNAL));
}

TEST(a_player_outlives_its_stream) {
    posewire::Player player;
    {
        posewire::Stream stream;
        player.play(stream);
        feed_all(stream, 30);
    }
    std::vector<float> rotations;
    player.advance(0);
    player.advance(0.5);
    pw_pose pose = player.sample(rotations);
    EQUAL(pose.state, unsigned(PW_PLAYER_PLAYING));
    EQUAL(rotations.size(), 40u);
    NEAR(pose.root_position[2], 0.5, 1e-4);
    std::vector<uint8_t> driven(10);
    EQUAL(pw_player_driven(player.get(), driven.data(), 10), PW_OK);
    EQUAL(int(driven[9]), 1);
    EQUAL(pw_player_driven(player.get(), driven.data(), 9), PW_INVALID_ARGUMENT);
    EQUAL(pw_skeleton_joint_count(player.skeleton()), 10u);
    player.clear();
    CHECK(player.skeleton() == nullptr);
    EQUAL(player.sample(rotations).state, unsigned(PW_PLAYER_IDLE));
}

TEST(a_stream_that_is_dropped_does_not_starve_its_player) {
    posewire::Player player;
    const auto messages = fake::messages(30);
    {
        posewire::Stream stream;
        for (size_t i = 0; i < 4; ++i) stream.feed(messages[i].data(), messages[i].size());
        player.play(stream);
    }
    player.advance(0);
    for (int i = 0; i < 100; ++i) player.advance(0.01);
    std::vector<float> rotations;
    EQUAL(player.sample(rotations).state, unsigned(PW_PLAYER_FAILED));
    EQUAL(player.sample(rotations).code, int(PW_CANCELLED));
}

TEST(skeletons_are_the_same_however_an_engine_says_it) {
    // An arm of three bones with turned rests, in Unreal's space: model space, local, and as on the wire.
    const pw::Quatf turns[3] = {{0, 0, 0.6f, 0.8f}, {0.36f, 0.48f, 0, 0.8f}, {0, -0.8f, 0, 0.6f}};
    const pw::Vec3f offsets[3] = {{0, 0, 90}, {20, 5, 3}, {30, 0, -4}};
    pw_joint local[3], model[3], wire[3];
    pw::Quatf whole;
    pw::Vec3f at;
    for (int j = 0; j < 3; ++j) {
        at = at + pw::rotate(whole, offsets[j]);
        whole = whole * turns[j];
        for (pw_joint* joint : {&local[j], &model[j], &wire[j]})
            *joint = {"a\0b\0c\0" + 2 * j, j - 1, {}, {}};
        pw::store(local[j].position, offsets[j]), pw::store(local[j].rotation, turns[j]);
        pw::store(model[j].position, at), pw::store(model[j].rotation, whole);
        pw::store(wire[j].position, at), pw::store(wire[j].rotation, turns[j]);
    }
    const auto make = [](pw_joint* joints, pw_rest rest) {
        auto options = posewire::options<pw_skeleton_options>();
        options.frame = PW_FRAME_UNREAL_COMPONENT;
        options.rest = rest;
        options.joints = joints;
        options.joint_count = 3;
        options.sole = 50;
        return posewire::Skeleton(options);
    };
    const auto a = make(local, PW_REST_LOCAL), b = make(model, PW_REST_MODEL), c = make(wire, PW_REST_WIRE);
    for (const auto* skeleton : {&a, &b, &c}) {
        NEAR(pw_skeleton_sole(skeleton->get()), 0.5, 1e-6);
        for (uint32_t j = 0; j < 3; ++j) {
            pw_joint found, expected;
            pw_skeleton_joint(skeleton->get(), j, &found);
            pw_skeleton_joint(c.get(), j, &expected);
            for (int i = 0; i < 3; ++i) NEAR(found.position[i], expected.position[i], 1e-6);
            for (int i = 0; i < 4; ++i) NEAR(found.rotation[i], expected.rotation[i], 1e-6);
        }
    }
    pw_joint hip;
    pw_skeleton_joint(c.get(), 0, &hip);
    NEAR(hip.position[1], 0.9, 1e-6);  // Unreal's up is our up, and metres
    THROWS(make(local, pw_rest(9)), "expected a pw_rest");
}

TEST(structs_of_older_and_newer_headers_work) {
    // A caller whose header knew less of the options: the rest are defaults.
    alignas(8) unsigned char small[offsetof(pw_play_options, loop_fade_seconds)];
    auto* older = reinterpret_cast<pw_play_options*>(small);
    pw_play_options_init(older, sizeof small);
    older->loop = 1;
    posewire::Stream stream;
    feed_all(stream, 10);
    posewire::Player player;
    EQUAL(pw_player_play(player.get(), stream.get(), 0, older), PW_OK);
    // And one whose header knows more than this library.
    struct Newer {
        pw_play_options known;
        double later;
    } newer;
    pw_play_options_init(&newer.known, sizeof newer);
    EQUAL(newer.known.struct_size, uint32_t(sizeof newer));
    EQUAL(newer.later, 0.);
    EQUAL(pw_player_play(player.get(), stream.get(), 0, &newer.known), PW_OK);
    // Results never write beyond the size that they are told.
    unsigned char guarded[64];
    std::memset(guarded, 0xab, sizeof guarded);
    auto* pose = reinterpret_cast<pw_pose*>(guarded);
    pose->struct_size = 12;
    EQUAL(pw_player_sample(player.get(), nullptr, 0, pose), PW_OK);
    EQUAL(int(guarded[12]), 0xab);
    pose->struct_size = 0;
    EQUAL(pw_player_sample(player.get(), nullptr, 0, pose), PW_INVALID_ARGUMENT);
    pw_play_options none{};
    EQUAL(pw_player_play(player.get(), stream.get(), 0, &none), PW_INVALID_ARGUMENT);
    CHECK(std::strstr(pw_last_error(), "pw_play_options_init"));
}

TEST(no_server_is_said_soon_and_clearly) {
    posewire::Client client("http://127.0.0.1:1/");
    auto wish = posewire::options<pw_generate_options>();
    wish.prompt = "a person walks";
    auto stream = client.generate(wish);
    const auto event = stream.next(20);
    CHECK(event.has_value());
    EQUAL(event->kind, unsigned(PW_EVENT_STATUS));
    EQUAL(event->code, int(PW_UNAVAILABLE));
    CHECK(std::strstr(event->message, "no answer from 127.0.0.1:1"));
    CHECK(event->retry_after_seconds > 0);
    THROWS(stream.feed("", 0), "expected a stream of pw_stream_create");
    auto models = client.models();
    THROWS(models.wait(20), "no answer from 127.0.0.1:1");
    EQUAL(pw_reply_code(models.get()), PW_UNAVAILABLE);
    THROWS(client.wait_ready(0.05), "expected a server at 127.0.0.1:1");
    CHECK(client.state() != PW_CLIENT_READY);
}

TEST(waiting_for_a_server_ends_at_the_deadline_or_with_cancel) {
    posewire::Client client("127.0.0.1:1");
    auto wish = posewire::options<pw_generate_options>();
    wish.prompt = "a person walks";
    wish.wait_for_server = 1;
    wish.timeout_seconds = 0.3;
    auto late = client.generate(wish);
    EQUAL(code(late.next(20)), int(PW_DEADLINE_EXCEEDED));
    wish.timeout_seconds = 0;
    auto cancelled = client.generate(wish);
    CHECK(!cancelled.next(0.05));
    cancelled.cancel();
    const auto event = cancelled.poll();  // told at once
    EQUAL(code(event), int(PW_CANCELLED));
}

TEST(destroying_never_hangs_and_ends_what_runs) {
    for (int round = 0; round < 20; ++round) {
        auto client = std::make_unique<posewire::Client>("127.0.0.1:1");
        auto wish = posewire::options<pw_generate_options>();
        wish.prompt = "a person walks";
        wish.wait_for_server = 1;
        std::vector<posewire::Stream> streams;
        for (int i = 0; i < 5; ++i) streams.push_back(client->generate(wish));
        auto warm = posewire::options<pw_warm_options>();
        warm.wait_for_server = 1;
        auto reply = client->warm(warm);
        if (round % 2) std::this_thread::sleep_for(std::chrono::milliseconds(round));
        CHECK(seconds_of([&] { client.reset(); }) < 3);
        for (auto& stream : streams) EQUAL(code(stream.poll()), int(PW_CANCELLED));
        THROWS(reply.wait(1), "cancelled");
    }
}

TEST(a_live_session_without_a_server_ends_clearly) {
    posewire::Client client("127.0.0.1:1");
    auto live = client.live();
    posewire::Player player;
    player.play(live);
    uint64_t command = 0;
    EQUAL(pw_live_prompt(live.get(), "a person waves", nullptr, 0, &command), PW_OK);
    EQUAL(command, 1u);
    EQUAL(pw_live_played(live.get(), 0), PW_FAILED_PRECONDITION);
    EQUAL(pw_live_frames(live.get(), 0, 0, nullptr, nullptr, nullptr), PW_FAILED_PRECONDITION);
    const auto info = live.describe();
    EQUAL(info.started, 0);
    EQUAL(info.connected, 0);
    EQUAL(std::string(info.session_id), "");
    const auto event = live.next(20);
    EQUAL(code(event), int(PW_UNAVAILABLE));
    CHECK(std::strstr(event->message, "no answer from 127.0.0.1:1"));
    THROWS(live.stop(), "found one that has ended");
    player.advance(0.1);
    std::vector<float> rotations;
    EQUAL(player.sample(rotations).state, unsigned(PW_PLAYER_FAILED));
    EQUAL(player.sample(rotations).code, int(PW_UNAVAILABLE));
    // Waiting for one ends with cancel, and with the client.
    auto patient = posewire::options<pw_live_options>();
    patient.wait_for_server = 1;
    auto cancelled = client.live(patient);
    cancelled.cancel();
    EQUAL(code(cancelled.poll()), int(PW_CANCELLED));
    auto left = client.live(patient);
    CHECK(seconds_of([&] { posewire::Client gone(std::move(client)); }) < 3);
    EQUAL(code(left.poll()), int(PW_CANCELLED));
}

TEST(live_commands_that_cannot_be_are_refused_at_once) {
    posewire::Client client("127.0.0.1:1");
    auto patient = posewire::options<pw_live_options>();
    patient.wait_for_server = 1;
    auto live = client.live(patient);
    THROWS(live.prompt(" "), "prompt: expected a text");
    THROWS(live.prompt("\xff"), "prompt: expected UTF-8");
    THROWS(live.pace(-1), "rate: expected a number");
    EQUAL(pw_live_target(live.get(), nullptr, nullptr, nullptr, nullptr), PW_INVALID_ARGUMENT);
    const float nowhere[3] = {NAN, 0, 0};
    EQUAL(pw_live_target(live.get(), nullptr, nowhere, nullptr, nullptr), PW_INVALID_ARGUMENT);
    posewire::Player other;
    const float there[3] = {1, 0, 2};
    EQUAL(pw_live_target(live.get(), other.get(), there, nullptr, nullptr), PW_FAILED_PRECONDITION);
    EQUAL(pw_live_target(live.get(), nullptr, there, nullptr, nullptr), PW_OK);
    posewire::Stream fed;
    EQUAL(pw_live_stop(fed.get(), nullptr), PW_INVALID_ARGUMENT);
    CHECK(std::strstr(pw_last_error(), "pw_live_open"));
    patient.ahead_seconds = -1;
    THROWS(client.live(patient), "ahead_seconds");
    patient.ahead_seconds = 1;
    patient.heading = NAN;
    THROWS(client.live(patient), "position, heading");
}

TEST(requests_that_cannot_be_are_refused_at_once) {
    posewire::Client client("127.0.0.1:1");
    const auto refuse = [&](const char* part, const std::function<void(pw_generate_options&)>& change) {
        auto wish = posewire::options<pw_generate_options>();
        wish.prompt = "a person walks";
        change(wish);
        THROWS(client.generate(wish), part);
    };
    refuse("prompt: expected a text", [](auto& w) { w.prompt = nullptr; });
    refuse("prompt: expected a text", [](auto& w) { w.prompt = " \n"; });
    refuse("prompt: expected UTF-8", [](auto& w) { w.prompt = "\xff"; });
    refuse("either `frames` or `seconds`", [](auto& w) { w.frames = 3, w.seconds = 1; });
    refuse("seconds: expected a number", [](auto& w) { w.seconds = -1; });
    refuse("timeout_seconds: expected a number", [](auto& w) { w.timeout_seconds = NAN; });
    refuse("packing: expected a pw_packing", [](auto& w) { w.packing = 5; });
    refuse("priority: expected a pw_priority", [](auto& w) { w.priority = 0; });
    auto server = posewire::options<pw_client_options>();
    server.target = "";
    THROWS(posewire::Client{server}, "host:port");
    server.target = "x:1";
    server.token = "line\nbreak";
    THROWS(posewire::Client{server}, "printable ASCII");
    server.token = nullptr;
    server.certificate_pem = "x";
    THROWS(posewire::Client{server}, "one without the other");
}

TEST(null_is_refused_everywhere) {
    EQUAL(pw_client_create(nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_generate(nullptr, nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_stream_poll(nullptr, nullptr), PW_POLL_ENDED);
    EQUAL(pw_stream_header(nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_stream_feed(nullptr, nullptr, 0), PW_INVALID_ARGUMENT);
    EQUAL(pw_stream_finish(nullptr, 0, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_warm(nullptr, nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_models(nullptr, 0, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_reply_wait(nullptr, 0), 0);
    EQUAL(pw_reply_code(nullptr), PW_FAILED_PRECONDITION);
    EQUAL(pw_reply_model(nullptr, 0, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_skeleton_create(nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_skeleton_joint(nullptr, 0, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_skeleton_forward(nullptr, nullptr, nullptr, nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_skeleton_guess_bones(nullptr, nullptr, 0, nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_retargeter_create(nullptr, nullptr, nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_retarget(nullptr, nullptr, nullptr, nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_unpack(PW_PACKING_FLOAT32, 1, 0, nullptr, 0, nullptr, nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_positions_to(0, nullptr, nullptr, 0), PW_INVALID_ARGUMENT);
    EQUAL(pw_live_open(nullptr, nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_live_prompt(nullptr, nullptr, nullptr, 0, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_live_stop(nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_live_target(nullptr, nullptr, nullptr, nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_live_pace(nullptr, 1, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_live_clear(nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_live_close(nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_live_played(nullptr, 0), PW_INVALID_ARGUMENT);
    EQUAL(pw_live_frames(nullptr, 0, 0, nullptr, nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_live_describe(nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_player_create(nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_player_play(nullptr, nullptr, 0, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_player_sample(nullptr, nullptr, 0, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_player_place(nullptr, nullptr, nullptr), PW_INVALID_ARGUMENT);
    EQUAL(pw_player_driven(nullptr, nullptr, 0), PW_INVALID_ARGUMENT);
    EQUAL(pw_player_next_contact(nullptr, nullptr), 0);
    CHECK(pw_player_skeleton(nullptr) == nullptr);
    CHECK(*pw_last_error());
    pw_client_connect(nullptr);
    pw_player_advance(nullptr, 1);
    pw_player_clear(nullptr);
    pw_player_take_root_motion(nullptr, nullptr);
    pw_stream_cancel(nullptr);
    pw_client_destroy(nullptr);
    pw_stream_destroy(nullptr);
    pw_reply_destroy(nullptr);
    pw_skeleton_destroy(nullptr);
    pw_retargeter_destroy(nullptr);
    pw_player_destroy(nullptr);
    pw_client_options_init(nullptr, 8);
}

TEST(codes_have_names) {
    EQUAL(std::string(pw_code_name(PW_UNAVAILABLE)), "UNAVAILABLE");
    EQUAL(std::string(pw_code_name(77)), "UNKNOWN");
    EQUAL(pw_abi_version(), unsigned(PW_ABI_VERSION));
}

MAIN
