#include "binding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Godot's functions, by the names that its header gives their types. */
static struct {
    GDExtensionInterfacePrintErrorWithMessage print_error_with_message;
    GDExtensionInterfaceVariantNewNil variant_new_nil;
    GDExtensionInterfaceVariantDestroy variant_destroy;
    GDExtensionInterfaceVariantGetType variant_get_type;
    GDExtensionInterfaceVariantCall variant_call;
    GDExtensionInterfaceVariantSetKeyed variant_set_keyed;
    GDExtensionInterfaceVariantGetKeyed variant_get_keyed;
    GDExtensionInterfaceVariantIterInit variant_iter_init;
    GDExtensionInterfaceVariantIterNext variant_iter_next;
    GDExtensionInterfaceVariantIterGet variant_iter_get;
    GDExtensionInterfaceVariantConstruct variant_construct;
    GDExtensionInterfaceGetVariantFromTypeConstructor get_variant_from_type_constructor;
    GDExtensionInterfaceGetVariantToTypeConstructor get_variant_to_type_constructor;
    GDExtensionInterfaceVariantGetPtrDestructor variant_get_ptr_destructor;
    GDExtensionInterfaceStringNewWithUtf8Chars string_new_with_utf8_chars;
    GDExtensionInterfaceStringToUtf8Chars string_to_utf8_chars;
    GDExtensionInterfaceStringNameNewWithLatin1Chars string_name_new_with_latin1_chars;
    GDExtensionInterfaceObjectSetInstance object_set_instance;
    GDExtensionInterfaceObjectSetInstanceBinding object_set_instance_binding;
    GDExtensionInterfaceObjectGetInstanceBinding object_get_instance_binding;
    GDExtensionInterfaceRefGetObject ref_get_object;
    GDExtensionInterfaceRefSetObject ref_set_object;
    GDExtensionInterfaceClassdbConstructObject classdb_construct_object;
    GDExtensionInterfaceClassdbRegisterExtensionClass3 classdb_register_extension_class3;
    GDExtensionInterfaceClassdbRegisterExtensionClassMethod classdb_register_extension_class_method;
    GDExtensionInterfaceClassdbRegisterExtensionClassIntegerConstant
        classdb_register_extension_class_integer_constant;
    GDExtensionInterfaceClassdbUnregisterExtensionClass classdb_unregister_extension_class;
} godot;

static const char* const function_names[] = {
    "print_error_with_message",
    "variant_new_nil",
    "variant_destroy",
    "variant_get_type",
    "variant_call",
    "variant_set_keyed",
    "variant_get_keyed",
    "variant_iter_init",
    "variant_iter_next",
    "variant_iter_get",
    "variant_construct",
    "get_variant_from_type_constructor",
    "get_variant_to_type_constructor",
    "variant_get_ptr_destructor",
    "string_new_with_utf8_chars",
    "string_to_utf8_chars",
    "string_name_new_with_latin1_chars",
    "object_set_instance",
    "object_set_instance_binding",
    "object_get_instance_binding",
    "ref_get_object",
    "ref_set_object",
    "classdb_construct_object",
    "classdb_register_extension_class3",
    "classdb_register_extension_class_method",
    "classdb_register_extension_class_integer_constant",
    "classdb_unregister_extension_class",
};
_Static_assert(sizeof godot == sizeof function_names, "a name for each function");

static GDExtensionClassLibraryPtr library;
static GDExtensionVariantFromTypeConstructorFunc to_variant[GDEXTENSION_VARIANT_TYPE_VARIANT_MAX];
static GDExtensionTypeFromVariantConstructorFunc from_variant[GDEXTENSION_VARIANT_TYPE_VARIANT_MAX];
static GDExtensionPtrDestructor destroy_string, destroy_name;

/* Strings and names are one pointer. */
typedef struct gd_handle {
    void* data;
} gd_handle;

