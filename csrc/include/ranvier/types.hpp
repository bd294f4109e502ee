// Vocabulary shared by every part of the engine.
//
// Letters used for extents everywhere: N batch, H height, W width, C channels, T time,
// U units; for matrices M rows, N columns, K the summed extent. All arrays are row-major.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ranvier {

using index_t = std::ptrdiff_t;
using Shape = std::vector<index_t>;  // includes the batch axis first, where there is one

// Elementwise activations. softmax and log_softmax work on rows and are ops of their own.
enum class Act : int {
    linear,
    binary_step,
    relu,  // a = negative_slope, b = max_value (infinity: none), c = threshold
    sigmoid,
    tanh,
    softplus,  // a < 0: -softplus(-x), which is log_sigmoid
    softsign,
    elu,  // a = alpha, and exp(x / b) if b > 0
    selu,
    gelu,       // exact, by erf
    gelu_tanh,  // the tanh approximation
    silu,
    hard_sigmoid,  // relu6(x + 3) / 6, Keras 3's
    exponential,
    pieces,  // hard_tanh, hard_shrink, soft_shrink, threshold, sparse_plus, sparse_sigmoid,
             // hard_silu: c = 0..6; a = threshold, b = what is below it
    mish,
    tanh_shrink,
    squareplus,  // a = Keras' b
};

struct ActParams {
    double a = 0.0;
    double b = 0.0;
    double c = 0.0;
};

// Element types that arrive from users; everything is computed in float or double.
enum class DType : int { f16, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64, b8 };

index_t size_of(DType dtype);

}  // namespace ranvier
