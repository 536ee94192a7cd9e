// One scenario against a real server; e2e.py starts the servers and says which: e2e SCENARIO TARGET [MORE...]
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

#include "posewire.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using Arguments = std::vector<std::string>;

void demand(bool fine, const std::string& what) {
    if (!fine) throw std::runtime_error("expected " + what);
}

void tell(const std::string& line) { std::cout << line << std::endl; }

pw_generate_options wish_for(const char* prompt) {
    auto out = posewire::options<pw_generate_options>();
    out.prompt = prompt;
    return out;
}

// All frames of all clips, as they came.
struct Collected {
    std::map<uint32_t, std::vector<float>> rotations, roots;
    std::map<uint32_t, std::vector<uint8_t>> contacts;
    std::map<uint32_t, uint64_t> seeds;
    uint32_t joints = 0, notices = 0, resumes = 0;
    int32_t code = -1;
    std::string message;

    void add(posewire::Stream& stream, const pw_event& event) {
        if (event.kind == PW_EVENT_HEADER) joints = pw_skeleton_joint_count(stream.header().skeleton);
        if (event.kind == PW_EVENT_CLIP_START) seeds[event.clip] = event.seed;
        if (event.kind == PW_EVENT_NOTICE) {
            ++notices;
            resumes += std::strcmp(event.name, "resuming") == 0;
        }
        if (event.kind == PW_EVENT_CHUNK) {
            const auto append = [&](auto& to, auto* from, size_t count) {
                to.insert(to.end(), from, from + count);
            };
            append(rotations[event.clip], event.rotations, size_t(event.frames) * joints * 4);
            append(roots[event.clip], event.roots, size_t(event.frames) * 3);
            append(contacts[event.clip], event.contacts, event.frames);
        }
        if (event.kind == PW_EVENT_STATUS) code = event.code, message = event.message;
    }

    // Until the status, or until `enough` frames of the first clip are there.
    void read(posewire::Stream& stream, size_t enough = size_t(-1)) {
        while (!stream.ended() && roots[0].size() / 3 < enough) {
            if (const auto event = stream.next(30))
                add(stream, *event);
            else
                demand(stream.ended(), "an event within 30 s");
        }
    }

    void demand_status(pw_code expected, const char* part) const {
        demand(code == expected && message.find(part) != std::string::npos,
               std::string(pw_code_name(expected)) + " with '" + part + "', found " + pw_code_name(code) +
                   ": " + message);
    }

    // Per clip: seed, frames, joints, then rotations, roots, contacts.
    void write(const std::string& path) const {
        std::ofstream file(path, std::ios::binary);
        const auto put = [&](const void* data, size_t size) {
            file.write(static_cast<const char*>(data), long(size));
        };
        for (const auto& [clip, seed] : seeds) {
            const uint64_t head[] = {seed, roots.at(clip).size() / 3, joints};
            put(head, sizeof head);
            put(rotations.at(clip).data(), rotations.at(clip).size() * 4);
            put(roots.at(clip).data(), roots.at(clip).size() * 4);
            put(contacts.at(clip).data(), contacts.at(clip).size());
        }
    }
};

// e2e dump TARGET PACKING SEED FILE PROMPT
void dump(const Arguments& given) {
    posewire::Client client(given[0].c_str());
    auto wish = wish_for(given[4].c_str());
    const uint64_t seeds[] = {std::strtoull(given[2].c_str(), nullptr, 10), 12345678901234567890u};
    wish.packing = uint32_t(std::stoi(given[1]));
    wish.seeds = seeds;
    wish.seed_count = 2;
    wish.seconds = 2;
    wish.progress = 1;
    wish.request_id = "native e2e";
    auto stream = client.generate(wish);
    Collected got;
    got.read(stream);
    got.demand_status(PW_OK, "");
    got.write(given[3]);
}

