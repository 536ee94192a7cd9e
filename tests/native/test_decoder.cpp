// Streams read in order: what may come when, what arrives, and going on after a break.
#include "error.hpp"
#include "fake_server.hpp"
#include "harness.hpp"

using namespace pw;

namespace {

// All deliveries so far.
std::vector<Delivery> drain(Session& session) {
    std::vector<Delivery> out;
    Delivery delivery;
    while (session.take(delivery, 0) == PW_POLL_EVENT) out.push_back(delivery);
    return out;
}

std::string kinds(const std::vector<Delivery>& deliveries) {
    std::string out;
    for (const Delivery& delivery : deliveries) out += " HSCEPNX"[delivery.kind];
    return out;
}

// Ends in PW_INTERNAL with such a message.
void breaks(const std::function<void(fake::Server&)>& misbehave, const char* part) {
    fake::Server server(4);
    THROWS(misbehave(server), part);
    const auto deliveries = drain(*server.session());
    CHECK(!deliveries.empty());
    EQUAL(deliveries.back().kind, PW_EVENT_STATUS);
    EQUAL(deliveries.back().status.code, int(PW_INTERNAL));
    CHECK(server.session()->finished());
}

void feed_header(fake::Server& server, const std::function<void(Header&)>& change) {
    Header header = fake::header();
    change(header);
    server.session()->feed(header);
}

}  // namespace

TEST(a_stream_is_delivered_in_order) {
    fake::Server server(5, 2);
    server.begin();
    server.start_clip(0);
    server.send(3, 0);
    server.start_clip(1);
    server.send(2, 0);
    server.end_clip(0);
    server.send(5, 1);
    server.end_clip(1);
    server.end();
    const auto deliveries = drain(*server.session());
    // The two chunks of clip 0 weren't fetched in between and came as one.
    EQUAL(kinds(deliveries), "HSCSECEX");
    EQUAL(deliveries[1].frames, 5u);
    EQUAL(deliveries[1].seed, 100u);
    EQUAL(deliveries[2].frames, 5u);
    EQUAL(deliveries.back().status.code, int(PW_OK));
    Delivery delivery;
    EQUAL(server.session()->take(delivery, 0), PW_POLL_ENDED);
    const ClipBuffer* clip = server.session()->arrived()->clips[1];
    CHECK(clip->complete());
    const auto pose = fake::pose_at(4 / fake::kFps, server.joints());
    NEAR(clip->root(4)[2], pose.root.z, 0);
    NEAR(clip->rotations(4)[5], pose.rotations[5], 0);
    EQUAL(int(*clip->contacts(4)), int(pose.contacts));
}

TEST(what_breaks_the_contract_ends_the_stream) {
    breaks([](auto& s) { s.start_clip(); }, "a header first");
    breaks([](auto& s) { s.begin(), s.begin(); }, "one header");
    breaks([](auto& s) { s.begin(), s.send(1); }, "an open clip");
    breaks([](auto& s) { s.begin(), s.start_clip(1); }, "a clip below 1");
    breaks([](auto& s) { s.begin(), s.start_clip(), s.start_clip(); }, "one start of clip 0");
    breaks([](auto& s) { s.begin(), s.start_clip(), s.send(5); }, "expected 4 frames");
    breaks([](auto& s) { s.begin(), s.start_clip(), s.send(2), s.end_clip(); }, "expected 4 frames, found 2");
    breaks([](auto& s) { s.begin(), s.start_clip(), s.send(4), s.end_clip(), s.send(1); }, "an open clip");
    breaks([](auto& s) { s.begin(), s.session()->feed(ClipStart{0, 1, 0}); }, "at least one frame");
    breaks([](auto& s) { s.session()->feed(Status{}), s.begin(); }, "nothing after the status");
    breaks(
        [](auto& s) {
            s.begin(), s.start_clip();
            const uint8_t data[10] = {};
            s.session()->feed(Chunk{0, 0, 1, data, sizeof data});
        },
        "found 10 bytes");
    breaks(
        [](auto& s) {
            s.begin(), s.start_clip();
            const std::vector<uint8_t> data(s.session()->arrived()->header.frame_bytes,
                                            0);  // zero quaternions
            s.session()->feed(Chunk{0, 0, 1, data.data(), data.size()});
        },
        "unit quaternions");
}

TEST(headers_that_cannot_be_are_refused) {
    const auto refuse = [](const char* part, const std::function<void(Header&)>& change) {
        breaks([&](auto& s) { feed_header(s, change); }, part);
    };
    refuse("a known packing", [](Header& h) { h.packing = 9; });
    refuse("frames of", [](Header& h) { h.frame_bytes += 1; });
    refuse("a rate above 0", [](Header& h) { h.fps = 0; });
    refuse("a rate above 0", [](Header& h) { h.fps = NAN; });
    refuse("clips", [](Header& h) { h.clips = 0; });
    refuse("clips", [](Header& h) { h.clips = 1u << 30; });
    refuse("contacts", [](Header& h) { h.contact_names.resize(9); });
}

