// The player over a fake transport: clocks, states, fades, loops, contacts.
#include "error.hpp"
#include "playing.hpp"

using namespace playing;

TEST(nothing_to_play) {
    Player player(setup());
    player.advance(0.1);
    const Seen seen(player);
    EQUAL(seen.pose.state, unsigned(PW_PLAYER_IDLE));
    EQUAL(seen.pose.has_pose, 0);
    CHECK(player.skeleton() == nullptr);
    THROWS(player.seek(1), "found none");
    THROWS(player.set_speed(1), "found none");
}

TEST(any_display_rate_shows_the_motion) {
    fake::Server server(60);
    server.send_all();
    for (const double rate : {24.0, 30.0, 60.0, 144.0, 977.0}) {
        Player player(setup());
        begin(player, server);
        double time = 0;
        for (int i = 0; i < 40; ++i) {
            const Seen seen(player);
            NEAR(seen.pose.time, time, 1e-9);
            check_pose(seen, server.joints(), time);
            player.advance(1 / rate);
            time = std::min(time + 1 / rate, 59 * kFrame);
        }
    }
}

TEST(states_follow_the_frames) {
    fake::Server server(30);
    Player player(setup());
    player.play(server.session(), 0, wish());
    const auto state = [&] { return Seen(player).pose.state; };
    player.advance(0.1);
    EQUAL(state(), unsigned(PW_PLAYER_BUFFERING));
    server.begin(), server.start_clip();
    server.send(3);  // 2 frames of time, less than the 0.1 s it wants
    player.advance(0.1);
    EQUAL(state(), unsigned(PW_PLAYER_BUFFERING));
    server.send(2);
    player.advance(0.1);
    EQUAL(state(), unsigned(PW_PLAYER_PLAYING));
    NEAR(Seen(player).pose.buffered, 4 * kFrame, 1e-9);
    advance(player, 0.3);
    EQUAL(state(), unsigned(PW_PLAYER_STARVED));
    check_pose(Seen(player), server.joints(), 4 * kFrame);  // holds the last frame it has
    server.send(1);
    player.advance(0.01);
    EQUAL(state(), unsigned(PW_PLAYER_STARVED));  // goes on only with something in store
    server.send(4);
    player.advance(0.01);
    EQUAL(state(), unsigned(PW_PLAYER_PLAYING));
    NEAR(Seen(player).pose.time, 4 * kFrame + 0.01, 1e-9);
    server.send(20);
    server.end_clip(), server.end();
    advance(player, 2);
    EQUAL(state(), unsigned(PW_PLAYER_ENDED));
    NEAR(Seen(player).pose.time, 29 * kFrame, 1e-9);
    NEAR(Seen(player).pose.duration, 29 * kFrame, 1e-9);
    check_pose(Seen(player), server.joints(), 29 * kFrame);
}

TEST(a_stream_that_fails_keeps_what_arrived) {
    fake::Server server(30);
    Player player(setup());
    server.begin(), server.start_clip(), server.send(10);
    begin(player, server);
    server.session()->finish({PW_UNAVAILABLE, "gone", {}, -1});
    advance(player, 0.2);
    EQUAL(Seen(player).pose.state, unsigned(PW_PLAYER_PLAYING));
    advance(player, 0.2);
    const Seen seen(player);
    EQUAL(seen.pose.state, unsigned(PW_PLAYER_FAILED));
    EQUAL(seen.pose.code, int(PW_UNAVAILABLE));
    CHECK(*player.error());
    check_pose(seen, server.joints(), 9 * kFrame);
}

