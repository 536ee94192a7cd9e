/* What this extension needs of Godot's C interface: values, classes with methods, options. Knows nothing of motion.
 *
 * Methods take and give Variants; how Godot calls them, with Variants or with bare types, is settled here. Only
 * functions that Godot 4.3 already had are used. */
#ifndef POSEWIRE_GODOT_BINDING_H
#define POSEWIRE_GODOT_BINDING_H

#include <gdextension_interface.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A Variant of a build with single precision. */
typedef struct gd_value {
    uint64_t words[3];
} gd_value;

typedef struct gd_class gd_class;

#if defined(__GNUC__)
#define GD_PRINTS __attribute__((format(printf, 1, 2)))
#else
#define GD_PRINTS
#endif

/* First in every object of this extension. */
typedef struct gd_instance {
    const gd_class* of;
    GDExtensionObjectPtr object;
} gd_instance;

/* `args` has all arguments, also those that the caller left out; `out` is nil and may stay so. */
typedef void (*gd_function)(void* self, const gd_value* const* args, gd_value* out);

typedef struct gd_argument {
    GDExtensionVariantType type;
    const char* name;
    const char* class_name; /* of an object */
} gd_argument;

enum { GD_MOST_ARGUMENTS = 4 };

typedef struct gd_method {
    const char* name;
    gd_function function;
    gd_argument returns; /* NIL: nothing */
    uint32_t count;
    uint32_t optional; /* so many of the last arguments may be left out; they are then zero or empty */
    gd_argument arguments[GD_MOST_ARGUMENTS];
    bool is_static;
} gd_method;

typedef struct gd_constant {
    const char* group;
    const char* name;
    int64_t value;
} gd_constant;

/* A class over RefCounted. */
struct gd_class {
    const char* name;
    size_t size; /* of an instance, which begins with `gd_instance` and is zero at first */
    void (*drop)(void* self);
    const gd_method* methods;
    size_t method_count;
    const gd_method* more_methods;
    size_t more_count;
    const gd_constant* constants;
    size_t constant_count;
};

#define GD_COUNT(array) (sizeof(array) / sizeof *(array))

/* False where this Godot lacks something. */
bool gd_begin(GDExtensionInterfaceGetProcAddress find, GDExtensionClassLibraryPtr library);
void gd_register(const gd_class* of);
void gd_unregister(const gd_class* of);
void gd_print_error(const char* text, const char* where);

/* Makes an instance and puts it into `out`. Gives the instance. */
void* gd_new(const gd_class* of, gd_value* out);
/* The instance behind an object argument; NULL: null, or another class. */
void* gd_self(const gd_class* of, const gd_value* value);

/* Why the last call of this thread that gave false or null did so. */
const char* gd_error(void);
/* Sets it and gives false. */
bool gd_fail(const char* format, ...) GD_PRINTS;

/* A value begins with `gd_nil` and ends with `gd_drop`, which makes it nil again. Setting it drops what it was. */
void gd_nil(gd_value* out);
void gd_drop(gd_value* value);

GDExtensionVariantType gd_type(const gd_value* value);
bool gd_is_nil(const gd_value* value);
bool gd_bool(const gd_value* value);
int64_t gd_int(const gd_value* value);
double gd_number(const gd_value* value);
void gd_floats(const gd_value* value, float* out); /* of a Vector3 or a Quaternion */
char* gd_text(const gd_value* value);              /* UTF-8, for `free` */

void gd_set_bool(gd_value* out, bool value);
void gd_set_int(gd_value* out, int64_t value);
void gd_set_number(gd_value* out, double value);
void gd_set_text(gd_value* out, const char* text); /* NULL: empty */
void gd_set_vector(gd_value* out, const float* xyz);
void gd_set_quaternion(gd_value* out, const float* xyzw);
void gd_set_empty(gd_value* out, GDExtensionVariantType type); /* a new Dictionary or Array, zero, … */

/* In a Dictionary. */
void gd_put_bool(gd_value* dictionary, const char* key, bool value);
void gd_put_int(gd_value* dictionary, const char* key, int64_t value);
void gd_put_number(gd_value* dictionary, const char* key, double value);
void gd_put_text(gd_value* dictionary, const char* key, const char* value);
void gd_put_value(gd_value* dictionary, const char* key, gd_value* value); /* and drops it */
/* The value of a key; nil: it isn't there. */
void gd_get(const gd_value* dictionary, const gd_value* key, gd_value* out);
/* Into an Array; drops the value. */
void gd_append(gd_value* array, gd_value* value);
/* Each element of an array, each key of a Dictionary: `at` is nil at first, and again after the last. */
bool gd_each(const gd_value* list, gd_value* at, gd_value* item);

#endif
