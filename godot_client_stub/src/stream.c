/* PosewireStream: the answer to one request, as events. */
#include <stdlib.h>

#include "classes.h"

static void drop_stream(void* self) { pw_stream_destroy(((gd_stream*)self)->handle); }

static void put_chunk(gd_value* out, const pw_event* event) {
    gd_put_int(out, "first_frame", event->first_frame);
    gd_put_int(out, "frames", event->frames);
    gd_put_number(out, "time", event->time);
}

static void put_clip(gd_value* out, const pw_event* event) {
    /* GDScript's numbers are signed: the same 64 bits go out and come back. */
    gd_put_int(out, "seed", (int64_t)event->seed);
    gd_put_int(out, "frames", event->frames);
}

static void put_progress(gd_value* out, const pw_event* event) {
    gd_put_int(out, "step", event->step);
    gd_put_int(out, "steps", event->steps);
}

static void put_notice(gd_value* out, const pw_event* event) {
    gd_put_text(out, "name", event->name);
    gd_put_text(out, "message", event->message);
}

static void put_segment(gd_value* out, const pw_event* event) {
    gd_put_int(out, "first_frame", event->first_frame);
    gd_put_int(out, "seed", (int64_t)event->seed);
    gd_put_int(out, "command", (int64_t)event->command);
    gd_put_text(out, "prompt", event->message);
}

static void put_answer(gd_value* out, const pw_event* event) {
    gd_put_int(out, "command", (int64_t)event->command);
    gd_put_int(out, "code", event->code);
    gd_put_text(out, "message", event->message);
}

static void put_status(gd_value* out, const pw_event* event) {
    gd_put_int(out, "code", event->code);
    gd_put_text(out, "message", event->message);
    gd_put_number(out, "retry_after_seconds", event->retry_after_seconds);
}

static void describe_event(const pw_event* event, gd_value* out) {
    gd_put_int(out, "kind", event->kind);
    gd_put_int(out, "clip", event->clip);
    switch (event->kind) {
        case PW_EVENT_CLIP_START:
        case PW_EVENT_CLIP_END: put_clip(out, event); break;
        case PW_EVENT_CHUNK: put_chunk(out, event); break;
        case PW_EVENT_PROGRESS: put_progress(out, event); break;
        case PW_EVENT_NOTICE: put_notice(out, event); break;
        case PW_EVENT_SEGMENT: put_segment(out, event); break;
        case PW_EVENT_ANSWER: put_answer(out, event); break;
        case PW_EVENT_STATUS: put_status(out, event); break;
    }
}

static void call_poll(void* self, const gd_value* const* args, gd_value* out) {
    (void)args;
    pw_stream* stream = ((gd_stream*)self)->handle;
    pw_event event = {.struct_size = sizeof event};
    gd_set_empty(out, GDEXTENSION_VARIANT_TYPE_DICTIONARY);
    if (stream && pw_stream_poll(stream, &event) == PW_POLL_EVENT) describe_event(&event, out);
}

static void describe_header(const pw_header* header, gd_value* out) {
    gd_value names, name;
    gd_nil(&names);
    gd_nil(&name);
    gd_set_empty(&names, GDEXTENSION_VARIANT_TYPE_ARRAY);
    for (uint32_t i = 0; i < header->contact_count; i++) {
        gd_set_text(&name, header->contact_names[i]);
        gd_append(&names, &name);
    }
    gd_put_value(out, "contact_names", &names);
    gd_put_text(out, "model", header->model);
    gd_put_text(out, "licence_notice", header->licence_notice);
    gd_put_text(out, "nearest_prompt", header->nearest_prompt);
    gd_put_text(out, "stream_id", header->stream_id);
    gd_put_number(out, "fps", header->fps);
    gd_put_number(out, "familiarity", header->familiarity);
    gd_put_int(out, "clips", header->clips);
    gd_put_int(out, "joints", pw_skeleton_joint_count(header->skeleton));
}

static void call_get_header(void* self, const gd_value* const* args, gd_value* out) {
    (void)args;
    pw_stream* stream = ((gd_stream*)self)->handle;
    pw_header header = {.struct_size = sizeof header};
    gd_set_empty(out, GDEXTENSION_VARIANT_TYPE_DICTIONARY);
    if (stream && pw_stream_header(stream, &header) == PW_OK) describe_header(&header, out);
}

static void call_cancel(void* self, const gd_value* const* args, gd_value* out) {
    (void)args, (void)out;
    if (((gd_stream*)self)->handle) pw_stream_cancel(((gd_stream*)self)->handle);
}

static const gd_method methods[] = {
    {"poll", call_poll, GD_GIVES(DICTIONARY), 0, 0, {{0}}, false},
    {"get_header", call_get_header, GD_GIVES(DICTIONARY), 0, 0, {{0}}, false},
    {"cancel", call_cancel, GD_NOTHING, 0, 0, {{0}}, false},
};

static const gd_constant constants[] = {
    {"Event", "HEADER", PW_EVENT_HEADER},     {"Event", "CLIP_START", PW_EVENT_CLIP_START},
    {"Event", "CHUNK", PW_EVENT_CHUNK},       {"Event", "CLIP_END", PW_EVENT_CLIP_END},
    {"Event", "PROGRESS", PW_EVENT_PROGRESS}, {"Event", "NOTICE", PW_EVENT_NOTICE},
    {"Event", "STATUS", PW_EVENT_STATUS},     {"Event", "STARTED", PW_EVENT_STARTED},
    {"Event", "SEGMENT", PW_EVENT_SEGMENT},   {"Event", "ANSWER", PW_EVENT_ANSWER},
};

const gd_class stream_class = {
    .name = "PosewireStream",
    .size = sizeof(gd_stream),
    .drop = drop_stream,
    .methods = methods,
    .method_count = GD_COUNT(methods),
    .more_methods = live_methods,
    .more_count = GD_LIVE_METHODS,
    .constants = constants,
    .constant_count = GD_COUNT(constants),
};
