// The C ABI's player, for entry points that ask it something.
#pragma once

#include "player.hpp"
#include "posewire.h"

namespace pw {

const Player& player_of(const pw_player* player);

}  // namespace pw
