/* PosewireStream's commands, for streams that PosewireClient.live gave. */
#include <math.h>

#include "classes.h"

/* A command's number; 0 where it failed at once. */
static void give_number(gd_value* out, pw_code code, uint64_t number) {
    if (code != PW_OK) gd_refused();
    gd_set_int(out, code == PW_OK ? (int64_t)number : 0);
}

static pw_stream* stream_of(void* self) { return ((gd_stream*)self)->handle; }

static bool all_finite(const float* values, int count) {
    for (int i = 0; i < count; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

static void call_live_prompt(void* self, const gd_value* const* args, gd_value* out) {
    gd_arena arena = {0};
    uint64_t number = 0;
    const pw_code code =
        pw_live_prompt(stream_of(self), gd_keep_text(&arena, args[0]), NULL, gd_bool(args[1]), &number);
    give_number(out, code, number);
    gd_free_all(&arena);
}

static void call_live_stop(void* self, const gd_value* const* args, gd_value* out) {
    (void)args;
    uint64_t number = 0;
    const pw_code code = pw_live_stop(stream_of(self), &number);
    give_number(out, code, number);
}

/* A place or a turn that isn't finite is none. */
static void call_live_target(void* self, const gd_value* const* args, gd_value* out) {
    uint64_t number = 0;
    float position[3], rotation[4];
    gd_floats(args[1], position);
    gd_floats(args[2], rotation);
    const pw_code code = pw_live_target(stream_of(self), gd_player_handle(args[0]), all_finite(position, 3) ? position : NULL,
                                        all_finite(rotation, 4) ? rotation : NULL, &number);
    give_number(out, code, number);
}

static void call_live_pace(void* self, const gd_value* const* args, gd_value* out) {
    uint64_t number = 0;
    const pw_code code = pw_live_pace(stream_of(self), gd_number(args[0]), &number);
    give_number(out, code, number);
}

static void call_live_clear(void* self, const gd_value* const* args, gd_value* out) {
    (void)args;
    uint64_t number = 0;
    const pw_code code = pw_live_clear(stream_of(self), &number);
    give_number(out, code, number);
}

static void call_live_close(void* self, const gd_value* const* args, gd_value* out) {
    (void)args;
    gd_set_bool(out, pw_live_close(stream_of(self)) == PW_OK || gd_refused());
}

static void call_live_describe(void* self, const gd_value* const* args, gd_value* out) {
    (void)args;
    pw_live_info info = {.struct_size = sizeof info};
    gd_set_empty(out, GDEXTENSION_VARIANT_TYPE_DICTIONARY);
    if (pw_live_describe(stream_of(self), &info) != PW_OK) {
        gd_refused();
        return;
    }
    gd_put_bool(out, "started", info.started);
    gd_put_bool(out, "connected", info.connected);
    gd_put_int(out, "frames", info.frames);
    gd_put_int(out, "played", info.played);
    gd_put_int(out, "resumes", info.resumes);
    gd_put_number(out, "ahead_seconds", info.ahead_seconds);
    gd_put_text(out, "session_id", info.session_id);
}

const gd_method live_methods[GD_LIVE_METHODS] = {
    {"live_prompt", call_live_prompt, GD_GIVES(INT), 2, 1, {GD_TAKES(STRING, "prompt"), GD_TAKES(BOOL, "queued")}, false},
    {"live_stop", call_live_stop, GD_GIVES(INT), 0, 0, {{0}}, false},
    {"live_target", call_live_target, GD_GIVES(INT), 3, 0,
     {GD_OBJECT("player", "PosewirePlayer"), GD_TAKES(VECTOR3, "position"), GD_TAKES(QUATERNION, "rotation")}, false},
    {"live_pace", call_live_pace, GD_GIVES(INT), 1, 0, {GD_TAKES(FLOAT, "rate")}, false},
    {"live_clear", call_live_clear, GD_GIVES(INT), 0, 0, {{0}}, false},
    {"live_close", call_live_close, GD_GIVES(BOOL), 0, 0, {{0}}, false},
    {"live_describe", call_live_describe, GD_GIVES(DICTIONARY), 0, 0, {{0}}, false},
};
