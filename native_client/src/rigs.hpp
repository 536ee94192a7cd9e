// Names that well-known rigs give to the joints of SMPL-22, and finding out which rig one is. Twin of
// posewire_runtime/motion/rigs.py. Knows names only.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pw {

struct BoneMap {
    std::vector<std::pair<const char*, size_t>> bones;  // joint, index among the names; joints in their order
    const char* rig;                                    // the rig whose names were recognised
};

// A bone's name without namespace, case and separators, its side in front: "l upperarm".
std::string normalise_name(const std::string& name);

// Recognise a character's rig from all its names at once: the rig that explains most of them. Throws and says
// what is missing when no rig fits.
BoneMap map_bones(const std::vector<std::string>& names);

}  // namespace pw
