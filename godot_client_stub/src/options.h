/* Options: Dictionaries whose keys are the names of a struct's fields. */
#ifndef POSEWIRE_GODOT_OPTIONS_H
#define POSEWIRE_GODOT_OPTIONS_H

#include "binding.h"

typedef enum gd_kind {
    GD_FLAG,   /* int32_t */
    GD_UINT,   /* uint32_t */
    GD_FLOAT,  /* float */
    GD_DOUBLE, /* double */
    GD_TEXT,   /* const char*; empty: NULL */
    GD_SEED,   /* const uint64_t* */
    GD_SEEDS,  /* const uint64_t*, and a uint32_t at `count` */
    GD_TEXTS,  /* const char* const*, and a uint32_t at `count` */
    GD_PAIRS   /* a Dictionary of texts as an array of two const char* each, and a uint32_t at `count` */
} gd_kind;

typedef struct gd_field {
    const char* name;
    gd_kind kind;
    size_t offset;
    size_t count;
} gd_field;

/* What the pointers of options point to. */
typedef struct gd_arena {
    void** blocks;
    size_t count;
} gd_arena;

void gd_free_all(gd_arena* arena);
char* gd_keep_text(gd_arena* arena, const gd_value* value);

/* Copies what `options` has into the struct at `out` and leaves its other fields as they are. A key that no field has,
 * or a value of another type, fails by name. */
bool gd_read_options(const gd_value* options, const gd_field* fields, size_t count, void* out, gd_arena* arena);

#endif
