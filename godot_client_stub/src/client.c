/* PosewireClient: a connection to one server. */
#include <stdlib.h>

#include "classes.h"

typedef struct gd_client {
    gd_instance instance;
    pw_client* handle;
    pw_reply* models; /* asked for and not fetched yet */
    pw_reply* warmed;
} gd_client;

static const gd_field client_fields[] = {
    GD_FIELD(pw_client_options, GD_FLAG, tls),
    GD_FIELD(pw_client_options, GD_TEXT, token),
    GD_FIELD(pw_client_options, GD_TEXT, ca_pem),
    GD_FIELD(pw_client_options, GD_TEXT, certificate_pem),
    GD_FIELD(pw_client_options, GD_TEXT, key_pem),
    GD_FIELD(pw_client_options, GD_TEXT, server_name),
    GD_FIELD(pw_client_options, GD_DOUBLE, backoff_min_seconds),
    GD_FIELD(pw_client_options, GD_DOUBLE, backoff_max_seconds),
    GD_FIELD(pw_client_options, GD_DOUBLE, keepalive_seconds),
    GD_FIELD(pw_client_options, GD_DOUBLE, shutdown_seconds),
};

static const gd_field generate_fields[] = {
    GD_FIELD(pw_generate_options, GD_TEXT, model),
    GD_FIELD(pw_generate_options, GD_TEXT, preset),
    GD_FIELD(pw_generate_options, GD_TEXT, solver),
    GD_FIELD(pw_generate_options, GD_TEXT, request_id),
    GD_LIST(pw_generate_options, GD_SEEDS, seeds, seed_count),
    GD_FIELD(pw_generate_options, GD_UINT, frames),
    GD_FIELD(pw_generate_options, GD_DOUBLE, seconds),
    GD_FIELD(pw_generate_options, GD_UINT, steps),
    GD_FIELD(pw_generate_options, GD_FLOAT, guidance),
    GD_FIELD(pw_generate_options, GD_UINT, packing),
    GD_FIELD(pw_generate_options, GD_DOUBLE, rate),
    GD_FIELD(pw_generate_options, GD_DOUBLE, ahead_seconds),
    GD_FIELD(pw_generate_options, GD_UINT, chunk_frames),
    GD_FIELD(pw_generate_options, GD_UINT, priority),
    GD_FIELD(pw_generate_options, GD_FLAG, ground),
    GD_FIELD(pw_generate_options, GD_FLAG, smooth),
    GD_FIELD(pw_generate_options, GD_FLAG, progress),
    GD_FIELD(pw_generate_options, GD_FLAG, special_game),
    GD_FIELD(pw_generate_options, GD_FLAG, verbatim),
    GD_FIELD(pw_generate_options, GD_FLAG, wait_for_server),
    GD_FIELD(pw_generate_options, GD_DOUBLE, timeout_seconds),
    GD_FIELD(pw_generate_options, GD_DOUBLE, resume_seconds),
};

static const gd_field live_fields[] = {
    GD_FIELD(pw_live_options, GD_TEXT, prompt),
    GD_FIELD(pw_live_options, GD_TEXT, model),
    GD_FIELD(pw_live_options, GD_TEXT, preset),
    GD_FIELD(pw_live_options, GD_TEXT, solver),
    GD_FIELD(pw_live_options, GD_TEXT, request_id),
    GD_FIELD(pw_live_options, GD_SEED, seed),
    GD_FIELD(pw_live_options, GD_UINT, steps),
    GD_FIELD(pw_live_options, GD_FLOAT, guidance),
    GD_FIELD(pw_live_options, GD_UINT, packing),
    GD_FIELD(pw_live_options, GD_UINT, chunk_frames),
    GD_FIELD(pw_live_options, GD_UINT, priority),
    GD_FIELD(pw_live_options, GD_DOUBLE, ahead_seconds),
    GD_FIELD(pw_live_options, GD_FLAG, special_game),
    GD_FIELD(pw_live_options, GD_FLAG, wait_for_server),
    GD_FIELD(pw_live_options, GD_DOUBLE, resume_seconds),
};

static const gd_field warm_fields[] = {
    GD_LIST(pw_warm_options, GD_TEXTS, models, model_count),
    GD_LIST(pw_warm_options, GD_TEXTS, prompts, prompt_count),
    GD_FIELD(pw_warm_options, GD_FLAG, wait_for_server),
    GD_FIELD(pw_warm_options, GD_DOUBLE, timeout_seconds),
};

static void close_client(gd_client* self) {
    pw_reply_destroy(self->models);
    pw_reply_destroy(self->warmed);
    pw_client_destroy(self->handle);
    self->models = self->warmed = NULL;
    self->handle = NULL;
}

static void drop_client(void* self) { close_client(self); }

static bool is_open(const gd_client* self) {
    return self->handle || gd_fail("expected an open client, found none: call open(target) first");
}

