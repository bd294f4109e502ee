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

template <class T, int K, bool Adds>
void few_rows(const GemmTask<T>& t) {
    constexpr index_t L = kLanes<T>;
    const index_t n = t.n, ldb = t.ldb;
    const T *b = t.b, *bias = t.bias;
    const bool adds = t.beta != T(0);
    const Vec<T> least = splat<T>(t.relu ? T(0) : -std::numeric_limits<T>::infinity());
    for (index_t i = 0; i < t.m; ++i) {
        T* c = t.c + i * t.ldc;
        Vec<T> a[K];
#pragma GCC unroll 16
        for (int p = 0; p < K; ++p) a[p] = splat<T>(t.a[i * t.rsa + p * t.csa]);
        // The last vector ends with the row: what it shares with the one before is written twice.
        for (index_t j = 0;;) {
            const T* row = b + j;
            Vec<T> x = fma(a[0], load(row), Vec<T>{});  // +0 and not -0, as in tiles
#pragma GCC unroll 16
            for (int p = 1; p < K; ++p) x = fma(a[p], load(row += ldb), x);
            // Branches that are taken cost as much as the rest.
            if constexpr (Adds) {
                if (__builtin_expect(adds, false)) x += load(c + j);
                if (__builtin_expect(bias != nullptr, true)) x += load(bias + j);
                x = vmax(least, x);
            }
            store<T>(c + j, x);
            j += L;
            if (__builtin_expect(j <= n - L, true)) continue;
            if (j >= n) break;
            j = n - L;
        }
    }
}

template <class T, bool Adds, std::size_t... K>
RV_INLINE void few_choose(const GemmTask<T>& t, std::index_sequence<K...>) {
    static constexpr void (*rows[])(const GemmTask<T>&) = {
        &few_rows<T, static_cast<int>(K) + 1, Adds>...};
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
