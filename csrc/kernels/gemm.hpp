// Register kernels and packing of the matrix product. The loops around them are in csrc/gemm/.
#pragma once

#include "kernels/kernels.hpp"

namespace ranvier {

// What a kernel computes: C = finish(alpha A B + beta C) for m rows and n columns, K summed in
// order. Element (i, p) of A is a[i * rsa + p * csa].
template <class T>
struct GemmTask {
    index_t m, n, k;
    const T* a;
    index_t rsa, csa;
    // A is in panels of `split_rows(m)` rows instead, each column by column (pack_a).
    bool a_packed;
    // K in `segments` runs of k summands (null: one): run s of A begins at a + offsets[s], B goes
    // on. A convolution's patch is such a row: panel() and dots() read them.
    const index_t* offsets;
    index_t segments;
    const T* b;  // row p of B at b + p * ldb, ldb > 0; for dots(), column j of B at b + j * ldb
    index_t ldb;
    T alpha, beta;
    T* c;
    index_t ldc;
    bool c_transposed;  // element (i, j) goes to c[j * ldc + i], pre likewise; bias is by i
    const T* bias;
    T* pre;
    index_t ldpre;
    bool relu;
    T slope;
    // What panel() brings near while it works: `ahead_size` elements that lie one after the other.
    const T* ahead;
    index_t ahead_size;
    index_t c_ahead;  // with 256 bits: a tile fetches the rows of C so many elements behind its own
    // What skinny() does: the rows of B that are wanted next.
    const T* next;
    index_t next_rows, next_ld;
};

// m rows in tiles of at most `most`, their sizes differing by one at most: a lone last row would
// run at a fraction of the speed.
struct RowSplit {
    index_t tiles, base, extra;  // the first `extra` tiles have base + 1 rows
};
static constexpr RowSplit split_rows(index_t m, index_t most) {
    const index_t tiles = (m + most - 1) / most;
    return tiles ? RowSplit{tiles, m / tiles, m % tiles} : RowSplit{0, 0, 0};
}

template <class T>
struct GemmKernels {
    int mr, nr, lanes;
    int most_few, most_few_added;  // the most summands that few() takes
    // One panel: n <= nr. b_padded: B is packed, so that whole vectors may be read past n.
    void (*panel)(const GemmTask<T>& task, bool b_padded);
    // m <= mr and any n, B in place: each row of B is read once.
    void (*skinny)(const GemmTask<T>& task);
    // Any m, n >= lanes, B in place, at most `most_few` summands, or `most_few_added` where there
    // is bias, ReLU or beta = 1 (then n is a multiple of `lanes`); alpha = 1, no slope, no `pre`.
    void (*few)(const GemmTask<T>& task);
    // Rows of A and columns of B contiguous along K (csa = 1).
    void (*dots)(const GemmTask<T>& task);
    // n <= nr columns of B to rows of nr, padded with zeros.
    void (*pack_b)(index_t k, index_t n, const T* b, index_t ldb, T* out);
    // The same of a transposed B: column j at b + j * ldb.
    void (*pack_bt)(index_t k, index_t n, const T* b, index_t ldb, T* out);
    // m rows of A to tiles of split_rows(m, mr); writes up to `lanes` elements past m * k.
    void (*pack_a)(index_t m, index_t k, const T* a, index_t rsa, index_t csa, T* out);
};

RV_DECLARE_WIDE_KERNELS(GemmKernels)

}  // namespace ranvier