bool gd_begin(GDExtensionInterfaceGetProcAddress find, GDExtensionClassLibraryPtr given) {
    GDExtensionInterfaceFunctionPtr* found = (GDExtensionInterfaceFunctionPtr*)&godot;
    for (size_t i = 0; i < GD_COUNT(function_names); i++)
        if (!(found[i] = find(function_names[i]))) {
            fprintf(stderr, "posewire: expected Godot 4.3 or newer, found none of its %s\n", function_names[i]);
            return false;
        }
    library = given;
    for (int type = 1; type < GDEXTENSION_VARIANT_TYPE_VARIANT_MAX; type++) {
        to_variant[type] = godot.get_variant_from_type_constructor((GDExtensionVariantType)type);
        from_variant[type] = godot.get_variant_to_type_constructor((GDExtensionVariantType)type);
    }
    destroy_string = godot.variant_get_ptr_destructor(GDEXTENSION_VARIANT_TYPE_STRING);
    destroy_name = godot.variant_get_ptr_destructor(GDEXTENSION_VARIANT_TYPE_STRING_NAME);
    return true;
}

void gd_print_error(const char* text, const char* where) {
    godot.print_error_with_message("Posewire", text, where, "posewire", 0, true);
}

static gd_handle name_of(const char* text) {
    gd_handle out;
    godot.string_name_new_with_latin1_chars(&out, text ? text : "", false);
    return out;
}

/* ------------------------------------------------------------------------------------------------- errors */

static _Thread_local char error_text[1024];

const char* gd_error(void) { return error_text; }

bool gd_fail(const char* format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(error_text, sizeof error_text, format, list);
    va_end(list);
    return false;
}

/* ------------------------------------------------------------------------------------------------- values */

void gd_nil(gd_value* out) { godot.variant_new_nil(out); }

GDExtensionVariantType gd_type(const gd_value* value) { return godot.variant_get_type(value); }

static void read(const gd_value* value, GDExtensionVariantType type, void* out) {
    from_variant[type](out, (GDExtensionVariantPtr)value);
}

static void write(gd_value* out, GDExtensionVariantType type, const void* value) {
    gd_drop(out);
    to_variant[type](out, (GDExtensionTypePtr)value);
}

void gd_drop(gd_value* value) {
    godot.variant_destroy(value);
    godot.variant_new_nil(value);
}

bool gd_is_nil(const gd_value* value) { return gd_type(value) == GDEXTENSION_VARIANT_TYPE_NIL; }

bool gd_bool(const gd_value* value) {
    GDExtensionBool out;
    read(value, GDEXTENSION_VARIANT_TYPE_BOOL, &out);
    return out;
}

int64_t gd_int(const gd_value* value) {
    int64_t out;
    read(value, GDEXTENSION_VARIANT_TYPE_INT, &out);
    return out;
}

double gd_number(const gd_value* value) {
    double out;
    if (gd_type(value) == GDEXTENSION_VARIANT_TYPE_INT) return (double)gd_int(value);
    read(value, GDEXTENSION_VARIANT_TYPE_FLOAT, &out);
    return out;
}

void gd_floats(const gd_value* value, float* out) { read(value, gd_type(value), out); }

char* gd_text(const gd_value* value) {
    gd_handle string;
    read(value, GDEXTENSION_VARIANT_TYPE_STRING, &string);
    const size_t size = (size_t)godot.string_to_utf8_chars(&string, NULL, 0);
    char* out = malloc(size + 1);
    godot.string_to_utf8_chars(&string, out, (GDExtensionInt)size);
    out[size] = 0;
    destroy_string(&string);
    return out;
}

void gd_set_bool(gd_value* out, bool value) {
    const GDExtensionBool flag = value;
    write(out, GDEXTENSION_VARIANT_TYPE_BOOL, &flag);
}
void gd_set_int(gd_value* out, int64_t value) { write(out, GDEXTENSION_VARIANT_TYPE_INT, &value); }
void gd_set_number(gd_value* out, double value) { write(out, GDEXTENSION_VARIANT_TYPE_FLOAT, &value); }
void gd_set_vector(gd_value* out, const float* xyz) { write(out, GDEXTENSION_VARIANT_TYPE_VECTOR3, xyz); }
void gd_set_quaternion(gd_value* out, const float* xyzw) { write(out, GDEXTENSION_VARIANT_TYPE_QUATERNION, xyzw); }

