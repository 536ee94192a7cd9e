// Counts what sampling must not do: this program's malloc, free and mutexes go through here, the library's too.
// Not with sanitizers, which bring their own.
#pragma once

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cstddef>

namespace counters {

inline std::atomic<long> allocations{0}, frees{0}, locks{0};

struct Counts {
    long allocations, frees, locks;
};

inline Counts now() { return {allocations, frees, locks}; }

}  // namespace counters

// What stands here must be what the library calls: visible, though programs are built with hidden symbols.
#pragma GCC visibility push(default)
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);

void* malloc(size_t size) noexcept {
    ++counters::allocations;
    return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) noexcept {
    ++counters::allocations;
    return __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) noexcept {
    ++counters::allocations;
    return __libc_realloc(old, size);
}
void* aligned_alloc(size_t alignment, size_t size) noexcept {
    ++counters::allocations;
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** out, size_t alignment, size_t size) noexcept {
    ++counters::allocations;
    *out = __libc_memalign(alignment, size);
    return *out ? 0 : 12;
}
void free(void* pointer) noexcept {
    if (pointer) ++counters::frees;
    __libc_free(pointer);
}
int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
    using Lock = int (*)(pthread_mutex_t*);
    static const Lock real = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
    ++counters::locks;
    return real(mutex);
}
}
#pragma GCC visibility pop
