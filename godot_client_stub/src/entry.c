/* Where Godot enters: registers the classes once the scene level is up, and takes them back before it goes. */
#include "classes.h"

static const gd_class* const classes[] = {&stream_class, &player_class, &client_class};

static void begin(void* userdata, GDExtensionInitializationLevel level) {
    (void)userdata;
    if (level != GDEXTENSION_INITIALIZATION_SCENE) return;
    for (size_t i = 0; i < GD_COUNT(classes); i++) gd_register(classes[i]);
}

static void end(void* userdata, GDExtensionInitializationLevel level) {
    (void)userdata;
    if (level != GDEXTENSION_INITIALIZATION_SCENE) return;
    for (size_t i = GD_COUNT(classes); i-- > 0;) gd_unregister(classes[i]);
}

#if defined(_WIN32)
__declspec(dllexport)
#else
__attribute__((visibility("default")))
#endif
GDExtensionBool posewire_godot_entry(GDExtensionInterfaceGetProcAddress find, GDExtensionClassLibraryPtr library,
                                     GDExtensionInitialization* out) {
    if (!gd_begin(find, library)) return false;
    if (pw_abi_version() != PW_ABI_VERSION) {
        gd_print_error("expected the libposewire that this extension was built with, found another: put both files of "
                       "one build into addons/posewire/bin", __func__);
        return false;
    }
    *out = (GDExtensionInitialization){GDEXTENSION_INITIALIZATION_SCENE, NULL, begin, end};
    return true;
}
