/* PosewirePlayer: what one character plays, on its own bones. */
#include <stdlib.h>
#include <string.h>

#include "classes.h"

typedef struct gd_player {
    gd_instance instance;
    pw_joint* joints; /* added and not yet built */
    uint32_t joint_count;
    pw_player* handle;
    float* rotations; /* joint_count x 4, of the last sample */
    uint8_t* driven;
    int32_t pelvis;
    pw_pose pose;
} gd_player;

/* What `build` can be told. */
typedef struct build_options {
    pw_player_options player;
    float sole;
} build_options;

#define IN_PLAYER(kind, name) {#name, kind, offsetof(build_options, player.name), 0}

static const gd_field build_fields[] = {
    IN_PLAYER(GD_UINT, root),
    IN_PLAYER(GD_UINT, max_joints),
    {"bones", GD_PAIRS, offsetof(build_options, player.bones), offsetof(build_options, player.bone_count)},
    IN_PLAYER(GD_FLAG, match_limbs),
    IN_PLAYER(GD_FLAG, scale_travel),
    IN_PLAYER(GD_FLOAT, foot_ik),
    IN_PLAYER(GD_DOUBLE, buffer_seconds),
    {"sole", GD_FLOAT, offsetof(build_options, sole), 0},
};

static const gd_field play_fields[] = {
    GD_FIELD(pw_play_options, GD_FLAG, loop),
    GD_FIELD(pw_play_options, GD_DOUBLE, fade_seconds),
    GD_FIELD(pw_play_options, GD_DOUBLE, loop_fade_seconds),
    GD_FIELD(pw_play_options, GD_DOUBLE, start_seconds),
    GD_FIELD(pw_play_options, GD_DOUBLE, speed),
};

static void forget_joints(gd_player* self) {
    for (uint32_t i = 0; self->joints && i < self->joint_count; i++) free((char*)self->joints[i].name);
    free(self->joints);
    self->joints = NULL;
}

static void drop_player(void* given) {
    gd_player* self = given;
    pw_player_destroy(self->handle);
    forget_joints(self);
    free(self->rotations);
    free(self->driven);
}

pw_player* gd_player_handle(const gd_value* value) {
    gd_player* self = gd_self(&player_class, value);
    return self ? self->handle : NULL;
}

static void call_add_joint(void* given, const gd_value* const* args, gd_value* out) {
    gd_player* self = given;
    if (self->handle) {
        gd_set_bool(out, gd_fail("joints: expected all of them before build()"));
        return;
    }
    self->joints = realloc(self->joints, (self->joint_count + 1) * sizeof *self->joints);
    pw_joint* joint = &self->joints[self->joint_count++];
    joint->name = gd_text(args[0]);
    joint->parent = (int32_t)gd_int(args[1]);
    gd_floats(args[2], joint->position);
    gd_floats(args[3], joint->rotation);
    gd_set_bool(out, true);
}

static pw_skeleton* make_skeleton(const gd_player* self, int32_t pelvis, float sole) {
    pw_skeleton_options rest;
    pw_skeleton* out = NULL;
    pw_skeleton_options_init(&rest, sizeof rest);
    rest.frame = PW_FRAME_GODOT;
    rest.rest = PW_REST_LOCAL;
    rest.joints = self->joints;
    rest.joint_count = self->joint_count;
    rest.pelvis = pelvis;
    rest.sole = sole;
    if (pw_skeleton_create(&rest, &out) != PW_OK) gd_refused();
    return out;
}

/* The joint that plays the pelvis, by the names given or else by those of a known rig; negative: none. */
static int32_t find_pelvis(const pw_skeleton* skeleton, const pw_player_options* options) {
    pw_bone guessed[22];
    const pw_bone* bones = options->bones;
    uint32_t count = options->bone_count;
    if (!bones) {
        if (pw_skeleton_guess_bones(skeleton, guessed, (uint32_t)GD_COUNT(guessed), &count, NULL) != PW_OK) {
            gd_refused();
            return -1;
        }
        bones = guessed;
    }
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(bones[i].joint, "Pelvis") == 0) return pw_skeleton_find(skeleton, bones[i].bone);
    gd_fail("bones: expected one for Pelvis, found none");
    return -1;
}

