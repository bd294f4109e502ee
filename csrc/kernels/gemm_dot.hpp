// Dot products: both operands contiguous along K, R x C accumulators of one vector each, whose
// lanes are summed together in the end. An element's bits do not depend on the tile it falls in.
#pragma once

#include "kernels/gemm_tile.hpp"

namespace ranvier::RV_ISA {
namespace {

// Enough to hide an addition's latency, and a whole number of vectors of sums.
template <class T>
inline constexpr int kDotSums = kLanes<T> < 8 ? 8 : kLanes<T>;

// Rows of C columns between memory and lane r * C + c.
template <class T, int C>
RV_INLINE void load_rows(int rows, const T* x, index_t ld, T* lanes) {
    for (int r = 0; r < rows; ++r) std::memcpy(lanes + r * C, x + r * ld, C * sizeof(T));
}
template <class T, int C>
RV_INLINE void store_rows(int rows, T* x, index_t ld, const T* lanes) {
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) std::memcpy(x + r * ld, lanes + r * C, C * sizeof(T));
}

// Out of line: it is longer than the sums.
template <class T, int C>
__attribute__((noinline)) void finish_dots(const GemmTask<T>& t, T* sums, index_t i0, index_t j0,
                                           int rows) {
    constexpr int L = kLanes<T>, kMost = kDotSums<T> / L;
    const int vectors = (rows * C + L - 1) / L;
    T* c = t.c + i0 * t.ldc + j0;
    if (t.alpha != T(1) || t.beta != T(0) || t.bias) {
        T old[kMost * L] = {}, bias[kMost * L] = {};
        if (t.beta != T(0)) load_rows<T, C>(rows, c, t.ldc, old);
        if (t.bias) load_rows<T, C>(rows, t.bias + j0, 0, bias);
        for (int v = 0; v < vectors; ++v) {
            Vec<T> x = load(sums + v * L) * splat<T>(t.alpha);
            if (t.beta != T(0)) x = fma(splat<T>(t.beta), load(old + v * L), x);
            if (t.bias) x += load(bias + v * L);
            store(sums + v * L, x);
        }
    }
    if (t.pre) store_rows<T, C>(rows, t.pre + i0 * t.ldpre + j0, t.ldpre, sums);
    if (t.relu)
        for (int v = 0; v < vectors; ++v) {
            const Vec<T> x = load(sums + v * L);
            store(sums + v * L, x < Vec<T>{} ? relu_below<T>(x, t.slope) : x);
        }
    store_rows<T, C>(rows, c, t.ldc, sums);
}

template <class T, int R, int C>
void dot_tile(const GemmTask<T>& t, index_t i0, index_t j0) {
    constexpr int L = kLanes<T>, V = (R * C + L - 1) / L;
    const T* a = t.a + i0 * t.rsa;
    const T* b = t.b + j0 * t.ldb;
    const T* run = a;
    Vec<T> acc[V * L];
#pragma GCC unroll 16
    for (int x = 0; x < V * L; ++x) acc[x] = Vec<T>{};
    auto step = [&](auto get) __attribute__((always_inline)) {
        Vec<T> bv[C];
#pragma GCC unroll 16
        for (int c = 0; c < C; ++c) bv[c] = get(b + c * t.ldb);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            Vec<T> av = get(run + r * t.rsa);
            if constexpr (C > 1) keep_in_register(av);
#pragma GCC unroll 16
            for (int c = 0; c < C; ++c) acc[r * C + c] = fma(av, bv[c], acc[r * C + c]);
        }
    };
    const index_t* offset = t.offsets;
    index_t left = offset ? t.segments : 1;
    do {
        run = offset ? a + *offset++ : a;
        index_t p = t.k;
        for (; p >= L; p -= L, run += L, b += L)
            step([](const T* x) __attribute__((always_inline)) { return load(x); });
        if (p > 0) {
            const LaneMask<T> mask = lane_mask<T>(p);
            step([=](const T* x) __attribute__((always_inline)) { return load_lanes(x, mask); });
            b += p;
        }
    } while (--left > 0);
    T sums[V * L];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
        hsum_each<T>(acc + v * L);
        store(sums + v * L, acc[v * L]);
    }
    if (t.alpha != T(1) || t.beta != T(0) || t.bias || t.pre || t.relu)
        return finish_dots<T, C>(t, sums, i0, j0, R);
    store_rows<T, C>(R, t.c + i0 * t.ldc + j0, t.ldc, sums);
}

template <class T>
using DotTile = void (*)(const GemmTask<T>&, index_t, index_t);

// Tiles by the logarithms of R and C. Those of too many sums stand empty.
template <class T, int LogR, int LogC>
constexpr DotTile<T> dot_tile_of() {
    if constexpr ((1 << LogR << LogC) <= kDotSums<T>)
        return &dot_tile<T, (1 << LogR), (1 << LogC)>;
    else
        return nullptr;
}
template <class T, int LogR>
RV_INLINE DotTile<T> dot_tile_with(int log_c) {
    constexpr DotTile<T> all[] = {dot_tile_of<T, LogR, 0>(), dot_tile_of<T, LogR, 1>(),
                                  dot_tile_of<T, LogR, 2>(), dot_tile_of<T, LogR, 3>(),
                                  dot_tile_of<T, LogR, 4>()};
    return all[log_c];
}
template <class T>
RV_INLINE DotTile<T> dot_tile_at(int log_r, int log_c) {
    switch (log_r) {
        case 0:
            return dot_tile_with<T, 0>(log_c);
        case 1:
            return dot_tile_with<T, 1>(log_c);
        case 2:
            return dot_tile_with<T, 2>(log_c);
        case 3:
            return dot_tile_with<T, 3>(log_c);
        default:
            return dot_tile_with<T, 4>(log_c);
    }
}

constexpr int floor_log2(index_t n) {
    return 63 - __builtin_clzll(static_cast<unsigned long long>(n));
}

// Calls f(at, log) over [0, n) in steps of 2^most, then of the powers of two that are left.
template <class F>
RV_INLINE void by_powers(index_t from, index_t to, int most, F f) {
    for (; from + (index_t{1} << most) <= to; from += index_t{1} << most) f(from, most);
    while (from < to) {
        const int log = floor_log2(to - from);
        f(from, log);
        from += index_t{1} << log;
    }
}

template <class T>
void dots(const GemmTask<T>& t) {
    constexpr int sums = floor_log2(kDotSums<T>);
    // Four rows share what is read of B, unless there are fewer rows or fewer columns.
    int log_c = floor_log2(t.n) < sums - 2 ? floor_log2(t.n) : sums - 2;
    int log_r = sums - log_c;
    if (floor_log2(t.m) < log_r) {
        log_r = floor_log2(t.m);
        // More than eight streams collide in a cache whose ways they all want.
        log_c = sums - log_r < 3 ? sums - log_r : 3;
    }
    // The longer operand is walked once, the shorter stays in L1.
    const index_t columns = t.n > t.m ? index_t{1} << log_c : t.n;
    for (index_t j = 0; j < t.n; j += columns) {
        const index_t end = j + columns < t.n ? j + columns : t.n;
        by_powers(0, t.m, log_r, [&](index_t i, int r) {
            by_powers(j, end, log_c, [&](index_t at, int c) { dot_tile_at<T>(r, c)(t, i, at); });
        });
    }
}

}  // namespace
}  // namespace ranvier::RV_ISA
