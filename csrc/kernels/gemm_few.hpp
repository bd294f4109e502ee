// Sums of so few products that little is done but writing C: its rows are walked to their end, the
// elements of A in registers.
#pragma once

#include <limits>

#include "kernels/gemm_tile.hpp"

namespace ranvier::RV_ISA {
namespace {

// The most products, without and with something added to them. Few processors want the others.
template <class T>
inline constexpr int kFew = kVecBytes == 32 || (kVecBytes == 64 && sizeof(T) == 4) ? 10 : 0;
template <class T>
inline constexpr int kFewAdded = kFew<T> > 0 ? 4 : 0;

// Two rows of C share what is read of B where there are registers for it, but not where so little
// is computed that a second stream of writes to memory would cost more.
template <int K>
inline constexpr int kFewTogether = kVecBytes == 64 && K >= 5 ? 2 : 1;

// So many bytes further C is fetched.
inline constexpr index_t kFewAhead = kVecBytes == 32 ? 4096 : 0;

// R rows of C from row i on.
template <class T, int R, int K, bool Adds>
RV_INLINE void few_rows(const GemmTask<T>& t, index_t i, Vec<T> least) {
    constexpr index_t L = kLanes<T>;
    const index_t n = t.n, ldb = t.ldb, ldc = t.ldc;
    const T *b = t.b, *bias = t.bias;
    const bool adds = t.beta != T(0);
    T* c = t.c + i * ldc;
    Vec<T> a[R][K];
#pragma GCC unroll 2
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
        for (int p = 0; p < K; ++p) a[r][p] = splat<T>(t.a[(i + r) * t.rsa + p * t.csa]);
    // The last vector ends with the row: what it shares with the one before is written twice.
    for (index_t j = 0;;) {
        const T* row = b + j;
        Vec<T> x[R];
#pragma GCC unroll 16
        for (int p = 0; p < K; ++p, row += ldb) {
            const Vec<T> y = load(row);
#pragma GCC unroll 2
            for (int r = 0; r < R; ++r)  // from +0 and not -0, as in tiles
                x[r] = fma(a[r][p], y, p == 0 ? Vec<T>{} : x[r]);
        }
#pragma GCC unroll 2
        for (int r = 0; r < R; ++r) {
            T* to = c + r * ldc + j;
            if (kFewAhead > 0) __builtin_prefetch(reinterpret_cast<char*>(to) + kFewAhead, 1);
            // Branches that are taken cost as much as the rest.
            if constexpr (Adds) {
                if (__builtin_expect(adds, false)) x[r] += load(to);
                if (__builtin_expect(bias != nullptr, true)) x[r] += load(bias + j);
                x[r] = vmax(least, x[r]);
            }
            store<T>(to, x[r]);
        }
        j += L;
        if (__builtin_expect(j <= n - L, true)) continue;
        if (j >= n) break;
        j = n - L;
    }
}

template <class T, int K, bool Adds>
void few_all(const GemmTask<T>& t) {
    constexpr int R = kFewTogether<K>;
    const Vec<T> least = splat<T>(t.relu ? T(0) : -std::numeric_limits<T>::infinity());
    index_t i = 0;
    if constexpr (R > 1)
        for (; i + R <= t.m; i += R) few_rows<T, R, K, Adds>(t, i, least);
    for (; i < t.m; ++i) few_rows<T, 1, K, Adds>(t, i, least);
}

template <class T, bool Adds, std::size_t... K>
RV_INLINE void few_choose(const GemmTask<T>& t, std::index_sequence<K...>) {
    static constexpr void (*rows[])(const GemmTask<T>&) = {
        &few_all<T, static_cast<int>(K) + 1, Adds>...};
    rows[t.k - 1](t);
}

template <class T>
void few(const GemmTask<T>& t) {
    if constexpr (kFew<T> > 0) {
        if (t.beta != T(0) || t.bias || t.relu)
            few_choose<T, true>(t, std::make_index_sequence<kFewAdded<T>>{});
        else
            few_choose<T, false>(t, std::make_index_sequence<kFew<T>>{});
    }
}

}  // namespace
}  // namespace ranvier::RV_ISA
