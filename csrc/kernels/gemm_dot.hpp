// Dot products: both operands contiguous along K, C x R accumulators of one vector each. An
// element's bits do not depend on the tile it falls in.
#pragma once

#include "kernels/gemm_tile.hpp"

namespace ranvier::RV_ISA {
namespace {

template <class T, int R, int C>
void dot_tile(const GemmTask<T>& t, index_t i0, index_t j0) {
    constexpr int L = kLanes<T>;
    const T* a = t.a + i0 * t.rsa;
    const T* b = t.b + j0 * t.ldb;
    Vec<T> acc[R][C];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) acc[r][c] = Vec<T>{};
    auto step = [&](auto get) __attribute__((always_inline)) {
        Vec<T> bv[C];
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) bv[c] = get(b + c * t.ldb);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            const Vec<T> av = get(a + r * t.rsa);
#pragma GCC unroll 8
            for (int c = 0; c < C; ++c) acc[r][c] = fma(av, bv[c], acc[r][c]);
        }
        a += L;
        b += L;
    };
    index_t p = t.k;
    for (; p >= L; p -= L) step([](const T* x) __attribute__((always_inline)) { return load(x); });
    if (p > 0) {
        const LaneMask<T> mask = lane_mask<T>(p);
        step([=](const T* x) __attribute__((always_inline)) { return load_lanes(x, mask); });
    }
    T sums[R * C];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) sums[r * C + c] = t.alpha * hsum<T>(acc[r][c]);
    if (t.c_transposed) return finish_transposed(t, sums, C, i0, j0, R, C);
    for (index_t i = 0; i < R; ++i)
        for (index_t j = 0; j < C; ++j) {
            T* c = t.c + (i0 + i) * t.ldc + j0 + j;
            T* pre = t.pre ? t.pre + (i0 + i) * t.ldpre + j0 + j : nullptr;
            *c = finish_scalar(t, sums[i * C + j], c, pre, j0 + j);
        }
}

// R rows at i0 against columns j0..j1.
template <class T, int R>
void dot_rows(const GemmTask<T>& t, index_t i0, index_t j0, index_t j1) {
    constexpr int most = R == 1 ? 8 : R <= 3 ? 4 : 3;
    index_t j = j0;
    for (; j + most <= j1; j += most) dot_tile<T, R, most>(t, i0, j);
    if (most > 4 && j + 4 <= j1) dot_tile<T, R, most == 8 ? 4 : 1>(t, i0, j), j += 4;
    if (j + 2 <= j1) dot_tile<T, R, 2>(t, i0, j), j += 2;
    if (j < j1) dot_tile<T, R, 1>(t, i0, j);
}

template <class T>
void dots(const GemmTask<T>& t) {
    // The longer operand is walked once, the shorter stays in L1.
    const index_t columns = t.n > t.m ? 12 : t.n;
    for (index_t j = 0; j < t.n; j += columns) {
        const index_t j1 = j + columns < t.n ? j + columns : t.n;
        index_t i = 0;
        for (; i + 4 <= t.m; i += 4) dot_rows<T, 4>(t, i, j, j1);
        switch (t.m - i) {
            case 3:
                dot_rows<T, 3>(t, i, j, j1);
                break;
            case 2:
                dot_rows<T, 2>(t, i, j, j1);
                break;
            case 1:
                dot_rows<T, 1>(t, i, j, j1);
                break;
            default:
                break;
        }
    }
}

}  // namespace
}  // namespace ranvier::RV_ISA
