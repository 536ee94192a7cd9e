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

/* After a function of the C interface that failed: its error, and false. */
static inline bool gd_refused(void) { return gd_fail("%s", pw_last_error()); }

#define GD_FIELD(type, kind, name) {#name, kind, offsetof(type, name), 0}
#define GD_LIST(type, kind, name, count) {#name, kind, offsetof(type, name), offsetof(type, count)}

#define GD_NOTHING {GDEXTENSION_VARIANT_TYPE_NIL, "", NULL}
#define GD_GIVES(type) {GDEXTENSION_VARIANT_TYPE_##type, "", NULL}
#define GD_TAKES(type, name) {GDEXTENSION_VARIANT_TYPE_##type, name, NULL}
#define GD_OBJECT(name, class_name) {GDEXTENSION_VARIANT_TYPE_OBJECT, name, class_name}

#endif
