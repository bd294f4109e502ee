// Losses over blocks of rows: value a row, gradient and probabilities in one pass.
#pragma once

#include "kernels/kernels.hpp"
#include "ranvier/loss.hpp"

namespace ranvier {

template <class T>
struct LossBlock {
    index_t rows, cols;
    const T* y_true;            // [rows, cols], or [rows] class numbers
    const T* y_pred;            // [rows, cols]
    const T* weight;            // [rows] or null
    T scale;                    // of the gradient, before the weight
    T smooth_keep, smooth_add;  // targets become t * smooth_keep + smooth_add
    T low, high;                // bounds of probabilities
    int rare;                   // which of `LossElementKernels::rare`: Loss less Loss::huber
    T delta;                    // of huber
    bool ignores;
    T ignored;   // the label that counts nothing, if `ignores`
    T* loss;     // [rows]
    T* dy;       // [rows, cols] or null; may be y_pred
    T* prob;     // [rows, cols] or null; may be y_pred unless dy is
    T* scratch;  // at least rows * cols
};

template <class T>
struct LossElementKernels {
    using Block = void (*)(const LossBlock<T>& b);
    Block mse, mae, half_poisson_logits, rare;
    // sum w loss, in double
    double (*weighted_sum)(index_t rows, const T* loss, const T* weight);
};

template <class T>
struct LossBinaryKernels {
    using Block = void (*)(const LossBlock<T>& b);
    Block probabilities, logits;
};

template <class T>
struct LossClassKernels {
    using Block = void (*)(const LossBlock<T>& b);
    Block categorical, sparse;
};
template <class T>
struct LossLogitsKernels {
    using Block = void (*)(const LossBlock<T>& b);
    Block categorical, sparse;
};

template <class T>
struct CountKernels {
    // match[i] = 1 or 0 (a mean over columns for the elementwise kinds)
    void (*block)(Count kind, T threshold, index_t k, index_t rows, index_t cols, const T* y_true,
                  const T* y_pred, T* match);
};

RV_DECLARE_NARROW_KERNELS(LossElementKernels, avx2)
RV_DECLARE_KERNELS(LossBinaryKernels)
RV_DECLARE_COLD_KERNELS(LossClassKernels)
RV_DECLARE_KERNELS(LossLogitsKernels)
RV_DECLARE_NARROW_KERNELS(CountKernels, baseline)

}  // namespace ranvier