TEST(motions_that_cannot_begin_say_why) {
    const auto fails = [](Player& player, std::shared_ptr<Session> session, uint32_t clip, int code,
                          const char* part) {
        player.play(session, clip, wish());
        player.advance(0.1);
        EQUAL(Seen(player).pose.state, unsigned(PW_PLAYER_FAILED));
        EQUAL(Seen(player).pose.code, code);
        harness::says(__FILE__, __LINE__, player.error(), part);
    };
    fake::Server server(3);
    server.send_all();
    Player player(setup());
    fails(player, server.session(), 1, PW_INVALID_ARGUMENT, "expected one below 1");
    const auto dead = std::make_shared<Session>();
    dead->finish({PW_NOT_FOUND, "no such model", {}, -1});
    fails(player, dead, 0, PW_NOT_FOUND, "before this motion could begin");
    PlayerSetup small = setup();
    small.max_joints = 3;
    Player narrow(small);
    fails(narrow, server.session(), 0, PW_INVALID_ARGUMENT, "max_joints");
    // What plays goes on when the next motion fails.
    begin(player, server);
    player.play(dead, 0, wish());
    player.advance(kFrame);
    EQUAL(Seen(player).pose.state, unsigned(PW_PLAYER_PLAYING));
    EQUAL(Seen(player).pose.code, int(PW_NOT_FOUND));
}

TEST(fades_lead_from_one_motion_to_the_other) {
    fake::Server first(60), second(60, 1, -1, 2);
    first.send_all();
    second.begin();
    Player player(setup(PW_ROOT_IN_PLACE));
    begin(player, first);
    advance(player, 0.5);
    player.play(second.session(), 0, wish(false, 0.2));
    advance(player, 0.1);
    EQUAL(Seen(player).pose.waiting, 1);
    NEAR(Seen(player).pose.time, 0.6, 1e-6);  // goes on until the other one is here
    second.start_clip(), second.send(60);
    player.advance(0);
    EQUAL(Seen(player).pose.waiting, 0);
    NEAR(Seen(player).pose.time, 0, 1e-9);
    const Quatf begun = Seen(player).rotation(7);
    check_rotation(begun, load4(&fake::pose_at(0.6, first.joints()).rotations[28]), 1e-4);
    float last = 0;
    for (int i = 0; i < 40; ++i) {
        player.advance(0.2 / 40);
        const float turned = std::acos(std::min(std::abs(dot(Seen(player).rotation(7), begun)), 1.f));
        CHECK(std::abs(turned - last) < 0.02f);  // without a jump
        last = turned;
    }
    check_rotation(Seen(player).rotation(7), load4(&fake::pose_at(0.2, first.joints()).rotations[28]), 1e-4);
}

TEST(many_motions_at_once_leave_no_jump) {
    std::vector<std::unique_ptr<fake::Server>> servers;
    Player player(setup(PW_ROOT_TRAVEL));
    for (int i = 0; i < 12; ++i) {
        servers.push_back(std::make_unique<fake::Server>(90, 1, 0.2f * float(i)));
        servers.back()->send_all();
    }
    begin(player, *servers[0]);
    Seen last(player);
    for (size_t i = 1; i < servers.size(); ++i) {
        player.play(servers[i]->session(), 0, wish(false, 0.3));  // a new one before the last fade is over
        for (int step = 0; step < 10; ++step) {
            player.advance(0.01);
            const Seen seen(player);
            CHECK(length(seen.root() - last.root()) < 0.05f);
            // Four are heard: when a fifth comes, the oldest, which hardly shows, falls silent.
            CHECK(std::abs(dot(seen.rotation(8), last.rotation(8))) > 0.999f);
            last = seen;
        }
    }
}

TEST(loops_begin_again_without_a_jump) {
    fake::Server server(45);
    server.send_all();
    for (const double fade : {0.0, 0.25, 5.0}) {
        Player player(setup(PW_ROOT_IN_PLACE));
        PlayWish how = wish(true);
        how.loop_fade_seconds = fade;
        begin(player, server, how);
        Seen last(player);
        for (int i = 0; i < 700; ++i) {
            player.advance(1 / 100.0);
            const Seen seen(player);
            EQUAL(seen.pose.state, unsigned(PW_PLAYER_PLAYING));
            if (fade > 0) {
                CHECK(std::abs(dot(seen.rotation(8), last.rotation(8))) > 0.99f);
            }
            last = seen;
        }
        const double period = 44 * kFrame - std::min(fade, 22 * kFrame);
        EQUAL(last.pose.loops, unsigned(7 / period));
    }
}