// e2e cancel TARGET: soon, from another thread, and the next request works.
void cancel(const Arguments& given) {
    posewire::Client client(given[0].c_str());
    auto wish = wish_for("a person walks");
    wish.seconds = 5;
    wish.rate = 1;
    auto stream = client.generate(wish);
    Collected got;
    got.read(stream, 1);
    const auto begun = Clock::now();
    std::thread([&] { stream.cancel(); }).join();
    got.read(stream);
    demand(Clock::now() - begun < std::chrono::seconds(1), "the status soon after cancelling");
    got.demand_status(PW_CANCELLED, "cancelled here");
    wish.rate = 0;
    auto next = client.generate(wish);
    Collected again;
    again.read(next);
    again.demand_status(PW_OK, "");
}

// e2e errors TARGET: what a server refuses, and deadlines.
void errors(const Arguments& given) {
    posewire::Client client(given[0].c_str());
    const auto ends = [&](pw_generate_options wish, pw_code code, const char* part) {
        auto stream = client.generate(wish);
        Collected got;
        got.read(stream);
        got.demand_status(code, part);
    };
    auto wish = wish_for("a person walks");
    wish.model = "no-such-model";
    ends(wish, PW_NOT_FOUND, "no-such-model");
    wish = wish_for("a person walks");
    wish.frames = 1000000;
    ends(wish, PW_INVALID_ARGUMENT, "1000000");
    wish = wish_for("a person walks");
    wish.seconds = 5;
    wish.rate = 1;
    wish.timeout_seconds = 0.5;
    ends(wish, PW_DEADLINE_EXCEEDED, "");
}

// e2e models TARGET: models, warming and states.
void models(const Arguments& given) {
    posewire::Client client(given[0].c_str());
    demand(client.state() == PW_CLIENT_IDLE, "an idle client before the first call");
    client.wait_ready(10);
    demand(client.state() == PW_CLIENT_READY, "a client that is ready");
    auto reply = client.models();
    demand(reply.wait(10), "a reply within 10 s");
    demand(!reply.server_version().empty(), "the server's version");
    const auto models = reply.models();
    demand(!models.empty() && models[0].is_default == 1, "a default model");
    demand(pw_skeleton_joint_count(models[0].skeleton) == 22 && models[0].fps > 0,
           "a model with 22 joints and a rate");
    demand(models[0].preset_count > 0 && *models[0].licence, "presets and a licence");
    auto warm = posewire::options<pw_warm_options>();
    const char* prompts[] = {"a person sits down", "a person jumps"};
    warm.prompts = prompts;
    warm.prompt_count = 2;
    auto warmed = client.warm(warm);
    demand(warmed.wait(60) && warmed.models().size() == 1, "one warm model");
    demand(warmed.models()[0].loaded == 1 && warmed.models()[0].is_default == 0, "that it is loaded");
    const char* none = "no-such-model";
    warm.models = &none;
    warm.model_count = 1;
    auto refused = client.warm(warm);
    try {
        refused.wait(10);
        demand(false, "a refusal");
    } catch (const posewire::Error& error) {
        demand(error.code() == PW_NOT_FOUND, std::string("NOT_FOUND, found ") + error.what());
    }
}

