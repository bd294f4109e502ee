// A matrix product as the drivers see it, and the loops that compute a block of its C.
#pragma once

#include "gemm/blocking.hpp"
#include "kernels/gemm.hpp"
#include "ranvier/gemm.hpp"

namespace ranvier {

// op(A)(i, p) = a[i * rsa + p * csa], op(B)(p, j) = b[p * rsb + j * csb].
template <class T>
struct GemmProblem {
    index_t m = 0, n = 0, k = 0;
    index_t of_rows = 0;      // >= m: of the product that this is a part of; they choose the way
    index_t of_summands = 0;  // >= k: the same
    T alpha = 1;
    const T* a = nullptr;
    index_t rsa = 0, csa = 0;
    const T* b = nullptr;
    index_t rsb = 0, csb = 0;
    T beta = 0;
    T* c = nullptr;
    index_t ldc = 0;
    bool c_transposed = false;
    const Epilogue<T>* epilogue = nullptr;

    // C^T = B^T A^T, into the same C.
    GemmProblem swapped() const {
        GemmProblem s = *this;
        s.m = s.of_rows = n, s.n = m;
        s.a = b, s.rsa = csb, s.csa = rsb;
        s.b = a, s.rsb = csa, s.csb = rsa;
        s.c_transposed = !c_transposed;
        return s;
    }
    // Whether few() of the kernels takes it, and there are rows enough to pay for copying B.
    bool has_few_summands() const;
    // The kernels' view of rows i0..i1, columns j0..j1, and the summands p0..p1. The first part of
    // K brings beta in, the last one the epilogue.
    [[gnu::noinline]] GemmTask<T> task(index_t i0, index_t i1, index_t j0, index_t j1, index_t p0,
                                       index_t p1) const;
    // Activations that the kernels do not do themselves, on a finished block of C.
    [[gnu::noinline]] void activate(index_t i0, index_t i1, index_t j0, index_t j1) const;
};

// Each computes rows i0..i1 and columns j0..j1 of C by one thread.
template <class T>
void gemm_skinny(const GemmProblem<T>& g, index_t i0, index_t i1, index_t j0, index_t j1);
template <class T>
void gemm_few(const GemmProblem<T>& g, index_t i0, index_t i1, index_t j0, index_t j1);
template <class T>
void gemm_dots(const GemmProblem<T>& g, index_t i0, index_t i1, index_t j0, index_t j1);
template <class T>
void gemm_blocked(const GemmProblem<T>& g, index_t i0, index_t i1, index_t j0, index_t j1);

}  // namespace ranvier
