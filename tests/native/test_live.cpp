// Live sessions over a transport without a network: frames without end, breaks, and commands on their way.
#include "error.hpp"
#include "live.hpp"
#include "live_server.hpp"
#include "playing.hpp"

using namespace playing;

namespace {

// The next event of a kind; fails when there is none.
Delivery next(Session& session, pw_event_kind kind) {
    Delivery out;
    while (session.take(out, 0) == PW_POLL_EVENT)
        if (out.kind == kind) return out;
    harness::report(__FILE__, __LINE__, "expected an event of kind " + std::to_string(kind));
    return {};
}

Command prompt(const char* text) {
    Command out;
    out.kind = Command::Kind::kPrompt;
    out.prompt = text;
    return out;
}

}  // namespace

TEST(a_session_plays_on_and_on_in_a_small_buffer) {
    fake::LiveServer server(1);
    Player player(setup());
    player.play(server.session(), 0, wish(true));  // looping means nothing here
    server.begin();
    EQUAL(Seen(player).pose.state, unsigned(PW_PLAYER_BUFFERING));
    server.send_allowed();
    player.advance(0);
    // Ten minutes, in a buffer for six seconds.
    for (int i = 0; i < 600 * 60; ++i) {
        server.send_allowed();
        player.advance(1 / 60.0);
        const Seen seen(player);
        if (i % 37 == 0) check_pose(seen, server.joints(), seen.pose.time);
        EQUAL(seen.pose.state, unsigned(PW_PLAYER_PLAYING));
    }
    const Seen seen(player);
    NEAR(seen.pose.time, 600, 1e-6);
    EQUAL(seen.pose.duration, 0.);
    CHECK(seen.pose.buffered > 0.9 && seen.pose.buffered < 1.1);
    THROWS(player.seek(1), "found a live session");
}

TEST(it_waits_holds_its_pose_and_goes_on) {
    fake::LiveServer server(1);
    Player player(setup());
    player.play(server.session(), 0, wish());
    server.begin();
    server.send(20);
    player.advance(0);
    advance(player, 2);
    EQUAL(Seen(player).pose.state, unsigned(PW_PLAYER_STARVED));
    check_pose(Seen(player), server.joints(), 19 * kFrame);
    EQUAL(server.clip().played(), 20u);
    EQUAL(server.send_allowed(), 30u);
    advance(player, 0.5);
    EQUAL(Seen(player).pose.state, unsigned(PW_PLAYER_PLAYING));
    check_pose(Seen(player), server.joints(), 19 * kFrame + 0.5);
}

TEST(it_comes_back_after_a_break_with_the_frames_that_are_missing) {
    fake::LiveServer server(1);
    Player player(setup());
    player.play(server.session(), 0, wish());
    server.begin();
    server.send(20);
    player.advance(0);
    advance(player, 0.3);
    server.come_back(15);  // five of them are known already
    server.send(20);
    EQUAL(server.clip().ready(), 35u);
    next(*server.session(), PW_EVENT_STARTED);
    EQUAL(next(*server.session(), PW_EVENT_NOTICE).notice.code, std::string("resuming"));
    next(*server.session(), PW_EVENT_STARTED);
    advance(player, 0.6);
    check_pose(Seen(player), server.joints(), 0.9);
    THROWS(server.come_back(40), "expected the session to go on with frame 35, found 40");
    EQUAL(server.session()->code(), int(PW_FAILED_PRECONDITION));
}

TEST(its_end_is_the_end_of_the_motion) {
    fake::LiveServer server(1);
    Player player(setup());
    player.play(server.session(), 0, wish(true));
    server.begin();
    server.send(20);
    player.advance(0);
    server.end();
    advance(player, 2);
    EQUAL(Seen(player).pose.state, unsigned(PW_PLAYER_ENDED));
    NEAR(Seen(player).pose.duration, 19 * kFrame, 1e-9);
    check_pose(Seen(player), server.joints(), 19 * kFrame);

    fake::LiveServer lost(1);
    player.play(lost.session(), 0, wish());
    lost.begin();
    lost.send(20);
    advance(player, 0.5);
    lost.session()->finish({PW_UNAVAILABLE, "gone", {}, -1});
    advance(player, 1);
    EQUAL(Seen(player).pose.state, unsigned(PW_PLAYER_FAILED));
    EQUAL(Seen(player).pose.code, int(PW_UNAVAILABLE));
    check_pose(Seen(player), lost.joints(), 19 * kFrame);
}

TEST(one_player_at_a_time) {
    fake::LiveServer server(1), other(1);
    server.begin();
    server.send_allowed();
    Player first(setup());
    first.play(server.session(), 0, wish());
    advance(first, 0.5);
    {
        Player second(setup());
        second.play(other.session(), 0, wish());
        THROWS(second.play(server.session(), 0, wish()), "that nobody plays");
        EQUAL(Seen(second).pose.state, unsigned(PW_PLAYER_BUFFERING));  // still the other one
    }
    fake::Server clip(60);
    clip.send_all();
    first.play(clip.session(), 0, wish());
    advance(first, 0.1);  // the session fades out
    THROWS(first.play(server.session(), 0, wish()), "or fades out");
    advance(first, 0.5);
    first.play(server.session(), 0, wish(false, 0));  // and goes on where it was
    advance(first, 0.02);
    NEAR(Seen(first).pose.time, 0.5 + 0.25, 0.15);
    first.clear();
    Player third(setup());
    third.play(server.session(), 0, wish());
    third.play(server.session(), 0, wish());  // again, while it waits
    third.advance(0);
    EQUAL(Seen(third).pose.state, unsigned(PW_PLAYER_PLAYING));
}

