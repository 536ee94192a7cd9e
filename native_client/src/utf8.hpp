// Whether a text is what protobuf takes for one.
#pragma once

#include <cstdint>

namespace pw {

// Well-formed UTF-8: no overlong forms, no surrogates, nothing beyond U+10FFFF.
inline bool is_utf8(const char* text) {
    const auto* p = reinterpret_cast<const uint8_t*>(text);
    while (*p) {
        const uint8_t lead = *p++;
        const int more = lead < 0x80       ? 0
                         : lead >> 5 == 6  ? 1
                         : lead >> 4 == 14 ? 2
                         : lead >> 3 == 30 ? 3
                                           : -1;
        if (more < 0) return false;
        uint32_t letter = more == 0 ? lead : lead & (0x3fu >> more);
        for (int i = 0; i < more; ++i, ++p) {
            if (*p >> 6 != 2) return false;
            letter = letter << 6 | (*p & 0x3fu);
        }
        constexpr uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
        if (letter < kLeast[more] || letter > 0x10ffff || letter >> 11 == 0x1b) return false;
    }
    return true;
}

}  // namespace pw