static bool open_client(gd_client* self, const char* target, const gd_value* options, gd_arena* arena) {
    pw_client_options wish;
    pw_client_options_init(&wish, sizeof wish);
    wish.target = target;
    if (!gd_read_options(options, client_fields, GD_COUNT(client_fields), &wish, arena)) return false;
    close_client(self);
    return pw_client_create(&wish, &self->handle) == PW_OK || gd_refused();
}

static void call_open(void* self, const gd_value* const* args, gd_value* out) {
    gd_arena arena = {0};
    gd_set_bool(out, open_client(self, gd_keep_text(&arena, args[0]), args[1], &arena));
    gd_free_all(&arena);
}

static void call_close(void* self, const gd_value* const* args, gd_value* out) {
    (void)args, (void)out;
    close_client(self);
}

static void call_connect(void* self, const gd_value* const* args, gd_value* out) {
    (void)args, (void)out;
    gd_client* client = self;
    if (client->handle) pw_client_connect(client->handle);
}

static void call_get_state(void* self, const gd_value* const* args, gd_value* out) {
    (void)args;
    gd_client* client = self;
    gd_set_int(out, client->handle ? pw_client_get_state(client->handle) : PW_CLIENT_IDLE);
}

static pw_stream* generate(gd_client* self, const char* prompt, const gd_value* options, gd_arena* arena) {
    pw_generate_options wish;
    pw_stream* stream = NULL;
    pw_generate_options_init(&wish, sizeof wish);
    wish.prompt = prompt;
    if (!is_open(self) || !gd_read_options(options, generate_fields, GD_COUNT(generate_fields), &wish, arena))
        return NULL;
    if (pw_generate(self->handle, &wish, &stream) != PW_OK) gd_refused();
    return stream;
}

static void call_generate(void* self, const gd_value* const* args, gd_value* out) {
    gd_arena arena = {0};
    pw_stream* stream = generate(self, gd_keep_text(&arena, args[0]), args[1], &arena);
    if (stream) ((gd_stream*)gd_new(&stream_class, out))->handle = stream;
    gd_free_all(&arena);
}

static pw_stream* open_live(gd_client* self, const gd_value* options, gd_arena* arena) {
    pw_live_options wish;
    pw_stream* stream = NULL;
    pw_live_options_init(&wish, sizeof wish);
    if (!is_open(self) || !gd_read_options(options, live_fields, GD_COUNT(live_fields), &wish, arena)) return NULL;
    if (pw_live_open(self->handle, &wish, &stream) != PW_OK) gd_refused();
    return stream;
}

static void call_live(void* self, const gd_value* const* args, gd_value* out) {
    gd_arena arena = {0};
    pw_stream* stream = open_live(self, args[0], &arena);
    if (stream) ((gd_stream*)gd_new(&stream_class, out))->handle = stream;
    gd_free_all(&arena);
}

static void call_warm(void* self, const gd_value* const* args, gd_value* out) {
    gd_client* client = self;
    gd_arena arena = {0};
    pw_warm_options wish;
    pw_warm_options_init(&wish, sizeof wish);
    bool fine = is_open(client) && gd_read_options(args[0], warm_fields, GD_COUNT(warm_fields), &wish, &arena);
    if (fine) {
        pw_reply_destroy(client->warmed);
        client->warmed = NULL;
        fine = pw_warm(client->handle, &wish, &client->warmed) == PW_OK || gd_refused();
    }
    gd_set_bool(out, fine);
    gd_free_all(&arena);
}

static void call_ask_models(void* self, const gd_value* const* args, gd_value* out) {
    gd_client* client = self;
    bool fine = is_open(client);
    if (fine) {
        pw_reply_destroy(client->models);
        client->models = NULL;
        fine = pw_models(client->handle, gd_number(args[0]), &client->models) == PW_OK || gd_refused();
    }
    gd_set_bool(out, fine);
}

static void describe_model(const pw_model* model, gd_value* out) {
    gd_set_empty(out, GDEXTENSION_VARIANT_TYPE_DICTIONARY);
    gd_put_text(out, "name", model->name);
    gd_put_text(out, "family", model->family);
    gd_put_text(out, "description", model->description);
    gd_put_text(out, "licence", model->licence);
    gd_put_text(out, "licence_notice", model->licence_notice);
    gd_put_text(out, "territory", model->territory);
    gd_put_bool(out, "is_default", model->is_default);
    gd_put_bool(out, "loaded", model->loaded);
    gd_put_bool(out, "restricts_outputs", model->restricts_outputs);
    gd_put_number(out, "fps", model->fps);
    gd_put_int(out, "min_frames", model->min_frames);
    gd_put_int(out, "max_frames", model->max_frames);
    gd_put_int(out, "joints", pw_skeleton_joint_count(model->skeleton));
}

static void list_models(const pw_reply* reply, gd_value* out) {
    gd_set_empty(out, GDEXTENSION_VARIANT_TYPE_ARRAY);
    for (uint32_t i = 0; i < pw_reply_model_count(reply); i++) {
        pw_model model = {.struct_size = sizeof model};
        gd_value entry;
        gd_nil(&entry);
        if (pw_reply_model(reply, i, &model) != PW_OK) continue;
        describe_model(&model, &entry);
        gd_append(out, &entry);
    }
}

