// Normalization: sums and maps over the columns of a matrix, and whole rows.
#pragma once

#include "kernels/kernels.hpp"
#include "ranvier/norm.hpp"

namespace ranvier {

// All on contiguous [rows, cols]; vectors of `cols` elements.
template <class T>
struct ColumnNormKernels {
    // about[j]: the mean of eight rows or more, evenly spread; sum[j] = sum_i (x[i, j] - about[j]);
    // square[j] = sum_i (x[i, j] - about[j])^2. As those rows count in the variance, taking
    // sum^2 / rows off square loses at most a factor rows / 8 of precision, however far from 0 the
    // numbers are, and next to nothing unless it is those rows that lie apart.
    void (*moments)(index_t rows, index_t cols, const T* x, T* about, T* sum, T* square);
    // y = (x - mean) * scale + shift
    void (*apply)(index_t rows, index_t cols, const T* x, const T* mean, const T* scale,
                  const T* shift, T* y);
    // sum[j] = sum_i dy[i, j], dot[j] = sum_i dy[i, j] (x[i, j] - mean[j])
    void (*dots)(index_t rows, index_t cols, const T* x, const T* mean, const T* dy, T* sum,
                 T* dot);
    // dx = a dy + b (x - mean) + c
    void (*gradient)(index_t rows, index_t cols, const T* x, const T* mean, const T* a, const T* b,
                     const T* c, const T* dy, T* dx);
};

template <class T>
struct RowNormKernels {
    // mean and inverse may be null.
    void (*forward)(RowNorm kind, index_t rows, index_t n, const T* x, const T* gamma,
                    const T* beta, double epsilon, T* y, T* mean, T* inverse);
    // dgamma and dbeta: the sums over these rows, both or neither null. dx may be null.
    void (*backward)(RowNorm kind, index_t rows, index_t n, const T* x, const T* mean,
                     const T* inverse, const T* gamma, double epsilon, const T* dy, T* dx,
                     T* dgamma, T* dbeta);
};

RV_DECLARE_NARROW_KERNELS(ColumnNormKernels, baseline)
RV_DECLARE_COLD_KERNELS(RowNormKernels)

}  // namespace ranvier
