// Transposes a square of vectors in registers: kLanes<T> vectors of kLanes<T> lanes.
#pragma once

#include <utility>

#include "simd/vec.hpp"

namespace ranvier::RV_ISA {
namespace {

// Both steps choose lanes of the pair (x, y) by a rule f(lane) in [0, 2 lanes).
template <class V, class F, std::size_t... I>
RV_INLINE V choose(V x, V y, F, std::index_sequence<I...>) {
    return __builtin_shufflevector(x, y, F::lane(I)...);
}

// Interleaves groups of G lanes of x and y within each 128 bits: unpacklo / unpackhi, zip1 / zip2.
template <int L, int PerBlock, int G, bool High>
struct Unpack {
    static constexpr int lane(std::size_t i) {
        const int block = static_cast<int>(i) / PerBlock * PerBlock,
                  at = static_cast<int>(i) % PerBlock;
        const int from = at / (2 * G) * G + at % G + (High ? PerBlock / 2 : 0);
        return block + from + (at / G % 2 ? L : 0);
    }
};
// Exchanges blocks of D lanes: the low or high halves of each 2 D lanes, x's then y's.
template <int L, int D, bool High>
struct Swap {
    static constexpr int lane(std::size_t i) {
        const int at = static_cast<int>(i);
        const int pair = at / (2 * D) * (2 * D);
        return pair + at % D + (High ? D : 0) + (at / D % 2 ? L : 0);
    }
};

template <class T>
RV_INLINE void transpose_square(Vec<T>* v) {
    constexpr int L = kLanes<T>;
    constexpr int B = 16 / static_cast<int>(sizeof(T));  // lanes in 128 bits
    constexpr auto all = std::make_index_sequence<L>{};
    if constexpr (B == 4) {
#pragma GCC unroll 16
        for (int i = 0; i < L; i += 4) {
            const auto a = choose(v[i], v[i + 1], Unpack<L, B, 1, false>{}, all);
            const auto b = choose(v[i], v[i + 1], Unpack<L, B, 1, true>{}, all);
            const auto c = choose(v[i + 2], v[i + 3], Unpack<L, B, 1, false>{}, all);
            const auto d = choose(v[i + 2], v[i + 3], Unpack<L, B, 1, true>{}, all);
            v[i] = choose(a, c, Unpack<L, B, 2, false>{}, all);
            v[i + 1] = choose(a, c, Unpack<L, B, 2, true>{}, all);
            v[i + 2] = choose(b, d, Unpack<L, B, 2, false>{}, all);
            v[i + 3] = choose(b, d, Unpack<L, B, 2, true>{}, all);
        }
    } else {
#pragma GCC unroll 16
        for (int i = 0; i < L; i += 2) {
            const auto a = v[i];
            v[i] = choose(a, v[i + 1], Unpack<L, B, 1, false>{}, all);
            v[i + 1] = choose(a, v[i + 1], Unpack<L, B, 1, true>{}, all);
        }
    }
    if constexpr (L >= 2 * B) {
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i)
            if ((i & B) == 0) {
                const auto a = v[i];
                v[i] = choose(a, v[i + B], Swap<L, B, false>{}, all);
                v[i + B] = choose(a, v[i + B], Swap<L, B, true>{}, all);
            }
    }
    if constexpr (L >= 4 * B) {
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i)
            if ((i & (2 * B)) == 0) {
                const auto a = v[i];
                v[i] = choose(a, v[i + 2 * B], Swap<L, 2 * B, false>{}, all);
                v[i + 2 * B] = choose(a, v[i + 2 * B], Swap<L, 2 * B, true>{}, all);
            }
    }
}

// Lane i of v[0] becomes the sum over the lanes of v[i], in hsum's order. The others are destroyed.
template <class T, int W = kLanes<T> / 2>
RV_INLINE void hsum_each(Vec<T>* v) {
    constexpr int L = kLanes<T>;
    constexpr auto all = std::make_index_sequence<L>{};
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) {
        const auto low = choose(v[i], v[i + W], Swap<L, W, false>{}, all);
        v[i] = low + choose(v[i], v[i + W], Swap<L, W, true>{}, all);
    }
    if constexpr (W > 1) hsum_each<T, W / 2>(v);
}

}  // namespace
}  // namespace ranvier::RV_ISA