static bool find_root(gd_player* self, const build_options* wish) {
    pw_skeleton* skeleton = make_skeleton(self, 0, wish->sole);
    if (!skeleton) return false;
    self->pelvis = find_pelvis(skeleton, &wish->player);
    pw_skeleton_destroy(skeleton);
    return self->pelvis >= 0 || (*gd_error() ? false : gd_fail("bones: the bone for Pelvis isn't there"));
}

static bool build(gd_player* self, const gd_value* options, gd_arena* arena) {
    build_options wish = {.sole = 0};
    pw_player_options_init(&wish.player, sizeof wish.player);
    wish.player.frame = PW_FRAME_GODOT;
    gd_fail("%s", "");
    if (self->handle) return gd_fail("expected one build(), found another: make a new player");
    if (!gd_read_options(options, build_fields, GD_COUNT(build_fields), &wish, arena)) return false;
    if (!find_root(self, &wish)) return false;
    pw_skeleton* target = make_skeleton(self, self->pelvis, wish.sole);
    if (!target) return false;
    wish.player.target = target;
    const bool fine = pw_player_create(&wish.player, &self->handle) == PW_OK || gd_refused();
    pw_skeleton_destroy(target);
    if (!fine) return false;
    self->rotations = calloc(self->joint_count, 4 * sizeof *self->rotations);
    self->driven = calloc(self->joint_count, sizeof *self->driven);
    forget_joints(self);
    return true;
}

static void call_build(void* self, const gd_value* const* args, gd_value* out) {
    gd_arena arena = {0};
    gd_set_bool(out, build(self, args[0], &arena));
    gd_free_all(&arena);
}

static bool is_built(const gd_player* self) {
    return self->handle || gd_fail("expected a player with bones, found none: call add_joint and build first");
}

static bool play(gd_player* self, const gd_value* const* args, gd_arena* arena) {
    pw_play_options wish;
    pw_play_options_init(&wish, sizeof wish);
    gd_stream* stream = gd_self(&stream_class, args[0]);
    if (!is_built(self)) return false;
    if (!stream || !stream->handle) return gd_fail("stream: expected one that PosewireClient gave, found none");
    if (!gd_read_options(args[2], play_fields, GD_COUNT(play_fields), &wish, arena)) return false;
    return pw_player_play(self->handle, stream->handle, (uint32_t)gd_int(args[1]), &wish) == PW_OK || gd_refused();
}

static void call_play(void* self, const gd_value* const* args, gd_value* out) {
    gd_arena arena = {0};
    gd_set_bool(out, play(self, args, &arena));
    gd_free_all(&arena);
}

static void call_clear(void* given, const gd_value* const* args, gd_value* out) {
    (void)args, (void)out;
    gd_player* self = given;
    if (self->handle) pw_player_clear(self->handle);
}

static void call_place(void* given, const gd_value* const* args, gd_value* out) {
    gd_player* self = given;
    float position[3], rotation[4];
    gd_floats(args[0], position);
    gd_floats(args[1], rotation);
    gd_set_bool(out, is_built(self) && (pw_player_place(self->handle, position, rotation) == PW_OK || gd_refused()));
}

static void call_seek(void* given, const gd_value* const* args, gd_value* out) {
    gd_player* self = given;
    gd_set_bool(out, is_built(self) && (pw_player_seek(self->handle, gd_number(args[0])) == PW_OK || gd_refused()));
}

static void call_set_speed(void* given, const gd_value* const* args, gd_value* out) {
    gd_player* self = given;
    gd_set_bool(out, is_built(self) && (pw_player_set_speed(self->handle, gd_number(args[0])) == PW_OK || gd_refused()));
}