TEST(a_clip_that_would_not_fit_is_refused) {
    Session session(1 << 16);
    session.feed(fake::header());
    THROWS(session.feed(ClipStart{0, 1, 0xffffffff}), "MiB in one stream");
    EQUAL(session.code(), int(PW_RESOURCE_EXHAUSTED));
}

TEST(an_end_without_an_end_is_an_error) {
    {
        fake::Server server(4);
        server.begin(), server.start_clip(), server.send(2);
        server.session()->finish({});
        EQUAL(server.session()->code(), int(PW_INTERNAL));
    }
    {
        fake::Server server(4);
        server.begin(), server.start_clip(), server.send(4), server.end_clip();
        server.session()->finish({});  // no status
        EQUAL(server.session()->code(), int(PW_INTERNAL));
    }
    fake::Server server(4);
    server.begin(), server.start_clip(), server.send(4), server.end_clip();
    server.session()->finish({PW_UNAVAILABLE, "gone", {}, 3});
    const auto deliveries = drain(*server.session());
    EQUAL(deliveries.back().status.code, int(PW_UNAVAILABLE));
    EQUAL(deliveries.back().status.message, "gone");
    EQUAL(deliveries.back().status.retry_after, 3.);
    // The first end counts, and nothing comes after it.
    server.session()->finish({});
    server.session()->feed(Notice{"late", ""});
    EQUAL(server.session()->code(), int(PW_UNAVAILABLE));
    EQUAL(drain(*server.session()).size(), 0u);
}

TEST(a_stream_goes_on_after_a_break) {
    fake::Server server(10);
    server.begin(), server.start_clip(), server.send(4);
    EQUAL(kinds(drain(*server.session())), "HSC");
    server.restart();
    server.begin(), server.start_clip();
    server.send(3);  // had them
    server.send(3);  // two are new
    auto deliveries = drain(*server.session());
    EQUAL(kinds(deliveries), "NC");
    EQUAL(deliveries[1].first_frame, 4u);
    EQUAL(deliveries[1].frames, 2u);
    server.send(4), server.end_clip(), server.end();
    EQUAL(kinds(drain(*server.session())), "CEX");
    EQUAL(server.session()->code(), int(PW_OK));
    const ClipBuffer* clip = server.session()->arrived()->clips[0];
    for (uint32_t f = 0; f < 10; ++f)
        NEAR(clip->root(f)[2], fake::pose_at(f / fake::kFps, server.joints()).root.z, 0);
    EQUAL(server.session()->seeds().size(), 1u);
    EQUAL(server.session()->seeds()[0], 100u);
}

TEST(a_stream_does_not_go_on_as_another) {
    fake::Server server(10);
    server.begin(), server.start_clip(), server.send(4);
    server.restart();
    server.begin();
    THROWS(server.session()->feed(ClipStart{0, 999, 10}), "same seed and length");
    EQUAL(server.session()->code(), int(PW_FAILED_PRECONDITION));

    fake::Server other(10);
    other.begin();
    other.restart();
    THROWS(feed_header(other, [](Header& h) { h.model = "another"; }),
           "expected the stream to go on with model");
}

TEST(waiting_events_stay_few) {
    fake::Server server(2000);
    server.begin();
    for (uint32_t i = 0; i < 1000; ++i) server.session()->feed(Progress{0, i, 1000});
    server.start_clip();
    for (int i = 0; i < 1000; ++i) server.send(2);
    for (int i = 0; i < 1000; ++i) server.session()->feed(Notice{"word", "sentence"});
    const auto deliveries = drain(*server.session());
    EQUAL(deliveries.size(), 4u + 256u);
    EQUAL(deliveries[1].step, 999u);
    EQUAL(deliveries[3].frames, 2000u);
    EQUAL(deliveries.back().notice.code, "notices_dropped");
    server.session()->feed(Notice{"again", ""});
    EQUAL(drain(*server.session()).size(), 1u);
}

TEST(waiting_ends_in_time_and_with_the_event) {
    Session session;
    Delivery delivery;
    EQUAL(session.take(delivery, 0.01), PW_POLL_EMPTY);
    EQUAL(session.take(delivery, -1), PW_POLL_EMPTY);
    session.finish({PW_CANCELLED, "", {}, -1});
    EQUAL(session.take(delivery, 1e300), PW_POLL_EVENT);
    EQUAL(session.take(delivery, 1e300), PW_POLL_ENDED);
}

MAIN