// Plays in real time until the state is one of the two.
pw_pose play_until(posewire::Player& player, Collected& got, posewire::Stream& stream, uint32_t state,
                   uint32_t other) {
    std::vector<float> rotations;
    const auto begun = Clock::now();
    for (;;) {
        while (const auto event = stream.poll()) got.add(stream, *event);
        player.advance(0.01);
        const pw_pose pose = player.sample(rotations);
        if (pose.state == state || pose.state == other) return pose;
        demand(Clock::now() - begun < std::chrono::seconds(60), "the state within 60 s");
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

// e2e resume TARGET FILE: the server is killed and started again while the motion plays; it goes on.
void resume(const Arguments& given) {
    posewire::Client client(given[0].c_str());
    auto wish = wish_for("a person walks in a circle");
    wish.seconds = 4;
    wish.rate = 1;
    wish.resume_seconds = 40;
    auto stream = client.generate(wish);
    Collected got;
    got.read(stream, 20);
    posewire::Player player;
    player.play(stream);
    tell("kill it");
    const pw_pose held = play_until(player, got, stream, PW_PLAYER_STARVED, PW_PLAYER_FAILED);
    demand(held.state == PW_PLAYER_STARVED && held.has_pose, "a player that holds its pose");
    tell("start it");
    const pw_pose last = play_until(player, got, stream, PW_PLAYER_ENDED, PW_PLAYER_FAILED);
    demand(last.state == PW_PLAYER_ENDED, std::string("a motion that went on, found ") + player.error());
    got.read(stream);
    got.demand_status(PW_OK, "");
    demand(got.resumes >= 1, "a notice that it resumes");
    got.write(given[1]);
}

// e2e broken TARGET: without `resume_seconds` the stream fails, and a new request waits for the server.
void broken(const Arguments& given) {
    posewire::Client client(given[0].c_str());
    auto wish = wish_for("a person walks");
    wish.seconds = 4;
    wish.rate = 1;
    auto stream = client.generate(wish);
    Collected got;
    got.read(stream, 20);
    posewire::Player player;
    player.play(stream);
    tell("kill it");
    const pw_pose held = play_until(player, got, stream, PW_PLAYER_FAILED, PW_PLAYER_ENDED);
    demand(held.state == PW_PLAYER_FAILED && held.code == PW_UNAVAILABLE && held.has_pose, "a held pose");
    got.read(stream);
    got.demand_status(PW_UNAVAILABLE, "is a server running there?");
    wish.wait_for_server = 1;
    wish.timeout_seconds = 50;
    wish.rate = 0;
    auto next = client.generate(wish);
    player.play(next);
    tell("start it");
    Collected again;
    again.read(next);
    again.demand_status(PW_OK, "");
    play_until(player, again, next, PW_PLAYER_PLAYING, PW_PLAYER_ENDED);
}

// e2e leave TARGET: clients that go away in the middle of everything.
void leave(const Arguments& given) {
    for (int round = 0; round < 10; ++round) {
        auto client = std::make_unique<posewire::Client>(given[0].c_str());
        auto wish = wish_for("a person walks");
        wish.seconds = 3;
        wish.rate = round % 2 ? 1 : 0;
        std::vector<posewire::Stream> streams;
        for (int i = 0; i < 4; ++i) streams.push_back(client->generate(wish));
        auto models = client->models();
        std::this_thread::sleep_for(std::chrono::milliseconds(20 * round));
        if (round % 3 == 0) streams.clear();
        const auto begun = Clock::now();
        client.reset();
        demand(Clock::now() - begun < std::chrono::seconds(3),
               "a client that is gone within its two seconds");
        for (auto& stream : streams) {
            Collected got;
            got.read(stream);
            demand(got.code == PW_CANCELLED || got.code == PW_OK, "streams that end, found " + got.message);
        }
    }
}

// e2e retarget TARGET: on the server and in the player the same.
void retarget(const Arguments& given) {
    posewire::Client client(given[0].c_str());
    auto reply = client.models();
    demand(reply.wait(10), "a reply within 10 s");
    const pw_skeleton* source = reply.models()[0].skeleton;
    // The model's own body, larger, arms lowered, with a ground bone and turned rests.
    std::vector<std::string> names = {"ground"};
    std::vector<pw_joint> joints = {{nullptr, -1, {0, 0, 0}, {0, 0, 0, 1}}};
    for (uint32_t j = 0; j < pw_skeleton_joint_count(source); ++j) {
        pw_joint joint;
        pw_skeleton_joint(source, j, &joint);
        names.push_back(std::string("b_") + joint.name);
        const float down =
            0.5f * (std::abs(joint.position[0]) > 0.2f ? std::abs(joint.position[0]) - 0.2f : 0);
        joints.push_back(
            {nullptr,
             joint.parent + 1,
             {joint.position[0] * 1.3f, (joint.position[1] + 1.161f) * 1.4f - down, joint.position[2] * 1.3f},
             {0.36f, -0.48f, 0, 0.8f}});
    }
    std::vector<pw_bone> bones;
    for (size_t j = 0; j < joints.size(); ++j) joints[j].name = names[j].c_str();
    for (size_t j = 1; j < joints.size(); ++j) bones.push_back({names[j].c_str() + 2, names[j].c_str()});
    auto rest = posewire::options<pw_skeleton_options>();
    rest.joints = joints.data();
    rest.joint_count = uint32_t(joints.size());
    rest.pelvis = 1;
    const posewire::Skeleton target(rest);

    const uint64_t seed = 5;
    auto wish = wish_for("a person waves");
    wish.seeds = &seed;
    wish.seed_count = 1;
    wish.seconds = 2;
    auto plain = client.generate(wish);
    wish.target = target.get();
    wish.bones = bones.data();
    wish.bone_count = uint32_t(bones.size());
    auto retargeted = client.generate(wish);
    Collected there, unused;
    there.read(retargeted);
    there.demand_status(PW_OK, "");
    unused.read(plain);

    auto how = posewire::options<pw_player_options>();
    how.root = PW_ROOT_AS_SENT;
    how.target = target.get();
    how.bones = bones.data();
    how.bone_count = uint32_t(bones.size());
    posewire::Player player(how);
    player.play(plain);
    player.advance(0);
    const double fps = plain.header().fps;
    const size_t frames = there.roots[0].size() / 3;
    demand(frames > 10, "frames");
    std::vector<float> rotations;
    float worst = 0, worst_root = 0;
    for (size_t f = 0; f < frames; ++f) {
        player.seek(double(f) / fps);
        const pw_pose pose = player.sample(rotations);
        demand(rotations.size() == 4 * joints.size(), "as many bones as the target has");
        const float* expected = &there.rotations[0][f * rotations.size()];
        for (size_t q = 0; q < rotations.size(); q += 4) {
            float dot = 0;
            for (size_t c = 0; c < 4; ++c) dot += rotations[q + c] * expected[q + c];
            for (size_t c = 0; c < 4; ++c)
                worst = std::max(worst,
                                 std::abs(rotations[q + c] - (dot < 0 ? -expected[q + c] : expected[q + c])));
        }
        for (size_t c = 0; c < 3; ++c)
            worst_root = std::max(worst_root, std::abs(pose.root_position[c] - there.roots[0][f * 3 + c]));
    }
    tell("largest difference to the server: " + std::to_string(worst) + ", root " +
         std::to_string(worst_root) + " m");
    demand(worst < 1e-5f && worst_root < 1e-5f, "the same pose as the server's");
}

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// e2e secure TARGET FOLDER: TLS, a client's certificate and a token.
void secure(const Arguments& given) {
    const std::string ca = read_file(given[1] + "/ca.pem"), certificate = read_file(given[1] + "/client.pem"),
                      key = read_file(given[1] + "/client.key");
    const std::string target = "https://" + given[0];
    auto options = posewire::options<pw_client_options>();
    options.target = target.c_str();
    options.ca_pem = ca.c_str();
    options.certificate_pem = certificate.c_str();
    options.key_pem = key.c_str();
    options.server_name = "posewire.test";
    const auto ends = [&](const pw_client_options& with, pw_code code, const char* part) {
        posewire::Client client(with);
        auto wish = wish_for("a person walks");
        auto stream = client.generate(wish);
        Collected got;
        got.read(stream);
        got.demand_status(code, part);
        return got;
    };
    options.token = "correct horse";
    demand(!ends(options, PW_OK, "").roots[0].empty(), "frames");
    options.token = "wrong";
    ends(options, PW_UNAUTHENTICATED, "token");
    options.token = nullptr;
    ends(options, PW_UNAUTHENTICATED, "token");
    options.token = "correct horse";
    options.server_name = nullptr;
    ends(options, PW_UNAVAILABLE, "no answer from");
    options.server_name = "posewire.test";
    options.ca_pem = nullptr;
    ends(options, PW_UNAVAILABLE, "no answer from");
    options.ca_pem = ca.c_str();
    options.target = given[0].c_str();  // without TLS
    ends(options, PW_UNAVAILABLE, "no answer from");
}

// e2e busy TARGET: a server that says when to come again, to a caller whose token allows one stream at once.
void busy(const Arguments& given) {
    auto options = posewire::options<pw_client_options>();
    options.target = given[0].c_str();
    options.token = "correct horse";
    posewire::Client client(options);
    auto wish = wish_for("a person walks");
    wish.seconds = 5;
    wish.rate = 1;
    auto first = client.generate(wish);
    Collected got;
    got.read(first, 1);
    auto second = client.generate(wish);
    while (const auto event = second.next(10)) {
        if (event->kind != PW_EVENT_STATUS) continue;
        demand(event->code == PW_RESOURCE_EXHAUSTED,
               std::string("RESOURCE_EXHAUSTED, found ") + event->message);
        demand(event->retry_after_seconds == 1,
               "to come again after 1 s, found " + std::to_string(event->retry_after_seconds));
        return;
    }
    demand(false, "a status");
}

// One that comes back soon.
posewire::Client eager_client(const std::string& target) {
    auto options = posewire::options<pw_client_options>();
    options.target = target.c_str();
    options.backoff_max_seconds = 0.5;
    return posewire::Client(options);
}

// Plays a session in real time and fetches its events, as a game does.
struct Game {
    posewire::Live& live;
    posewire::Player player{};
    pw_pose pose{};
    std::vector<float> rotations{}, frames{};
    std::map<uint64_t, pw_code> answers{};
    std::map<uint64_t, uint32_t> segments{};  // by command: their first frame
    std::vector<uint64_t> shown{};            // the commands of all segments, in order
    std::string prompt{}, notices{}, message{};
    int32_t code = -1;
    int started = 0;
    float fastest = 0;  // of the pelvis, metres between two looks
    std::vector<float> last_root{};

    void look() {
        while (const auto event = live.poll()) {
            if (event->kind == PW_EVENT_STARTED) ++started;
            if (event->kind == PW_EVENT_ANSWER) answers[event->command] = pw_code(event->code);
            if (event->kind == PW_EVENT_NOTICE) notices += std::string(event->name) + " ";
            if (event->kind == PW_EVENT_SEGMENT) {
                segments.emplace(event->command, event->first_frame);
                shown.push_back(event->command);
                prompt = event->message;
            }
            if (event->kind == PW_EVENT_STATUS) code = event->code, message = event->message;
        }
        player.advance(0.01);
        pose = player.sample(rotations);
        if (pose.has_pose) {
            const float* root = pose.root_position;
            for (size_t c = 0; !last_root.empty() && c < 3; ++c)
                fastest = std::max(fastest, std::abs(root[c] - last_root[c]));
            last_root.assign(root, root + 3);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }

    template <class Done>
    void until(const char* what, Done done, double seconds = 30) {
        const auto begun = Clock::now();
        while (!done()) {
            look();
            demand(Clock::now() - begun < std::chrono::duration<double>(seconds),
                   std::string(what) + " in time; found state " + std::to_string(pose.state) + ", " +
                       std::to_string(live.describe().frames) + " frames, code " + std::to_string(code) +
                       " " + message);
        }
    }
    void play_for(double seconds) {
        const double end = pose.time + seconds;
        until("more motion", [&] { return pose.time >= end || code >= 0; });
    }
};

// e2e live TARGET: prompts, a target, resting, ends.
void live(const Arguments& given) {
    posewire::Client client(given[0].c_str());
    auto wish = posewire::options<pw_live_options>();
    const uint64_t seed = 3;
    wish.prompt = "a person walks forward";
    wish.seed = &seed;
    wish.ahead_seconds = 0.5;
    auto session = client.live(wish);
    Game game{session};
    game.player.play(session);
    game.until("motion", [&] { return game.pose.state == PW_PLAYER_PLAYING; });
    game.play_for(2);
    const auto begun = session.describe();
    demand(begun.started && begun.connected && *begun.session_id && begun.played > 40, "a session that runs");
    demand(begun.frames <= begun.played + 0.5 * session.header().fps + 20, "frames no further ahead");
    std::vector<float> copied(3 * 5);
    demand(pw_live_frames(session.get(), begun.frames - 5, 5, nullptr, copied.data(), nullptr) == PW_OK,
           std::string("the newest frames, found ") + pw_last_error());
    demand(pw_live_frames(session.get(), 0, 1, nullptr, copied.data(), nullptr) == PW_FAILED_PRECONDITION,
           "that the oldest are gone");

    const uint64_t wave = session.prompt("a person waves");
    game.until("the new prompt", [&] { return game.segments.count(wave) != 0; });
    demand(game.answers[wave] == PW_OK && game.prompt == "a person waves", "an answer and a segment");
    tell("a new prompt shows " + std::to_string(game.segments[wave] / session.header().fps - game.pose.time) +
         " s after the play head");
    const float here[3] = {game.pose.position[0] + 1, 0, game.pose.position[2] + 1};
    const uint64_t go = session.target(game.player.get(), here, nullptr);
    const uint64_t wrong = session.pace(1e9);
    game.until("answers", [&] { return game.answers.count(go) && game.answers.count(wrong); });
    demand(game.answers[go] == PW_OK, "a target that is taken");
    demand(game.answers[wrong] == PW_INVALID_ARGUMENT, "a pace that is refused");
    session.clear();
    session.stop();
    game.play_for(2);
    demand(game.code == -1 && game.pose.state == PW_PLAYER_PLAYING, "a session that still runs");
    demand(game.fastest < 0.1f, "no jump, found " + std::to_string(game.fastest) + " m");
    session.close();
    game.until("the end", [&] { return game.code >= 0; });
    demand(game.code == PW_OK, "a good end, found " + game.message);
    game.until("the motion's end", [&] { return game.pose.state == PW_PLAYER_ENDED; });

    wish.model = "no-such-model";
    auto refused = client.live(wish);
    Collected got;
    got.read(refused);
    got.demand_status(PW_NOT_FOUND, "no-such-model");
}

// e2e live_breaks TARGET: through a door that somebody shuts and opens; the session goes on.
void live_breaks(const Arguments& given) {
    posewire::Client client = eager_client(given[0]);
    auto wish = posewire::options<pw_live_options>();
    wish.prompt = "a person walks forward";
    auto session = client.live(wish);
    Game game{session};
    game.player.play(session);
    game.until("motion", [&] { return game.pose.time > 1; });
    for (int round = 0; round < 3; ++round) {
        tell("shut it");
        game.until("a held pose", [&] { return game.pose.state == PW_PLAYER_STARVED; });
        demand(game.pose.has_pose && !session.describe().connected, "a pose without a connection");
        const uint64_t wave = session.prompt("a person waves");
        tell("open it");
        game.until("the prompt", [&] { return game.segments.count(wave) != 0; });
        game.play_for(1);
        demand(game.pose.state == PW_PLAYER_PLAYING, "motion again");
    }
    demand(session.describe().resumes == 3 && game.started == 4, "three times back");

    // Commands that the server has heard, but whose answers got lost, aren't done a second time.
    tell("lose answers");
    const uint64_t first = session.prompt("a person jumps", true);
    const uint64_t second = session.prompt("a person turns around", true);
    const uint64_t wrong = session.pace(1e9);
    game.until("a held pose", [&] { return game.pose.state == PW_PLAYER_STARVED; });
    demand(!game.answers.count(first), "that the answer got lost");
    tell("shut it");
    tell("open it");
    game.until("what came of them", [&] { return game.answers.count(second) && game.answers.count(wrong); });
    demand(game.answers[first] == PW_OK && game.answers[wrong] == PW_INVALID_ARGUMENT, "both answers");
    game.until("the second prompt", [&] { return game.segments.count(second) != 0; });
    const size_t so_far = game.shown.size();
    game.until("what follows it", [&] { return game.shown.size() >= so_far + 2; });
    for (size_t i = so_far; i < game.shown.size(); ++i)
        demand(game.shown[i] == second, "the second prompt on and on, found the first one again");
    demand(game.fastest < 0.1f, "no jump, found " + std::to_string(game.fastest) + " m");
}

// e2e live_lost TARGET: the server is killed and started again; a new session goes on where the old one was.
void live_lost(const Arguments& given) {
    posewire::Client client = eager_client(given[0]);
    auto wish = posewire::options<pw_live_options>();
    wish.prompt = "a person walks forward";
    auto session = client.live(wish);
    Game game{session};
    game.player.play(session);
    game.until("motion", [&] { return game.pose.time > 1; });
    tell("kill it");
    game.until("a held pose", [&] { return game.pose.state == PW_PLAYER_STARVED; });
    tell("start it");
    game.until("the end of the session", [&] { return game.code >= 0; });
    tell(std::string("the lost session ends with ") + pw_code_name(game.code) + ": " + game.message);
    demand(game.code != PW_OK, "that the session is lost");
    wish.wait_for_server = 1;
    auto next = client.live(wish);
    game.player.play(next);
    const std::vector<float> held = game.last_root;
    game.code = -1;
    game.fastest = 0;
    Game again{next, std::move(game.player)};
    again.last_root = held;
    again.until("motion again", [&] { return again.pose.state == PW_PLAYER_PLAYING; });
    again.play_for(1);
    demand(again.fastest < 0.1f, "no jump, found " + std::to_string(again.fastest) + " m");
}

// e2e live_leave TARGET: sessions that are dropped in every state, at a server that has room for three: it keeps none.
void live_leave(const Arguments& given) {
    for (int round = 0; round < 12; ++round) {
        auto client = std::make_unique<posewire::Client>(given[0].c_str());
        auto wish = posewire::options<pw_live_options>();
        wish.prompt = "a person walks";
        std::vector<posewire::Live> sessions;
        for (int i = 0; i < 3; ++i) sessions.push_back(client->live(wish));
        std::this_thread::sleep_for(std::chrono::milliseconds(20 * round));
        if (round % 3 == 0) sessions.clear();
        if (round % 3 == 1) sessions[0].close();
        const auto begun = Clock::now();
        client.reset();
        demand(Clock::now() - begun < std::chrono::seconds(3),
               "a client that is gone within its two seconds");
    }
    posewire::Client client(given[0].c_str());
    auto session = client.live();
    Game game{session};
    game.until("a session that the server has room for", [&] { return game.started > 0 || game.code >= 0; });
    demand(game.started == 1, "room for a session, found " + game.message);
}

// e2e bones - : names from the input, one a line; the rig and its map.
void bones(const Arguments&) {
    std::vector<std::string> names;
    for (std::string line; std::getline(std::cin, line);) names.push_back(line);
    std::vector<pw_joint> joints;
    for (const std::string& name : names) joints.push_back({name.c_str(), -1, {}, {}});
    auto options = posewire::options<pw_skeleton_options>();
    options.joints = joints.data();
    options.joint_count = uint32_t(joints.size());
    const posewire::Skeleton skeleton(options);
    pw_bone found[22];
    uint32_t count;
    const char* rig;
    if (pw_skeleton_guess_bones(skeleton.get(), found, 22, &count, &rig) != PW_OK) return tell("none");
    tell(rig);
    for (uint32_t i = 0; i < count; ++i) tell(std::string(found[i].joint) + "\t" + found[i].bone);
}

const std::map<std::string, void (*)(const Arguments&)> kScenarios = {
    {"dump", dump},
    {"cancel", cancel},
    {"errors", errors},
    {"models", models},
    {"resume", resume},
    {"bones", bones},
    {"broken", broken},
    {"leave", leave},
    {"retarget", retarget},
    {"secure", secure},
    {"busy", busy},
    {"live", live},
    {"live_breaks", live_breaks},
    {"live_lost", live_lost},
    {"live_leave", live_leave},
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3 || !kScenarios.count(argv[1])) return 2;
    try {
        kScenarios.at(argv[1])(Arguments(argv + 2, argv + argc));
    } catch (const std::exception& error) {
        std::cerr << argv[1] << ": " << error.what() << std::endl;
        return 1;
    }
    return 0;
}
