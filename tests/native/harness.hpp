// The least of a test framework: TEST makes a case, CHECK and its sisters report and go on.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace harness {

struct Case {
    const char* name;
    void (*run)();
};

inline std::vector<Case>& cases() {
    static std::vector<Case> all;
    return all;
}

inline int& failures() {
    static int count = 0;
    return count;
}

struct Register {
    Register(const char* name, void (*run)()) { cases().push_back({name, run}); }
};

inline void report(const char* file, int line, const std::string& what) {
    std::printf("%s:%d: %s\n", file, line, what.c_str());
    ++failures();
}

template <class A, class B>
void equal(const char* file, int line, const char* text, const A& found, const B& expected) {
    if (found == expected) return;
    std::ostringstream out;
    out << text << ": expected " << expected << ", found " << found;
    report(file, line, out.str());
}

// Within `relative` of the larger one, with the same figure as a floor.
inline void near(const char* file, int line, const char* text, double found, double expected,
                 double relative) {
    const double scale = std::max(1.0, std::max(std::abs(found), std::abs(expected)));
    if (std::abs(found - expected) <= relative * scale) return;
    std::ostringstream out;
    out.precision(9);
    out << text << ": expected " << expected << ", found " << found;
    report(file, line, out.str());
}

// Runs `body`; the message of what it throws, or "" when it doesn't.
inline std::string thrown(const std::function<void()>& body) {
    try {
        body();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "";
}

inline void says(const char* file, int line, const std::string& message, const char* part) {
    if (message.find(part) == std::string::npos)
        report(file, line, "expected a message with '" + std::string(part) + "', found '" + message + "'");
}

// All cases, or those whose name contains the first argument.
inline int run_all(int argc, char** argv) {
    int ran = 0;
    for (const Case& test : cases()) {
        if (argc > 1 && !std::strstr(test.name, argv[1])) continue;
        const int before = failures();
        test.run();
        ++ran;
        if (failures() > before) std::printf("FAILED %s\n", test.name);
    }
    std::printf("%d cases, %d failures\n", ran, failures());
    return failures() > 0 || ran == 0;
}

}  // namespace harness

#define TEST(name)                                                \
    static void test_##name();                                    \
    static harness::Register register_##name(#name, test_##name); \
    static void test_##name()

#define CHECK(fine) \
    if (!(fine)) harness::report(__FILE__, __LINE__, "expected " #fine)
#define EQUAL(found, expected) harness::equal(__FILE__, __LINE__, #found, found, expected)
#define NEAR(found, expected, relative) harness::near(__FILE__, __LINE__, #found, found, expected, relative)
#define THROWS(body, part) harness::says(__FILE__, __LINE__, harness::thrown([&] { body; }), part)

#define MAIN \
    int main(int argc, char** argv) { return harness::run_all(argc, argv); }