void gd_set_text(gd_value* out, const char* text) {
    gd_handle string;
    godot.string_new_with_utf8_chars(&string, text ? text : "");
    write(out, GDEXTENSION_VARIANT_TYPE_STRING, &string);
    destroy_string(&string);
}

void gd_set_empty(gd_value* out, GDExtensionVariantType type) {
    GDExtensionCallError error;
    gd_drop(out);
    godot.variant_construct(type, out, NULL, 0, &error);
}

void gd_put_value(gd_value* dictionary, const char* key, gd_value* value) {
    gd_value name;
    GDExtensionBool valid;
    godot.variant_new_nil(&name);
    gd_set_text(&name, key);
    godot.variant_set_keyed(dictionary, &name, value, &valid);
    gd_drop(&name);
    gd_drop(value);
}

#define GD_PUT(function, type, set)                                        \
    void function(gd_value* dictionary, const char* key, type value) {     \
        gd_value boxed;                                                    \
        godot.variant_new_nil(&boxed);                                     \
        set(&boxed, value);                                                \
        gd_put_value(dictionary, key, &boxed);                             \
    }
GD_PUT(gd_put_bool, bool, gd_set_bool)
GD_PUT(gd_put_int, int64_t, gd_set_int)
GD_PUT(gd_put_number, double, gd_set_number)
GD_PUT(gd_put_text, const char*, gd_set_text)

void gd_get(const gd_value* dictionary, const gd_value* key, gd_value* out) {
    GDExtensionBool valid;
    gd_drop(out);
    godot.variant_get_keyed(dictionary, key, out, &valid);
}

bool gd_each(const gd_value* list, gd_value* at, gd_value* item) {
    GDExtensionBool valid;
    const bool begun = !gd_is_nil(at);
    if (!begun) gd_drop(at);
    if (begun ? !godot.variant_iter_next(list, at, &valid) : !godot.variant_iter_init(list, at, &valid)) {
        gd_drop(at);
        return false;
    }
    gd_drop(item);
    godot.variant_iter_get(list, at, item, &valid);
    return true;
}

void gd_append(gd_value* array, gd_value* value) {
    gd_handle append = name_of("append");
    gd_value nothing;
    GDExtensionCallError error;
    const GDExtensionConstVariantPtr args[] = {value};
    godot.variant_call(array, &append, args, 1, &nothing, &error);
    destroy_name(&append);
    gd_drop(&nothing);
    gd_drop(value);
}

/* ------------------------------------------------------------------------------------------------ objects */

static const GDExtensionInstanceBindingCallbacks no_callbacks;

static GDExtensionObjectPtr create_instance(void* userdata) {
    const gd_class* of = userdata;
    gd_handle base = name_of("RefCounted"), name = name_of(of->name);
    GDExtensionObjectPtr object = godot.classdb_construct_object(&base);
    gd_instance* self = calloc(1, of->size);
    self->of = of;
    self->object = object;
    godot.object_set_instance(object, &name, self);
    godot.object_set_instance_binding(object, library, self, &no_callbacks);
    destroy_name(&base);
    destroy_name(&name);
    return object;
}

static void free_instance(void* userdata, GDExtensionClassInstancePtr instance) {
    const gd_class* of = userdata;
    if (of->drop) of->drop(instance);
    free(instance);
}

void* gd_new(const gd_class* of, gd_value* out) {
    GDExtensionObjectPtr object = create_instance((void*)of);
    write(out, GDEXTENSION_VARIANT_TYPE_OBJECT, &object);
    return godot.object_get_instance_binding(object, library, NULL);
}

void* gd_self(const gd_class* of, const gd_value* value) {
    GDExtensionObjectPtr object = NULL;
    if (gd_type(value) == GDEXTENSION_VARIANT_TYPE_OBJECT) read(value, GDEXTENSION_VARIANT_TYPE_OBJECT, &object);
    gd_instance* self = object ? godot.object_get_instance_binding(object, library, NULL) : NULL;
    return self && self->of == of ? self : NULL;
}

