// Sampling of images: one plane, or one row of it.
#pragma once

#include "kernels/kernels.hpp"
#include "ranvier/image.hpp"

namespace ranvier {

template <class T>
struct AffineJob {
    index_t h, w, c;
    double a[6];  // a0 a1 a2 b0 b1 b2
    FillMode fill;
    bool nearest;
    T fill_value;
};

template <class T>
struct ImageKernels {
    // Rows [first, last) of y. x and y are whole planes.
    void (*affine)(const AffineJob<T>& job, index_t first, index_t last, const T* x, T* y);
    // dx += ..., all rows.
    void (*affine_backward)(const AffineJob<T>& job, const T* dy, T* dx);
    // out[i] = sum_k weight[k] x[k stride + i]
    void (*combine_rows)(index_t n, index_t taps, const T* weight, const T* x, index_t stride,
                         T* out);
    // out[j, :] (+)= scale sum_k weight[j, k] x[start[j] + k, :], rows of c channels
    void (*resample)(index_t n, index_t c, index_t taps, const std::int32_t* start, const T* weight,
                     const T* x, T scale, bool add, T* out);
    // Its transpose: dx[start[j] + k, :] += weight[j, k] dy[j, :]
    void (*resample_backward)(index_t n, index_t c, index_t taps, const std::int32_t* start,
                              const T* weight, const T* dy, T* dx);
    // y += a x
    void (*add_scaled)(index_t n, T a, const T* x, T* y);
};

RV_DECLARE_NARROW_KERNELS(ImageKernels, baseline)

}  // namespace ranvier