static void call_advance(void* given, const gd_value* const* args, gd_value* out) {
    (void)out;
    gd_player* self = given;
    if (self->handle) pw_player_advance(self->handle, gd_number(args[0]));
}

/* Everything that the getters below tell, until the next sample. */
static void call_sample(void* given, const gd_value* const* args, gd_value* out) {
    (void)args;
    gd_player* self = given;
    if (!is_built(self)) return;
    self->pose.struct_size = sizeof self->pose;
    bool fine = pw_player_sample(self->handle, self->rotations, self->joint_count, &self->pose) == PW_OK || gd_refused();
    if (fine) fine = pw_player_driven(self->handle, self->driven, self->joint_count) == PW_OK || gd_refused();
    gd_set_bool(out, fine && self->pose.has_pose);
}

static bool has_joint(const gd_player* self, int64_t joint) {
    return self->rotations && joint >= 0 && joint < self->joint_count;
}

static void call_is_driven(void* given, const gd_value* const* args, gd_value* out) {
    gd_player* self = given;
    gd_set_bool(out, has_joint(self, gd_int(args[0])) && self->driven[gd_int(args[0])]);
}

static void call_rotation(void* given, const gd_value* const* args, gd_value* out) {
    static const float identity[4] = {0, 0, 0, 1};
    gd_player* self = given;
    gd_set_quaternion(out, has_joint(self, gd_int(args[0])) ? &self->rotations[4 * gd_int(args[0])] : identity);
}

#define POSE_GETTER(name, set, field)                                                 \
    static void call_##name(void* given, const gd_value* const* args, gd_value* out) { \
        (void)args;                                                                    \
        set(out, ((gd_player*)given)->field);                                          \
    }
POSE_GETTER(get_pelvis, gd_set_int, pelvis)
POSE_GETTER(get_state, gd_set_int, pose.state)
POSE_GETTER(is_waiting, gd_set_bool, pose.waiting)
POSE_GETTER(get_contacts, gd_set_int, pose.contacts)
POSE_GETTER(get_loops, gd_set_int, pose.loops)
POSE_GETTER(get_time, gd_set_number, pose.time)
POSE_GETTER(get_duration, gd_set_number, pose.duration)
POSE_GETTER(get_buffered, gd_set_number, pose.buffered)
POSE_GETTER(get_root_position, gd_set_vector, pose.root_position)
POSE_GETTER(get_pelvis_position, gd_set_vector, pose.pelvis_position)
POSE_GETTER(get_path_position, gd_set_vector, pose.position)
POSE_GETTER(get_path_rotation, gd_set_quaternion, pose.rotation)
POSE_GETTER(get_code, gd_set_int, pose.code)

static void call_get_error(void* given, const gd_value* const* args, gd_value* out) {
    (void)args;
    gd_player* self = given;
    gd_set_text(out, self->handle ? pw_player_error(self->handle) : "");
}

static void call_take_root_motion(void* given, const gd_value* const* args, gd_value* out) {
    (void)args;
    gd_player* self = given;
    pw_root_motion travel = {{0, 0, 0}, {0, 0, 0, 1}};
    gd_value position, rotation;
    gd_nil(&position);
    gd_nil(&rotation);
    if (self->handle) pw_player_take_root_motion(self->handle, &travel);
    gd_set_vector(&position, travel.translation);
    gd_set_quaternion(&rotation, travel.rotation);
    gd_set_empty(out, GDEXTENSION_VARIANT_TYPE_DICTIONARY);
    gd_put_value(out, "position", &position);
    gd_put_value(out, "rotation", &rotation);
}