/* ------------------------------------------------------------------------------------------------ methods */

/* Numbers may come as the other kind of number, objects as null; the rest must be what was declared. */
static bool fits(const gd_argument* wanted, GDExtensionVariantType found) {
    if (wanted->type == GDEXTENSION_VARIANT_TYPE_FLOAT && found == GDEXTENSION_VARIANT_TYPE_INT) return true;
    if (wanted->type == GDEXTENSION_VARIANT_TYPE_OBJECT && found == GDEXTENSION_VARIANT_TYPE_NIL) return true;
    return wanted->type == found;
}

static void refuse(GDExtensionCallError* error, GDExtensionCallErrorType why, int32_t argument, int32_t expected) {
    error->error = why;
    error->argument = argument;
    error->expected = expected;
}

/* A call with Variants: from untyped code. */
static void call_with_variants(void* userdata, GDExtensionClassInstancePtr self, const GDExtensionConstVariantPtr* args,
                               GDExtensionInt count, GDExtensionVariantPtr out, GDExtensionCallError* error) {
    const gd_method* method = userdata;
    const uint32_t least = method->count - method->optional;
    if (count < least) {
        refuse(error, GDEXTENSION_CALL_ERROR_TOO_FEW_ARGUMENTS, 0, (int32_t)least);
        return;
    }
    if (count > method->count) {
        refuse(error, GDEXTENSION_CALL_ERROR_TOO_MANY_ARGUMENTS, 0, (int32_t)method->count);
        return;
    }
    for (int32_t i = 0; i < count; i++)
        if (!fits(&method->arguments[i], gd_type(args[i]))) {
            refuse(error, GDEXTENSION_CALL_ERROR_INVALID_ARGUMENT, i, (int32_t)method->arguments[i].type);
            return;
        }
    gd_value defaults[GD_MOST_ARGUMENTS];
    const gd_value* all[GD_MOST_ARGUMENTS];
    for (uint32_t i = 0; i < method->count; i++) {
        all[i] = i < count ? args[i] : &defaults[i];
        if (i < count) continue;
        godot.variant_new_nil(&defaults[i]);
        gd_set_empty(&defaults[i], method->arguments[i].type);
    }
    godot.variant_new_nil(out);
    method->function(self, all, out);
    for (uint32_t i = (uint32_t)count; i < method->count; i++) gd_drop(&defaults[i]);
    error->error = GDEXTENSION_CALL_OK;
}

/* One argument of a call with bare types; objects come as references. */
static void box(const gd_argument* wanted, GDExtensionConstTypePtr given, gd_value* out) {
    GDExtensionObjectPtr object;
    if (wanted->type == GDEXTENSION_VARIANT_TYPE_OBJECT) {
        object = godot.ref_get_object((GDExtensionConstRefPtr)given);
        given = &object;
    }
    to_variant[wanted->type](out, (GDExtensionTypePtr)given);
}

static void unbox(GDExtensionVariantType type, gd_value* value, GDExtensionTypePtr out) {
    GDExtensionObjectPtr object = NULL;
    if (type == GDEXTENSION_VARIANT_TYPE_NIL) return;
    if (type == GDEXTENSION_VARIANT_TYPE_OBJECT) {
        if (!gd_is_nil(value)) read(value, type, &object);
        godot.ref_set_object(out, object);
        return;
    }
    if (gd_is_nil(value)) gd_set_empty(value, type);
    read(value, type, out);
}

/* A call with bare types: from typed code. */
static void call_with_types(void* userdata, GDExtensionClassInstancePtr self, const GDExtensionConstTypePtr* args,
                            GDExtensionTypePtr out) {
    const gd_method* method = userdata;
    gd_value boxed[GD_MOST_ARGUMENTS], result;
    const gd_value* all[GD_MOST_ARGUMENTS];
    for (uint32_t i = 0; i < method->count; i++) {
        box(&method->arguments[i], args[i], &boxed[i]);
        all[i] = &boxed[i];
    }
    godot.variant_new_nil(&result);
    method->function(self, all, &result);
    unbox(method->returns.type, &result, out);
    gd_drop(&result);
    for (uint32_t i = 0; i < method->count; i++) gd_drop(&boxed[i]);
}

