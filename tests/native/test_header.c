/* The header as strict C11, and the sizes that C# and others rely on. */
#include <posewire.h>
#include <string.h>

_Static_assert(sizeof(pw_joint) == 40, "pw_joint");
_Static_assert(sizeof(pw_root_motion) == 28, "pw_root_motion");
_Static_assert(sizeof(pw_contact) == 16, "pw_contact");
_Static_assert(sizeof(pw_code) == 4, "enums are 32 bits");

int main(void) {
    pw_pose pose = {.struct_size = sizeof pose};
    pw_player *player = NULL;
    if (pw_player_create(NULL, &player) != PW_OK) return 1;
    pw_player_advance(player, 0.01);
    if (pw_player_sample(player, NULL, 0, &pose) != PW_OK) return 2;
    if (pose.state != PW_PLAYER_IDLE || pose.has_pose || pose.struct_size != sizeof pose) return 3;
    pw_player_destroy(player);
    if (pw_player_create(NULL, NULL) == PW_OK || strlen(pw_last_error()) == 0) return 4;
    return pw_abi_version() == PW_ABI_VERSION ? 0 : 5;
}
