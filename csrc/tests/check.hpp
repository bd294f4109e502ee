// A few lines of test support: CHECK prints and counts, RV_TEST_MAIN runs every TEST of a file.
// Exit code 77 (skipped) when RANVIER_ISA asks for a set that this CPU does not have.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <stdexcept>
#include <vector>

#include "ranvier/runtime.hpp"

namespace ranvier::test {

struct Case {
    const char* name;
    void (*run)();
};
inline std::vector<Case>& cases() {
    static std::vector<Case> all;
    return all;
}
inline int& failures() {
    static int n = 0;
    return n;
}
struct Register {
    Register(const char* name, void (*run)()) { cases().push_back({name, run}); }
};

inline int run_all() {
    try {
        isa_in_use();
    } catch (const std::runtime_error& e) {
        std::printf("skipped: %s\n", e.what());
        return 77;
    }
    for (const auto& c : cases()) {
        const int before = failures();
        c.run();
        std::printf("%s %s\n", failures() == before ? "ok  " : "FAIL", c.name);
    }
    std::printf("%s: %zu tests, %d failures\n", isa_name(isa_in_use()), cases().size(), failures());
    return failures() ? 1 : 0;
}

template <class T>
std::vector<T> random_values(std::size_t n, unsigned seed, T lo = T(-1), T hi = T(1)) {
    std::mt19937 gen(seed);
    std::uniform_real_distribution<T> dist(lo, hi);
    std::vector<T> v(n);
    for (auto& x : v) x = dist(gen);
    return v;
}

}  // namespace ranvier::test

#define TEST(name)                                                        \
    static void name();                                                   \
    static const ::ranvier::test::Register register_##name(#name, &name); \
    static void name()
#define CHECK(condition, ...)                                           \
    do {                                                                \
        if (!(condition)) {                                             \
            ++::ranvier::test::failures();                              \
            std::printf("%s:%d: %s  ", __FILE__, __LINE__, #condition); \
            std::printf(" " __VA_ARGS__);                               \
            std::printf("\n");                                          \
        }                                                               \
    } while (0)
#define RV_TEST_MAIN \
    int main() { return ::ranvier::test::run_all(); }