/* ------------------------------------------------------------------------------------------- registration */

enum { USAGE_DEFAULT = 6 };

typedef struct gd_described {
    gd_handle name, class_name, hint;
} gd_described;

static GDExtensionPropertyInfo describe(const gd_argument* argument, gd_described* kept) {
    kept->name = name_of(argument->name);
    kept->class_name = name_of(argument->class_name);
    godot.string_new_with_utf8_chars(&kept->hint, "");
    return (GDExtensionPropertyInfo){argument->type, &kept->name, &kept->class_name, 0, &kept->hint, USAGE_DEFAULT};
}

static void forget(gd_described* kept) {
    destroy_name(&kept->name);
    destroy_name(&kept->class_name);
    destroy_string(&kept->hint);
}

static void register_method(const gd_class* of, const gd_method* method) {
    gd_handle class_name = name_of(of->name), name = name_of(method->name);
    gd_described kept[GD_MOST_ARGUMENTS + 1];
    GDExtensionPropertyInfo arguments[GD_MOST_ARGUMENTS], returns = describe(&method->returns, &kept[GD_MOST_ARGUMENTS]);
    GDExtensionClassMethodArgumentMetadata plain[GD_MOST_ARGUMENTS] = {0};
    gd_value defaults[GD_MOST_ARGUMENTS];
    GDExtensionVariantPtr pointers[GD_MOST_ARGUMENTS];
    for (uint32_t i = 0; i < method->count; i++) arguments[i] = describe(&method->arguments[i], &kept[i]);
    for (uint32_t i = 0; i < method->optional; i++) {
        godot.variant_new_nil(&defaults[i]);
        gd_set_empty(&defaults[i], method->arguments[method->count - method->optional + i].type);
        pointers[i] = &defaults[i];
    }
    const GDExtensionClassMethodInfo info = {
        .name = &name,
        .method_userdata = (void*)method,
        .call_func = call_with_variants,
        .ptrcall_func = call_with_types,
        .method_flags = GDEXTENSION_METHOD_FLAG_NORMAL | (method->is_static ? GDEXTENSION_METHOD_FLAG_STATIC : 0),
        .has_return_value = method->returns.type != GDEXTENSION_VARIANT_TYPE_NIL,
        .return_value_info = &returns,
        .argument_count = method->count,
        .arguments_info = arguments,
        .arguments_metadata = plain,
        .default_argument_count = method->optional,
        .default_arguments = pointers,
    };
    godot.classdb_register_extension_class_method(library, &class_name, &info);
    for (uint32_t i = 0; i < method->count; i++) forget(&kept[i]);
    for (uint32_t i = 0; i < method->optional; i++) gd_drop(&defaults[i]);
    forget(&kept[GD_MOST_ARGUMENTS]);
    destroy_name(&class_name);
    destroy_name(&name);
}

void gd_register(const gd_class* of) {
    gd_handle name = name_of(of->name), base = name_of("RefCounted");
    const GDExtensionClassCreationInfo3 info = {
        .is_exposed = true,
        .create_instance_func = create_instance,
        .free_instance_func = free_instance,
        .class_userdata = (void*)of,
    };
    godot.classdb_register_extension_class3(library, &name, &base, &info);
    for (size_t i = 0; i < of->method_count; i++) register_method(of, &of->methods[i]);
    for (size_t i = 0; i < of->more_count; i++) register_method(of, &of->more_methods[i]);
    for (size_t i = 0; i < of->constant_count; i++) {
        gd_handle group = name_of(of->constants[i].group), constant = name_of(of->constants[i].name);
        godot.classdb_register_extension_class_integer_constant(library, &name, &group, &constant,
                                                                of->constants[i].value, false);
        destroy_name(&group);
        destroy_name(&constant);
    }
    destroy_name(&name);
    destroy_name(&base);
}

void gd_unregister(const gd_class* of) {
    gd_handle name = name_of(of->name);
    godot.classdb_unregister_extension_class(library, &name);
    destroy_name(&name);
}
