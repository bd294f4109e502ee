// Matrix products.
#pragma once

#include "ranvier/types.hpp"

namespace ranvier {

enum class Trans : int { no, yes };

// What is done to each element of C while its tile is still in registers or L1, in this order:
//   c += bias[j];  pre[i, j] = c (if pre);  c = act(c)
template <class T>
struct Epilogue {
    const T* bias = nullptr;  // [N]
    Act act = Act::linear;
    ActParams params{};
    T* pre = nullptr;  // [M, N]: the value before the activation, for derivatives that need it
    index_t ldpre = 0;
};

// C = epilogue(alpha op(A) op(B) + beta C), op(A) is M x K, op(B) is K x N, C is M x N.
// Row-major: A is stored [M, K] with row stride lda >= K, or [K, M] with lda >= M if ta is yes;
// B likewise. beta = 0 never reads C (C may hold NaN); alpha = 0 or K = 0 never reads A or B.
// C, A and B must not overlap. M or N = 0 does nothing. Same bits for any number of threads.
// `of_rows`: the rows of the whole product where a caller divides one among threads: they choose
// the way in which sums are made (0: m). `of_summands`: those of the whole product where a caller
// adds it up part by part: whether A and B come from far away (0: k). Instantiated for float and
// double.
template <class T>
void gemm(Trans ta, Trans tb, index_t m, index_t n, index_t k, T alpha, const T* a, index_t lda,
          const T* b, index_t ldb, T beta, T* c, index_t ldc, const Epilogue<T>& epilogue = {},
          index_t of_rows = 0, index_t of_summands = 0);

}  // namespace ranvier
