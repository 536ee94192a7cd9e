// The C ABI's client, for the entry points that make calls.
#pragma once

#include "grpc_network.hpp"

struct pw_client {
    std::shared_ptr<pw::Network> network;
};
