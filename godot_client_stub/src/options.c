#include "options.h"

#include <stdlib.h>
#include <string.h>

static void* keep(gd_arena* arena, void* block) {
    arena->blocks = realloc(arena->blocks, (arena->count + 1) * sizeof *arena->blocks);
    arena->blocks[arena->count++] = block;
    return block;
}

void gd_free_all(gd_arena* arena) {
    for (size_t i = 0; i < arena->count; i++) free(arena->blocks[i]);
    free(arena->blocks);
    *arena = (gd_arena){0};
}

char* gd_keep_text(gd_arena* arena, const gd_value* value) { return keep(arena, gd_text(value)); }

static bool is_text(const gd_value* value) { return gd_type(value) == GDEXTENSION_VARIANT_TYPE_STRING; }
static bool is_int(const gd_value* value) { return gd_type(value) == GDEXTENSION_VARIANT_TYPE_INT; }
static bool is_number(const gd_value* value) { return is_int(value) || gd_type(value) == GDEXTENSION_VARIANT_TYPE_FLOAT; }

static bool is_list(const gd_value* value) {
    const GDExtensionVariantType type = gd_type(value);
    return type == GDEXTENSION_VARIANT_TYPE_ARRAY || type == GDEXTENSION_VARIANT_TYPE_PACKED_STRING_ARRAY ||
           type == GDEXTENSION_VARIANT_TYPE_PACKED_INT64_ARRAY || type == GDEXTENSION_VARIANT_TYPE_PACKED_INT32_ARRAY;
}

static uint32_t length(const gd_value* list) {
    gd_value at, item;
    uint32_t out = 0;
    gd_nil(&at);
    gd_nil(&item);
    while (gd_each(list, &at, &item)) out++;
    gd_drop(&item);
    return out;
}

static bool read_seed(const gd_value* value, const uint64_t** out, gd_arena* arena) {
    if (!is_int(value)) return false;
    uint64_t* seed = keep(arena, malloc(sizeof *seed));
    *seed = (uint64_t)gd_int(value);
    *out = seed;
    return true;
}

static bool read_seeds(const gd_value* list, const uint64_t** out, uint32_t* count, gd_arena* arena) {
    if (!is_list(list)) return false;
    uint64_t* seeds = keep(arena, calloc(length(list) + 1, sizeof *seeds));
    gd_value at, item;
    bool fine = true;
    gd_nil(&at);
    gd_nil(&item);
    for (*count = 0; gd_each(list, &at, &item);)
        if ((fine = fine && is_int(&item))) seeds[(*count)++] = (uint64_t)gd_int(&item);
    gd_drop(&item);
    *out = seeds;
    return fine;
}

/* The texts of a list; of a Dictionary each key and its value, one after the other. */
static bool read_texts(const gd_value* list, bool pairs, const char* const** out, uint32_t* count, gd_arena* arena) {
    const char** texts = keep(arena, calloc(2 * (size_t)length(list) + 1, sizeof *texts));
    size_t found = 0;
    gd_value at, item, value;
    bool fine = true;
    gd_nil(&at);
    gd_nil(&item);
    gd_nil(&value);
    while (gd_each(list, &at, &item)) {
        if (pairs) gd_get(list, &item, &value);
        fine = fine && is_text(&item) && (!pairs || is_text(&value));
        if (!fine) continue;
        texts[found++] = gd_keep_text(arena, &item);
        if (pairs) texts[found++] = gd_keep_text(arena, &value);
    }
    gd_drop(&item);
    gd_drop(&value);
    *out = texts;
    *count = (uint32_t)(pairs ? found / 2 : found);
    return fine;
}

static bool read_text(const gd_value* value, const char** out, gd_arena* arena) {
    if (!is_text(value)) return false;
    char* text = gd_keep_text(arena, value);
    *out = *text ? text : NULL;
    return true;
}

static bool read_flag(const gd_value* value, int32_t* out) {
    if (gd_type(value) != GDEXTENSION_VARIANT_TYPE_BOOL) return false;
    *out = gd_bool(value);
    return true;
}

static bool read_uint(const gd_value* value, uint32_t* out) {
    if (!is_int(value) || gd_int(value) < 0 || gd_int(value) > UINT32_MAX) return false;
    *out = (uint32_t)gd_int(value);
    return true;
}

/* Whether the value fits; `wanted` says what would. */
static bool read_field(const gd_field* field, const gd_value* value, char* out, gd_arena* arena, const char** wanted) {
    void* place = out + field->offset;
    uint32_t* count = (uint32_t*)(out + field->count);
    switch (field->kind) {
        case GD_FLAG:
            *wanted = "true or false";
            return read_flag(value, place);
        case GD_UINT:
            *wanted = "a whole number from 0";
            return read_uint(value, place);
        case GD_FLOAT:
            *wanted = "a number";
            if (is_number(value)) *(float*)place = (float)gd_number(value);
            return is_number(value);
        case GD_DOUBLE:
            *wanted = "a number";
            if (is_number(value)) *(double*)place = gd_number(value);
            return is_number(value);
        case GD_TEXT:
            *wanted = "a String";
            return read_text(value, place, arena);
        case GD_SEED:
            *wanted = "a whole number";
            return read_seed(value, place, arena);
        case GD_SEEDS:
            *wanted = "an array of whole numbers";
            return read_seeds(value, place, count, arena);
        case GD_TEXTS:
            *wanted = "an array of Strings";
            return is_list(value) && read_texts(value, false, place, count, arena);
        case GD_PAIRS:
            *wanted = "a Dictionary from Strings to Strings";
            return gd_type(value) == GDEXTENSION_VARIANT_TYPE_DICTIONARY && read_texts(value, true, place, count, arena);
    }
    return false;
}

static bool refuse_key(const char* key, const gd_field* fields, size_t count) {
    char known[700] = "";
    for (size_t i = 0; i < count; i++) {
        strncat(known, i ? ", " : "", sizeof known - strlen(known) - 1);
        strncat(known, fields[i].name, sizeof known - strlen(known) - 1);
    }
    return gd_fail("expected options among %s; found \"%s\"", known, key);
}

static bool read_option(const char* key, const gd_value* value, const gd_field* fields, size_t count, void* out,
                        gd_arena* arena) {
    for (size_t i = 0; i < count; i++) {
        const char* wanted = "";
        if (strcmp(fields[i].name, key) != 0) continue;
        return read_field(&fields[i], value, out, arena, &wanted) || gd_fail("%s: expected %s", key, wanted);
    }
    return refuse_key(key, fields, count);
}

bool gd_read_options(const gd_value* options, const gd_field* fields, size_t count, void* out, gd_arena* arena) {
    gd_value at, key, value;
    bool fine = true;
    gd_nil(&at);
    gd_nil(&key);
    gd_nil(&value);
    while (gd_each(options, &at, &key)) {
        if (!fine) continue;
        gd_get(options, &key, &value);
        fine = is_text(&key) ? read_option(gd_keep_text(arena, &key), &value, fields, count, out, arena)
                             : gd_fail("expected option names as Strings");
    }
    gd_drop(&key);
    gd_drop(&value);
    return fine;
}