TEST(a_place_of_the_player_is_a_place_of_the_session) {
    fake::LiveServer server(1);
    PlayerSetup how = setup(PW_ROOT_TRAVEL);
    how.frame = PW_FRAME_UNITY;
    Player player(how);
    player.stand({5, 0, 7}, {});
    player.play(server.session(), 0, wish());
    THROWS(player.in_session(*server.session(), {}, {}), "wait until it has begun");
    server.begin();
    server.send_allowed();
    player.advance(0);
    advance(player, 0.5);
    // Where the character stands in its own world is where the session says it is.
    const Seen seen(player);
    const Place here =
        player.in_session(*server.session(), load3(seen.pose.position), load4(seen.pose.rotation));
    check_vector(here.floor, {0, 0, 0.5f}, 1e-4);
    NEAR(here.heading, 0.25, 1e-4);
    // A metre to its left (-X in Unity, where it has turned to its own left by 0.25).
    Vec3f left = load3(seen.pose.position);
    left.x -= std::cos(0.25f), left.z -= std::sin(0.25f);
    const Place there = player.in_session(*server.session(), left, load4(seen.pose.rotation));
    check_vector(there.floor, {std::cos(0.25f), 0, 0.5f - std::sin(0.25f)}, 1e-4);
}

TEST(a_server_that_breaks_the_contract_is_not_followed) {
    const auto broken = [](const char* part, const std::function<void(fake::LiveServer&)>& say) {
        fake::LiveServer server(1);
        server.begin();
        THROWS(say(server), part);
        CHECK(server.session()->finished());
    };
    broken("too far ahead", [](auto& server) { server.send(6 * 30 + 1); });
    broken("one start", [](auto& server) { server.session()->feed(Started{}); });
    broken("an open clip", [](auto& server) {
        server.session()->restart("");
        server.session()->feed(fake::header(1, fake::skeleton()));
        server.send(1);
    });
    fake::LiveServer greedy(1e5);
    THROWS(greedy.begin(), "seconds ahead");
    fake::Server plain(5);
    plain.begin();
    THROWS(plain.session()->feed(Answer{1, 0, ""}), "a live session");
}

TEST(events_that_nobody_fetches_stay_few) {
    fake::LiveServer server(1);
    server.begin();
    for (uint64_t i = 0; i < 5000; ++i) {
        server.session()->feed(Segment{0, "walks", i, i});
        server.session()->feed(Answer{i, 0, ""});
    }
    server.end();
    Delivery out;
    int events = 0;
    while (server.session()->take(out, 0) == PW_POLL_EVENT) ++events;
    CHECK(events < 300);
    EQUAL(out.kind, PW_EVENT_STATUS);
}

TEST(what_a_segment_and_an_answer_say) {
    fake::LiveServer server(1);
    server.begin();
    server.session()->feed(Segment{12, "a person waves", 99, 3});
    server.session()->feed(Answer{4, PW_INVALID_ARGUMENT, "no"});
    const Delivery segment = next(*server.session(), PW_EVENT_SEGMENT);
    EQUAL(segment.first_frame, 12u);
    EQUAL(segment.notice.message, std::string("a person waves"));
    EQUAL(segment.seed, 99u);
    EQUAL(segment.command, 3u);
    const Delivery answer = next(*server.session(), PW_EVENT_ANSWER);
    EQUAL(answer.command, 4u);
    EQUAL(answer.status.code, int(PW_INVALID_ARGUMENT));
}

TEST(commands_go_out_in_order_and_again_after_a_break) {
    Outbox outbox;
    int woken = 0;
    outbox.on_put([&] { ++woken; });
    EQUAL(outbox.put(prompt("a")), 1u);
    EQUAL(outbox.put(prompt("b")), 2u);
    EQUAL(outbox.put(prompt("c")), 3u);
    EQUAL(woken, 3);
    Command out;
    outbox.take(out);
    EQUAL(out.prompt, std::string("a"));
    CHECK(outbox.answered(1));
    CHECK(!outbox.answered(1));  // again, after a break
    outbox.take(out);
    EQUAL(out.id, 2u);
    outbox.again();  // b was on its way
    outbox.put(prompt("d"));
    for (const char* expected : {"b", "c", "d"}) {
        CHECK(outbox.take(out));
        EQUAL(out.prompt, std::string(expected));
    }
    CHECK(!outbox.take(out));
    CHECK(outbox.empty());
    for (int i = 0; i < 1021; ++i) outbox.put(prompt("x"));
    THROWS(outbox.put(prompt("one too many")), "at most 1024 commands");
    // No more are on their way than a server keeps answers for: b, c, d and 253 others.
    for (int i = 0; i < 253; ++i) CHECK(outbox.take(out));
    CHECK(!outbox.take(out));
    CHECK(outbox.empty());
    outbox.answered(2);
    CHECK(!outbox.empty());
    CHECK(outbox.take(out));
}

MAIN
