/* The three classes that GDScript sees, each over one handle of the C interface. */
#ifndef POSEWIRE_GODOT_CLASSES_H
#define POSEWIRE_GODOT_CLASSES_H

#include <posewire.h>

#include "options.h"

extern const gd_class client_class, stream_class, player_class;

typedef struct gd_stream {
    gd_instance instance;
    pw_stream* handle;
} gd_stream;

enum { GD_LIVE_METHODS = 7 };
extern const gd_method live_methods[GD_LIVE_METHODS]; /* more of PosewireStream's */

/* Of a PosewirePlayer; NULL: it is none, or has no bones yet. */
pw_player* gd_player_handle(const gd_value* value);

/* After a function of the C interface that failed: its error, and false. */
static inline bool gd_refused(void) { return gd_fail("%s", pw_last_error()); }

#define GD_FIELD(type, kind, name) {#name, kind, offsetof(type, name), 0}
#define GD_LIST(type, kind, name, count) {#name, kind, offsetof(type, name), offsetof(type, count)}

#define GD_NOTHING {GDEXTENSION_VARIANT_TYPE_NIL, "", NULL}
#define GD_GIVES(type) {GDEXTENSION_VARIANT_TYPE_##type, "", NULL}
#define GD_TAKES(type, name) {GDEXTENSION_VARIANT_TYPE_##type, name, NULL}
#define GD_OBJECT(name, class_name) {GDEXTENSION_VARIANT_TYPE_OBJECT, name, class_name}

#endif
