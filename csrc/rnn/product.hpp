// One matrix that many products share: packed once for a whole walk through time.
#pragma once

#include <algorithm>

#include "kernels/gemm.hpp"

namespace ranvier {

template <class T>
class Factor {
  public:
    // How the matrix lies for the products: packed for any number of rows; or row by row for few of
    // them, where it is, or each row at the beginning of a cache line for many products, or for
    // products of few summands that are added to nothing.
    enum Layout { panels, in_place, aligned, few_summands };
    static bool has_few_summands(index_t k, index_t n) {
        const GemmKernels<T>& kernel = kernels<GemmKernels, T>();
        return k > 0 && k <= kernel.most_few_added && n >= kernel.lanes;
    }

    // op(W) is k x n, W stored with row stride ld; null W: never used. trans: in panels only.
    Factor(const T* w, index_t k, index_t n, index_t ld, bool trans, Layout layout)
        : kernels_(kernels<GemmKernels, T>()),
          w_(w),
          k_(k),
          n_(n),
          ld_(ld),
          packed_(layout == panels),
          few_(layout == few_summands),
          own_(w == nullptr || layout == in_place ? 0
               : packed_                          ? k * blocks() * kernels_.nr
                                                  : k * line()) {
        if (w == nullptr || layout == in_place) return;
        if (!packed_) {
            for (index_t p = 0; p < k; ++p) std::copy_n(w + p * ld, n, own_.get() + p * line());
            w_ = own_.get();
            ld_ = line();
            return;
        }
        for (index_t p = 0; p < k; p += kBlock)
            for (index_t j = 0; j < n; j += kernels_.nr) {
                const index_t depth = std::min(kBlock, k - p), width = std::min(nr(), n - j);
                if (trans)
                    kernels_.pack_bt(depth, width, w + j * ld + p, ld, at(p, j));
                else
                    kernels_.pack_b(depth, width, w + p * ld + j, ld, at(p, j));
            }
    }

    // C = A op(W) + beta C + bias, A m x k with row stride lda. The same bits for any m.
    // `turn` counts the products of one walk.
    void multiply(index_t m, const T* a, index_t lda, T beta, const T* bias, T* c, index_t ldc,
                  index_t turn = 0) const {
        if (m <= 0 || n_ <= 0) return;
        GemmTask<T> task{};
        task.m = m;
        task.rsa = lda;
        task.csa = 1;
        task.alpha = T(1);
        task.ldc = ldc;
        if (few_) {
            task.n = n_, task.k = k_, task.a = a, task.b = w_, task.ldb = ld_;
            task.bias = bias, task.c = c;
            return kernels_.few(task);
        }
        if (!packed_) {
            task.k = k_, task.a = a, task.ldb = ld_, task.beta = beta;
            // In halves, to and fro: a matrix somewhat larger than the cache next to the processor
            // would else push each half out of it just before its turn.
            const index_t lanes = kernels_.lanes;
            const index_t half = std::min(n_, ((n_ + 1) / 2 + lanes - 1) / lanes * lanes);
            for (index_t i = 0; i < 2; ++i) {
                const index_t j = (i == turn % 2) ? 0 : half;
                task.n = j == 0 ? half : n_ - half;
                if (task.n <= 0) continue;
                task.b = w_ + j, task.c = c + j, task.bias = bias ? bias + j : nullptr;
                kernels_.skinny(task);
            }
            return;
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
    index_t blocks() const { return (n_ + nr() - 1) / nr(); }
    index_t line() const {
        constexpr index_t in_line = 64 / static_cast<index_t>(sizeof(T));
        return (n_ + in_line - 1) / in_line * in_line;
    }
    T* at(index_t p, index_t j) const {
        return own_.get() + p * blocks() * nr() + j * std::min(kBlock, k_ - p);
    }

    const GemmKernels<T>& kernels_;
    const T* w_;
    index_t k_, n_, ld_;
    bool packed_, few_;
    Scratch<T> own_;
};

}  // namespace ranvier
