// Convolution of each channel by itself.
#pragma once

#include "kernels/kernels.hpp"

namespace ranvier {

// One row of output pixels: y[p, j] = sum over taps of x[p * step + offsets[tap] + j] w[tap, j].
template <class T>
struct DepthwiseTask {
    index_t c, pixels, taps;
    const index_t* offsets;
    const T* x;
    index_t step;
    const T* w;  // [taps, c]
    T* y;
    index_t ldy;
    const T* bias;  // may be null
    bool relu;
    T slope;
};

template <class T>
struct DepthwiseKernels {
    void (*forward)(const DepthwiseTask<T>& task);
    // dw[tap, j] += sum over pixels of x[...] y[p, j]: the task's w is dw, its y is dy.
    void (*weights)(const DepthwiseTask<T>& task, T* dw);
};

RV_DECLARE_KERNELS(DepthwiseKernels)

}  // namespace ranvier
