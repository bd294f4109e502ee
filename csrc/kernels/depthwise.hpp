// Convolution of each channel by itself.
#pragma once

#include "kernels/kernels.hpp"

namespace ranvier {

// Output pixels of one row: y[p, j] = sum over taps t of x[p * step + offsets[t] + j] w[at[t] + j].
template <class T>
struct DepthwiseTask {
    index_t c, pixels, taps;
    const index_t *offsets, *at;
    const T* x;
    index_t step;
    const T* ahead;  // what later tasks will have as x, to be brought into the cache
    index_t ahead_size;
    const T* ahead_y;  // and as y or dy
    index_t ahead_y_size;
    const T* w;
    T* y;
    index_t ldy;
    const T* bias;  // may be null
    bool relu;
    T slope;
};

template <class T>
struct DepthwiseKernels {
    void (*forward)(const DepthwiseTask<T>& task);
    // dw[at[t] + j] += sum over pixels p of x[p * step + offsets[t] + j] y[p, j]; y is dy.
    void (*weights)(const DepthwiseTask<T>& task, T* dw);
};

RV_DECLARE_COLD_KERNELS(DepthwiseKernels)

}  // namespace ranvier