TEST(loops_wait_for_a_clip_that_is_late) {
    fake::Server server(30);
    server.begin(), server.start_clip(), server.send(20);
    Player player(setup());
    begin(player, server, wish(true));
    advance(player, 1);
    EQUAL(Seen(player).pose.state, unsigned(PW_PLAYER_STARVED));
    server.send(10);
    advance(player, 0.5);
    EQUAL(Seen(player).pose.state, unsigned(PW_PLAYER_PLAYING));
    EQUAL(Seen(player).pose.loops, 1u);
}

TEST(contacts_come_once_each) {
    fake::Server server(91);
    server.send_all();
    Player player(setup());
    begin(player, server);
    std::vector<pw_contact> seen;
    pw_contact contact;
    for (int i = 0; i < 300; ++i) {
        player.advance(0.01);
        while (player.next_contact(contact)) seen.push_back(contact);
    }
    // Left heel and toe at 0 s; at 1, 2 and 3 s the feet change.
    EQUAL(seen.size(), 2u + 3 * 4u);
    for (const pw_contact& event : seen) NEAR(event.time, std::round(event.time), 1e-9);
    EQUAL(seen[0].began, 1);
    EQUAL(seen[2].bit, 0u);
    EQUAL(seen[2].began, 0);
    EQUAL(seen[4].bit, 2u);
    EQUAL(Seen(player).pose.contacts, 0b1100u);
    // Nobody fetches them: the last 64 are kept.
    PlayWish how = wish(true, 0);
    player.play(server.session(), 0, how);
    advance(player, 60);
    int kept = 0;
    while (player.next_contact(contact)) ++kept;
    EQUAL(kept, 64);
}

TEST(seeking_shows_that_moment) {
    fake::Server server(60);
    server.begin(), server.start_clip(), server.send(30);
    Player player(setup());
    begin(player, server);
    for (const double at : {0.5, 0.1234, 0.0}) {
        player.seek(at);
        check_pose(Seen(player), server.joints(), at);
    }
    player.seek(100);
    NEAR(Seen(player).pose.time, 29 * kFrame, 1e-9);
    check_vector(load3(player.take_root_motion().translation), {});
    THROWS(player.seek(-1), "not below 0");
    THROWS(player.seek(NAN), "not below 0");
    PlayWish late = wish();
    late.start_seconds = 0.7;
    begin(player, server, late);
    NEAR(Seen(player).pose.time, 0.7, 1e-9);
}

TEST(speed_changes_the_clock) {
    fake::Server server(60);
    server.send_all();
    Player player(setup());
    PlayWish how = wish();
    how.speed = 2;
    begin(player, server, how);
    player.advance(0.25);
    NEAR(Seen(player).pose.time, 0.5, 1e-9);
    player.set_speed(0);
    player.advance(10);
    NEAR(Seen(player).pose.time, 0.5, 1e-9);
    EQUAL(Seen(player).pose.state, unsigned(PW_PLAYER_PLAYING));
    player.advance(NAN);
    player.advance(-1);
    NEAR(Seen(player).pose.time, 0.5, 1e-9);
    THROWS(player.set_speed(-1), "not below 0");
}

TEST(clearing_forgets_motions_but_not_the_place) {
    fake::Server server(31, 1, 0, 1);
    server.send_all();
    Player player(setup(PW_ROOT_TRAVEL));
    begin(player, server);
    advance(player, 2);
    player.clear();
    EQUAL(Seen(player).pose.state, unsigned(PW_PLAYER_IDLE));
    EQUAL(Seen(player).pose.has_pose, 0);
    begin(player, server);
    check_vector(Seen(player).root(), {0, 0.95f, 1}, 1e-4);
}

TEST(too_little_room_is_said) {
    fake::Server server(3);
    server.send_all();
    Player player(setup());
    begin(player, server);
    float rotations[4 * 4];
    pw_pose pose{};
    THROWS(player.sample(rotations, 4, pose), "room for 10 joints");
    EQUAL(pose.joints, 10u);
    player.sample(nullptr, 0, pose);
    EQUAL(pose.has_pose, 1);
}

MAIN
