// Softmax and log-softmax, forward and backward, over rows and over a strided axis.
#pragma once

#include "kernels/kernels.hpp"

namespace ranvier {

template <class T>
struct SoftmaxKernels {
    // Over contiguous rows of [rows, n]; y may be x.
    void (*rows_forward)(bool log, index_t rows, index_t n, const T* x, T* y);
    void (*rows_backward)(bool log, index_t rows, index_t n, const T* y, const T* dy, T* dx);
    // Over the first axis of [n, inner], for `count` columns; `inner` is the row stride.
    void (*axis_forward)(bool log, index_t n, index_t inner, index_t count, const T* x, T* y);
    void (*axis_backward)(bool log, index_t n, index_t inner, index_t count, const T* y,
                          const T* dy, T* dx);
};

RV_DECLARE_COLD_KERNELS(SoftmaxKernels)

}  // namespace ranvier
