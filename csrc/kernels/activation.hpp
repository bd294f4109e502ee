// Elementwise activations and vector maths over contiguous arrays.
#pragma once

#include "kernels/kernels.hpp"

namespace ranvier {

// What the kernels tell apart: Act, with the forms of relu and elu as entries of their own.
enum class ActForm : int {
    linear,
    binary_step,
    relu,
    leaky_relu,
    relu_general,
    sigmoid,
    tanh,
    softplus,
    softsign,
    elu,
    elu_from_input,
    selu,
    gelu,
    gelu_tanh,
    silu,
    hard_sigmoid,
    exponential,
    pieces,
    mish,
    tanh_shrink,
    squareplus,
};
inline constexpr int kActForms = 21;
inline constexpr int kMathFunctions = 8;

template <class T>
struct ActivationKernels {
    using Map = void (*)(const ActParams& p, index_t n, const T* x, T* y);
    Map forward[kActForms];  // y = act(x); y may be x
};

template <class T>
struct ActivationBackwardKernels {
    // dx = dy * act'; dx may be dy or saved
    using Backward = void (*)(const ActParams& p, index_t n, const T* saved, const T* dy, T* dx);
    Backward backward[kActForms];
    // out[j] = sum_i x[i, j]
    void (*column_sums)(index_t rows, index_t cols, const T* x, T* out);
    void (*prelu_forward)(index_t rows, index_t cols, const T* x, const T* alpha, T* y);
    // dx, and t = dy * min(x, 0)
    void (*prelu_backward)(index_t rows, index_t cols, const T* x, const T* alpha, const T* dy,
                           T* dx, T* t);
};

template <class T>
struct MathKernels {
    void (*function[kMathFunctions])(index_t n, const T* x, T* y);  // in the order of enum Math
};

RV_DECLARE_KERNELS(ActivationKernels)
RV_DECLARE_KERNELS(ActivationBackwardKernels)
RV_DECLARE_KERNELS(MathKernels)

}  // namespace ranvier
