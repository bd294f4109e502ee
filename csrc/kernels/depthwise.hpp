// Convolution of each channel by itself.
#pragma once

#include "kernels/kernels.hpp"

namespace ranvier {

// Output pixels of `lines` rows, x and y so far apart each: y[p, j] is the sum, over rows r of the
// kernel and i < run, of x[p * step + offsets[r] + i * between + j] w[at[r] + i * c + j].
template <class T>
struct DepthwiseTask {
    index_t c, pixels, rows, run, lines, line_x, line_y;
    const index_t *offsets, *at;
    index_t between;
    const T* x;
    index_t step;
    bool fetches;    // else all is read in its order, which the processor fetches ahead by itself
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
    // dw[at[r] + i * c + j] += sum over pixels p of all lines of x[...] y[p, j], x as above; y is
    // dy.
    void (*weights)(const DepthwiseTask<T>& task, T* dw);
};

RV_DECLARE_COLD_KERNELS(DepthwiseKernels)

}  // namespace ranvier
