// What the entry points of the C ABI share: handles, errors, structs that grow.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "error.hpp"
#include "events.hpp"
#include "live.hpp"
#include "posewire.h"
#include "session.hpp"

struct pw_skeleton {
    pw::SharedSkeleton owner;  // null: borrowed from what holds the view
    const pw::Skeleton* view = nullptr;
};

struct pw_stream {
    std::shared_ptr<pw::Session> session;
    std::function<void()> cancel;  // of the transport; empty: there is none
    // Of a live session: where commands go, and what its connection says of itself.
    std::shared_ptr<pw::Outbox> outbox{};
    std::function<void(pw_live_info&)> connection{};
    std::string session_id{};
    // What the last event and the header point to.
    pw::Delivery current{};
    std::vector<pw_timing> timings{};
    std::vector<const char*> contact_names{};
    pw_skeleton skeleton{};
};

namespace pw {

void set_last_error(const char* message) noexcept;

// Runs an entry point: nothing that is thrown crosses the boundary.
template <class Body>
pw_code guarded(Body&& body) noexcept {
    try {
        body();
        return PW_OK;
    } catch (const std::exception& error) {
        set_last_error(error.what());
        return code_of(error);
    } catch (...) {
        set_last_error("an unknown error");
    }
    return PW_INTERNAL;
}

template <class T>
T& need(T* pointer, const char* what) {
    if (!pointer) throw invalid(std::string(what) + ": expected a pointer, found NULL");
    return *pointer;
}

// Defaults into a caller's struct, of whatever size its header knew.
template <class T>
void init(T* options, uint32_t size, const T& defaults) noexcept {
    if (!options || size < sizeof(uint32_t)) return;
    std::memset(static_cast<void*>(options), 0, size);
    std::memcpy(static_cast<void*>(options), &defaults, std::min(size_t(size), sizeof(T)));
    options->struct_size = size;
}

// A caller's options on top of the defaults; NULL: the defaults.
template <class T>
T read_options(const T* given, const T& defaults, const char* init_name) {
    T out = defaults;
    if (!given) return out;
    if (given->struct_size < sizeof(uint32_t) || given->struct_size > 1u << 16)
        throw invalid(std::string("struct_size: expected that of ") + init_name + ", found " +
                      std::to_string(given->struct_size));
    std::memcpy(static_cast<void*>(&out), given, std::min(size_t(given->struct_size), sizeof(T)));
    return out;
}

// A result into a caller's struct.
template <class T>
void give(T* out, const T& value) {
    const uint32_t size = need(out, "out").struct_size;
    if (size < sizeof(uint32_t) || size > 1u << 16)
        throw invalid("struct_size: expected the struct's size, found " + std::to_string(size) +
                      "; set it before the call");
    std::memcpy(static_cast<void*>(out), &value, std::min(size_t(size), sizeof(T)));
    out->struct_size = size;
}

}  // namespace pw
