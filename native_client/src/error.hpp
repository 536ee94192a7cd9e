// What goes wrong on purpose: a code and a sentence.
#pragma once

#include <exception>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "posewire.h"

namespace pw {

// Says what was expected, what was found, and what to do.
class Error : public std::exception {
  public:
    Error(pw_code code, std::string message) : code_(code), message_(std::move(message)) {}
    pw_code code() const noexcept { return code_; }
    const char* what() const noexcept override { return message_.c_str(); }

  private:
    pw_code code_;
    std::string message_;
};

// The caller asked for something that can't be.
inline Error invalid(std::string message) { return {PW_INVALID_ARGUMENT, std::move(message)}; }

// The other side broke the wire contract.
inline Error broken(std::string message) { return {PW_INTERNAL, std::move(message)}; }

// What an exception of any kind means, also one that nobody threw on purpose.
inline pw_code code_of(const std::exception& error) {
    if (const auto* known = dynamic_cast<const Error*>(&error)) return known->code();
    return dynamic_cast<const std::bad_alloc*>(&error) ? PW_RESOURCE_EXHAUSTED : PW_INTERNAL;
}

// A number of the caller's that must be finite and not below 0.
inline double not_negative(double value, const char* field) {
    if (!(value >= 0 && value <= std::numeric_limits<double>::max()))
        throw invalid(std::string(field) + ": expected a number not below 0, found " + std::to_string(value));
    return value;
}

inline void expect(bool fine, const std::string& expected, const std::string& found) {
    if (!fine) throw broken("expected " + expected + ", found " + found);
}

}  // namespace pw
