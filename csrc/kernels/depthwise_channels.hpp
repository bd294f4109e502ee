// The channels of a pixel, some vectors at a time.
#pragma once

#include <algorithm>

#include "kernels/depthwise.hpp"
#include "simd/partial.hpp"

namespace ranvier::RV_ISA {
namespace {

// V vectors of channels from j on, operands of the multiply-adds; V = 0: the first `rest` of one.
template <class T, int V>
struct Channels {
    static constexpr bool whole = V > 0;
    static constexpr int vectors = whole ? V : 1;
    index_t j, rest;
    LaneMask<T> mask;
    Channels(index_t first, index_t n) : j(first), rest(n), mask(lane_mask<T>(n)) {}
    RV_INLINE Vec<T> get(const T* p, int v = 0) const {
        return whole ? load(p + j + v * kLanes<T>) : load_lanes(p + j, mask);
    }
    RV_INLINE void put(T* p, Vec<T> value, int v = 0) const {
        if (whole)
            store(p + j + v * kLanes<T>, value);
        else
            store_lanes(p + j, value, rest);
    }
};

// What is done at a time: so many, or so few where there is nothing but SSE2, for size.
constexpr int at_a_time([[maybe_unused]] int vectors, [[maybe_unused]] int few = 1) {
#if defined(__AVX2__) || defined(__ARM_NEON)
    return vectors;
#else
    return few;
#endif
}

// Calls f for all channels, V vectors at a time.
template <class T, int V, class F>
RV_INLINE void each_channels(index_t c, F f) {
    constexpr index_t L = kLanes<T>;
    index_t j = 0;
    for (; j + V * L <= c; j += V * L) f(Channels<T, V>(j, L));
    for (; j < c; j += L) f(Channels<T, 0>(j, std::min(L, c - j)));
}

// For size not where there is nothing but SSE2.
constexpr bool kRows = at_a_time(2) == 2;

}  // namespace
}  // namespace ranvier::RV_ISA
