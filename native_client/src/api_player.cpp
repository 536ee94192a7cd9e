// The C ABI: players.
#include "api_player.hpp"

#include "api.hpp"

namespace pw {
namespace {

pw_player_options player_defaults() {
    const PlayerSetup setup;
    pw_player_options out{};
    out.struct_size = sizeof out;
    out.frame = setup.frame;
    out.root = setup.root;
    out.max_joints = setup.max_joints;
    out.match_limbs = out.scale_travel = 1;
    out.foot_ik = setup.foot_ik;
    out.buffer_seconds = setup.buffer_seconds;
    return out;
}

pw_play_options play_defaults() {
    const PlayWish wish;
    return {sizeof(pw_play_options), wish.loop,          wish.fade_seconds,
            wish.loop_fade_seconds,  wish.start_seconds, wish.speed};
}

PlayerSetup read_setup(const pw_player_options& options) {
    PlayerSetup out;
    if (options.root > PW_ROOT_IN_PLACE)
        throw invalid("root: expected a pw_root, found " + std::to_string(options.root));
    if (options.max_joints == 0 || options.max_joints > 1024)
        throw invalid("max_joints: expected 1 to 1024, found " + std::to_string(options.max_joints));
    out.frame = options.frame;
    out.root = options.root;
    out.max_joints = options.max_joints;
    out.foot_ik = float(not_negative(options.foot_ik, "foot_ik"));
    out.buffer_seconds = not_negative(options.buffer_seconds, "buffer_seconds");
    if (options.target)
        out.target = bone_target(std::make_shared<const Skeleton>(*options.target->view), options.bones,
                                 options.bone_count, options.match_limbs != 0, options.scale_travel != 0);
    return out;
}

}  // namespace
}  // namespace pw

using namespace pw;

struct pw_player {
    explicit pw_player(const PlayerSetup& setup) : player(setup) {}
    Player player;
    mutable pw_skeleton skeleton;
};

const Player& pw::player_of(const pw_player* player) { return player->player; }

void pw_player_options_init(pw_player_options* options, uint32_t size) {
    init(options, size, player_defaults());
}
void pw_play_options_init(pw_play_options* options, uint32_t size) { init(options, size, play_defaults()); }

pw_code pw_player_create(const pw_player_options* options, pw_player** out) {
    return guarded([&] {
        need(out, "out") = nullptr;
        *out = new pw_player(read_setup(read_options(options, player_defaults(), "pw_player_options_init")));
    });
}

void pw_player_destroy(pw_player* player) { delete player; }

pw_code pw_player_play(pw_player* player, pw_stream* stream, uint32_t clip, const pw_play_options* options) {
    return guarded([&] {
        const auto read = read_options(options, play_defaults(), "pw_play_options_init");
        PlayWish wish;
        wish.loop = read.loop != 0;
        wish.fade_seconds = not_negative(read.fade_seconds, "fade_seconds");
        wish.loop_fade_seconds = not_negative(read.loop_fade_seconds, "loop_fade_seconds");
        wish.start_seconds = not_negative(read.start_seconds, "start_seconds");
        wish.speed = not_negative(read.speed, "speed");
        need(player, "player").player.play(need(stream, "stream").session, clip, wish);
    });
}

void pw_player_clear(pw_player* player) {
    if (player) player->player.clear();
}

pw_code pw_player_place(pw_player* player, const float* position, const float* rotation) {
    return guarded([&] {
        need(player, "player")
            .player.stand(load3(&need(position, "position")), load4(&need(rotation, "rotation")));
    });
}

pw_code pw_player_seek(pw_player* player, double seconds) {
    return guarded([&] { need(player, "player").player.seek(seconds); });
}

pw_code pw_player_set_speed(pw_player* player, double speed) {
    return guarded([&] { need(player, "player").player.set_speed(speed); });
}

void pw_player_advance(pw_player* player, double seconds) {
    guarded([&] { need(player, "player").player.advance(seconds); });
}

pw_code pw_player_sample(pw_player* player, float* rotations, uint32_t capacity, pw_pose* pose) {
    return guarded([&] {
        pw_pose filled{};
        const pw_code code =
            guarded([&] { need(player, "player").player.sample(rotations, capacity, filled); });
        give(pose, filled);
        if (code != PW_OK) throw Error(code, pw_last_error());
    });
}

const char* pw_player_error(const pw_player* player) { return player ? player->player.error() : ""; }

const pw_skeleton* pw_player_skeleton(const pw_player* player) {
    if (!player) return nullptr;
    player->skeleton.view = player->player.skeleton();
    return player->skeleton.view ? &player->skeleton : nullptr;
}

pw_code pw_player_driven(const pw_player* player, uint8_t* driven, uint32_t capacity) {
    return guarded([&] {
        const Player& own = need(player, "player").player;
        const uint32_t joints = own.skeleton() ? own.skeleton()->size() : 0;
        if (joints > capacity)
            throw invalid("capacity: expected room for " + std::to_string(joints) + " joints, found " +
                          std::to_string(capacity));
        for (uint32_t j = 0; j < joints; ++j) (&need(driven, "driven"))[j] = own.drives(j);
    });
}

void pw_player_take_root_motion(pw_player* player, pw_root_motion* out) {
    guarded([&] { need(out, "out") = need(player, "player").player.take_root_motion(); });
}

int32_t pw_player_next_contact(pw_player* player, pw_contact* out) {
    int32_t more = 0;
    guarded([&] { more = need(player, "player").player.next_contact(need(out, "out")); });
    return more;
}
