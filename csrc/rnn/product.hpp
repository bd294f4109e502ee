// One matrix that many products share: packed once for a whole walk through time.
#pragma once

#include <algorithm>

#include "kernels/gemm.hpp"

namespace ranvier {

template <class T>
class Factor {
  public:
    // op(W) is k x n, W stored with row stride ld; null W: never used. `pack` false: in place, for
    // products of at most `max_rows_in_place` rows, W not transposed.
    Factor(const T* w, index_t k, index_t n, index_t ld, bool trans, bool pack)
        : kernels_(kernels<GemmKernels, T>()),
          w_(w),
          k_(k),
          n_(n),
          ld_(ld),
          panels_(w && pack ? k * panels() * kernels_.nr : 0) {
        if (w == nullptr || !pack) return;
        packed_ = true;
        for (index_t p = 0; p < k; p += kBlock)
            for (index_t j = 0; j < n; j += kernels_.nr) {
                const index_t depth = std::min(kBlock, k - p), width = std::min(nr(), n - j);
                if (trans)
                    kernels_.pack_bt(depth, width, w + j * ld + p, ld, at(p, j));
                else
                    kernels_.pack_b(depth, width, w + p * ld + j, ld, at(p, j));
            }
    }

    static index_t max_rows_in_place() { return kernels<GemmKernels, T>().mr; }

    // C = A op(W) + beta C + bias, A m x k with row stride lda. The same bits for any m.
    void multiply(index_t m, const T* a, index_t lda, T beta, const T* bias, T* c,
                  index_t ldc) const {
        if (m <= 0 || n_ <= 0) return;
        GemmTask<T> task{};
        task.m = m;
        task.rsa = lda;
        task.csa = 1;
        task.alpha = T(1);
        task.ldc = ldc;
        if (!packed_) {
            task.n = n_, task.k = k_, task.a = a, task.b = w_, task.ldb = ld_;
            task.beta = beta, task.c = c, task.bias = bias;
            return kernels_.skinny(task);
        }
        for (index_t p = 0; p < k_; p += kBlock)
            for (index_t j = 0; j < n_; j += kernels_.nr) {
                task.n = std::min(nr(), n_ - j);
                task.k = std::min(kBlock, k_ - p);
                task.a = a + p;
                task.b = at(p, j);
                task.ldb = kernels_.nr;
                task.beta = p > 0 ? T(1) : beta;
                task.c = c + j;
                task.bias = p == 0 && bias ? bias + j : nullptr;
                kernels_.panel(task, true);
            }
    }

  private:
    static constexpr index_t kBlock = 512;
    index_t nr() const { return kernels_.nr; }
    index_t panels() const { return (n_ + nr() - 1) / nr(); }
    T* at(index_t p, index_t j) const {
        return panels_.get() + p * panels() * nr() + j * std::min(kBlock, k_ - p);
    }

    const GemmKernels<T>& kernels_;
    const T* w_;
    index_t k_, n_, ld_;
    bool packed_ = false;
    Scratch<T> panels_;
};

}  // namespace ranvier