/* An answer that has come, as a Dictionary; an empty one while there is none. */
static bool take_reply(pw_reply* reply, gd_value* out) {
    gd_set_empty(out, GDEXTENSION_VARIANT_TYPE_DICTIONARY);
    if (!reply || !pw_reply_wait(reply, 0)) return false;
    gd_put_int(out, "code", pw_reply_code(reply));
    gd_put_text(out, "message", pw_reply_message(reply));
    gd_put_number(out, "retry_after_seconds", pw_reply_retry_after(reply));
    return true;
}

static void call_take_models(void* self, const gd_value* const* args, gd_value* out) {
    (void)args;
    gd_client* client = self;
    gd_value models;
    gd_nil(&models);
    if (!take_reply(client->models, out)) return;
    list_models(client->models, &models);
    gd_put_value(out, "models", &models);
    gd_put_text(out, "server_version", pw_reply_server_version(client->models));
    pw_reply_destroy(client->models);
    client->models = NULL;
}

static void call_take_warmed(void* self, const gd_value* const* args, gd_value* out) {
    (void)args;
    gd_client* client = self;
    if (!take_reply(client->warmed, out)) return;
    gd_put_int(out, "encoded", pw_reply_encoded(client->warmed));
    pw_reply_destroy(client->warmed);
    client->warmed = NULL;
}

static void call_last_error(void* self, const gd_value* const* args, gd_value* out) {
    (void)self, (void)args;
    gd_set_text(out, gd_error());
}

static void call_version(void* self, const gd_value* const* args, gd_value* out) {
    (void)self, (void)args;
    gd_set_text(out, pw_version());
}

static void call_code_name(void* self, const gd_value* const* args, gd_value* out) {
    (void)self;
    gd_set_text(out, pw_code_name((int32_t)gd_int(args[0])));
}

static const gd_method methods[] = {
    {"open", call_open, GD_GIVES(BOOL), 2, 1, {GD_TAKES(STRING, "target"), GD_TAKES(DICTIONARY, "options")}, false},
    {"close", call_close, GD_NOTHING, 0, 0, {{0}}, false},
    {"connect_to_server", call_connect, GD_NOTHING, 0, 0, {{0}}, false},
    {"get_state", call_get_state, GD_GIVES(INT), 0, 0, {{0}}, false},
    {"generate", call_generate, GD_OBJECT("", "PosewireStream"), 2, 1,
     {GD_TAKES(STRING, "prompt"), GD_TAKES(DICTIONARY, "options")}, false},
    {"live", call_live, GD_OBJECT("", "PosewireStream"), 1, 1, {GD_TAKES(DICTIONARY, "options")}, false},
    {"warm", call_warm, GD_GIVES(BOOL), 1, 1, {GD_TAKES(DICTIONARY, "options")}, false},
    {"take_warmed", call_take_warmed, GD_GIVES(DICTIONARY), 0, 0, {{0}}, false},
    {"ask_models", call_ask_models, GD_GIVES(BOOL), 1, 0, {GD_TAKES(FLOAT, "timeout_seconds")}, false},
    {"take_models", call_take_models, GD_GIVES(DICTIONARY), 0, 0, {{0}}, false},
    {"last_error", call_last_error, GD_GIVES(STRING), 0, 0, {{0}}, true},
    {"version", call_version, GD_GIVES(STRING), 0, 0, {{0}}, true},
    {"code_name", call_code_name, GD_GIVES(STRING), 1, 0, {GD_TAKES(INT, "code")}, true},
};

static const gd_constant constants[] = {
    {"State", "IDLE", PW_CLIENT_IDLE},
    {"State", "CONNECTING", PW_CLIENT_CONNECTING},
    {"State", "READY", PW_CLIENT_READY},
    {"State", "WAITING", PW_CLIENT_WAITING},
    {"Code", "OK", PW_OK},
    {"Code", "CANCELLED", PW_CANCELLED},
    {"Code", "UNKNOWN", PW_UNKNOWN},
    {"Code", "INVALID_ARGUMENT", PW_INVALID_ARGUMENT},
    {"Code", "DEADLINE_EXCEEDED", PW_DEADLINE_EXCEEDED},
    {"Code", "NOT_FOUND", PW_NOT_FOUND},
    {"Code", "PERMISSION_DENIED", PW_PERMISSION_DENIED},
    {"Code", "RESOURCE_EXHAUSTED", PW_RESOURCE_EXHAUSTED},
    {"Code", "FAILED_PRECONDITION", PW_FAILED_PRECONDITION},
    {"Code", "INTERNAL", PW_INTERNAL},
    {"Code", "UNAVAILABLE", PW_UNAVAILABLE},
    {"Code", "UNAUTHENTICATED", PW_UNAUTHENTICATED},
};

const gd_class client_class = {
    .name = "PosewireClient",
    .size = sizeof(gd_client),
    .drop = drop_client,
    .methods = methods,
    .method_count = GD_COUNT(methods),
    .constants = constants,
    .constant_count = GD_COUNT(constants),
};
