// Packing: operands rearranged into the order in which the tiles read them.
#pragma once

#include "kernels/gemm_tile.hpp"

namespace ranvier::RV_ISA {
namespace {

template <class T>
void pack_b(index_t k, index_t n, const T* b, index_t ldb, T* out) {
    constexpr int L = kLanes<T>, NV = kTileVecs<T>, NR = NV * L;
    if (n == NR) {
        for (index_t p = 0; p < k; ++p, b += ldb, out += NR)
#pragma GCC unroll 8
            for (int v = 0; v < NV; ++v) store(out + v * L, load(b + v * L));
        return;
    }
    const index_t whole = n / L * L;
    const LaneMask<T> mask = lane_mask<T>(n - whole);
    for (index_t p = 0; p < k; ++p, b += ldb, out += NR) {
        for (index_t j = 0; j < whole; j += L) store(out + j, load(b + j));
        store(out + whole, load_lanes(b + whole, mask));
        for (index_t j = whole + L; j < NR; j += L) store(out + j, Vec<T>{});
    }
}

// A square of `rows` x `cols` (<= L) at x, zeros around it, transposed in v.
template <class T>
RV_INLINE void load_transposed(const T* x, index_t ld, index_t rows, index_t cols, Vec<T>* v) {
    constexpr int L = kLanes<T>;
    if (rows == L && cols == L) {
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i) v[i] = load(x + i * ld);
    } else {
        const LaneMask<T> mask = lane_mask<T>(cols);
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i) v[i] = i < rows ? load_lanes(x + i * ld, mask) : Vec<T>{};
    }
    transpose_square<T>(v);
}

template <class T>
void pack_bt(index_t k, index_t n, const T* b, index_t ldb, T* out) {
    constexpr int L = kLanes<T>, NR = kTileVecs<T> * L;
    for (index_t p = 0; p < k; p += L) {
        const index_t cols = k - p < L ? k - p : L;
        for (index_t j = 0; j < NR; j += L) {
            const index_t rows = n - j < 0 ? 0 : n - j < L ? n - j : L;
            Vec<T> v[L];
            load_transposed<T>(b + (rows ? j * ldb + p : 0), ldb, rows, cols, v);
            if (cols == L) {
#pragma GCC unroll 16
                for (int i = 0; i < L; ++i) store(out + (p + i) * NR + j, v[i]);
            } else {
#pragma GCC unroll 16
                for (int i = 0; i < L; ++i)
                    if (i < cols) store(out + (p + i) * NR + j, v[i]);
            }
        }
    }
}

// Vectors are written whole; what spills over a row's end is overwritten by the next row.
template <class T>
void pack_a_rows(index_t rows, index_t k, const T* a, index_t lda, T* out) {
    constexpr int L = kLanes<T>;
    for (index_t p = 0; p < k; p += L) {
        const index_t cols = k - p < L ? k - p : L;
        Vec<T> v[(kTileRows + L - 1) / L][L];
        int groups = 0;
        for (index_t i = 0; i < rows; i += L)
            load_transposed<T>(a + i * lda + p, lda, rows - i < L ? rows - i : L, cols,
                               v[groups++]);
        for (index_t q = 0; q < cols; ++q)
            for (int g = 0; g < groups; ++g) store(out + (p + q) * rows + g * L, v[g][q]);
    }
}

// `beyond`: elements of each row of A that may be read past `rows`. `room`: that may be written;
// what is written past a row is overwritten by the next ones.
template <class T>
RV_INLINE void pack_a_cols(index_t rows, index_t k, const T* a, index_t lda, index_t beyond,
                           index_t room, T* out) {
    constexpr int L = kLanes<T>;
    const index_t whole = rows / L * L, partial = rows - whole;
    const LaneMask<T> mask = lane_mask<T>(partial);
    const bool reads_on = beyond >= L;
    for (index_t p = 0; p < k; ++p, a += lda, out += rows, room -= rows) {
        for (index_t i = 0; i < whole; i += L) store(out + i, load(a + i));
        if (partial == 0) continue;
        const Vec<T> x = reads_on ? load(a + whole) : load_lanes(a + whole, mask);
        if (whole + L > room)
            store_lanes(out + whole, x, partial);
        else
            store(out + whole, x);
    }
}

// An A stored [K, M] is read in its order, so many rows at a time for all tiles, where tiles are
// about as wide as a line of the cache.
inline constexpr index_t kPackedTogether = 16;

template <class T>
void pack_a(index_t m, index_t k, const T* a, index_t rsa, index_t csa, T* out) {
    const RowSplit s = split_rows(m, kTileRows);
    const index_t part = csa == 1 || kVecBytes < 64 ? k : kPackedTogether;
    for (index_t p = 0; p < k; p += part)
        for (index_t tile = 0, i = 0; tile < s.tiles; ++tile) {
            const index_t rows = s.base + (tile < s.extra), left = k - p < part ? k - p : part;
            if (csa == 1)
                pack_a_rows<T>(rows, k, a + i * rsa, rsa, out + i * k);
            else
                pack_a_cols<T>(rows, left, a + i + p * csa, csa, m - i - rows, (k - p) * rows,
                               out + i * k + p * rows);
            i += rows;
        }
}

}  // namespace
}  // namespace ranvier::RV_ISA