static void call_next_contact(void* given, const gd_value* const* args, gd_value* out) {
    (void)args;
    gd_player* self = given;
    pw_contact contact;
    gd_set_empty(out, GDEXTENSION_VARIANT_TYPE_DICTIONARY);
    if (!self->handle || !pw_player_next_contact(self->handle, &contact)) return;
    gd_put_int(out, "bit", contact.bit);
    gd_put_bool(out, "began", contact.began);
    gd_put_number(out, "time", contact.time);
}

#define GETTER(name, type) {#name, call_##name, GD_GIVES(type), 0, 0, {{0}}, false}

static const gd_method methods[] = {
    {"add_joint", call_add_joint, GD_GIVES(BOOL), 4, 0,
     {GD_TAKES(STRING, "name"), GD_TAKES(INT, "parent"), GD_TAKES(VECTOR3, "position"),
      GD_TAKES(QUATERNION, "rotation")}, false},
    {"build", call_build, GD_GIVES(BOOL), 1, 1, {GD_TAKES(DICTIONARY, "options")}, false},
    {"play", call_play, GD_GIVES(BOOL), 3, 2,
     {GD_OBJECT("stream", "PosewireStream"), GD_TAKES(INT, "clip"), GD_TAKES(DICTIONARY, "options")}, false},
    {"clear", call_clear, GD_NOTHING, 0, 0, {{0}}, false},
    {"place", call_place, GD_GIVES(BOOL), 2, 0, {GD_TAKES(VECTOR3, "position"), GD_TAKES(QUATERNION, "rotation")}, false},
    {"seek", call_seek, GD_GIVES(BOOL), 1, 0, {GD_TAKES(FLOAT, "seconds")}, false},
    {"set_speed", call_set_speed, GD_GIVES(BOOL), 1, 0, {GD_TAKES(FLOAT, "speed")}, false},
    {"advance", call_advance, GD_NOTHING, 1, 0, {GD_TAKES(FLOAT, "seconds")}, false},
    {"sample", call_sample, GD_GIVES(BOOL), 0, 0, {{0}}, false},
    {"is_driven", call_is_driven, GD_GIVES(BOOL), 1, 0, {GD_TAKES(INT, "joint")}, false},
    {"get_rotation", call_rotation, GD_GIVES(QUATERNION), 1, 0, {GD_TAKES(INT, "joint")}, false},
    GETTER(get_pelvis, INT),
    GETTER(get_state, INT),
    GETTER(is_waiting, BOOL),
    GETTER(get_contacts, INT),
    GETTER(get_loops, INT),
    GETTER(get_time, FLOAT),
    GETTER(get_duration, FLOAT),
    GETTER(get_buffered, FLOAT),
    GETTER(get_root_position, VECTOR3),
    GETTER(get_pelvis_position, VECTOR3),
    GETTER(get_path_position, VECTOR3),
    GETTER(get_path_rotation, QUATERNION),
    GETTER(get_code, INT),
    GETTER(get_error, STRING),
    GETTER(take_root_motion, DICTIONARY),
    GETTER(next_contact, DICTIONARY),
};

static const gd_constant constants[] = {
    {"State", "IDLE", PW_PLAYER_IDLE},         {"State", "BUFFERING", PW_PLAYER_BUFFERING},
    {"State", "PLAYING", PW_PLAYER_PLAYING},   {"State", "STARVED", PW_PLAYER_STARVED},
    {"State", "ENDED", PW_PLAYER_ENDED},       {"State", "FAILED", PW_PLAYER_FAILED},
    {"Root", "ROOT_AS_SENT", PW_ROOT_AS_SENT}, {"Root", "ROOT_TRAVEL", PW_ROOT_TRAVEL},
    {"Root", "ROOT_IN_PLACE", PW_ROOT_IN_PLACE},
};

const gd_class player_class = {
    .name = "PosewirePlayer",
    .size = sizeof(gd_player),
    .drop = drop_player,
    .methods = methods,
    .method_count = GD_COUNT(methods),
    .constants = constants,
    .constant_count = GD_COUNT(constants),
};
