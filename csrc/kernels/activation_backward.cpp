#include "kernels/activation.hpp"
#include "simd/act.hpp"
#include "simd/act_pieces.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

template <template <class> class A, class T>
void act_backward_map(const ActParams& p, index_t n, const T* saved, const T* dy, T* dx) {
    const A<T> act(p);
    map2<T>(n, saved, dy, dx, [&](Vec<T> s, Vec<T> g) RV_LAMBDA_INLINE { return act.dx(s, g); });
}

// Fewer columns than lanes: `lanes` rows are `cols` whole vectors, and element e of such a group
// always belongs to column e % cols.
template <class T>
void column_sums_narrow(index_t rows, index_t cols, const T* x, T* out) {
    constexpr index_t L = kLanes<T>;
    Vec<T> acc[kLanes<T>] = {};
    const index_t groups = rows / L;
    for (index_t g = 0; g < groups; ++g, x += L * cols)
        for (index_t k = 0; k < cols; ++k) acc[k] += load(x + k * L);
    for (index_t j = 0; j < cols; ++j) out[j] = T(0);
    for (index_t k = 0, column = 0; k < cols; ++k) {
        T t[kLanes<T>];
        store<T>(t, acc[k]);
        for (index_t i = 0; i < L; ++i) {
            out[column] += t[i];
            column = column + 1 == cols ? 0 : column + 1;
        }
    }
    for (index_t r = groups * L; r < rows; ++r, x += cols)
        for (index_t j = 0; j < cols; ++j) out[j] += x[j];
}

template <int kVectors, class T>
RV_INLINE void column_tile(index_t rows, index_t cols, const T* x, T* out) {
    constexpr index_t L = kLanes<T>;
    Vec<T> acc[kVectors];
    // Loops that are not unrolled early would keep the sums in memory.
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) acc[v] = Vec<T>{};
    for (index_t i = 0; i < rows; ++i, x += cols)
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) acc[v] += load(x + v * L);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) store<T>(out + v * L, acc[v]);
}

template <class T>
void column_sums(index_t rows, index_t cols, const T* x, T* out) {
    constexpr index_t L = kLanes<T>;
    if (cols == 1) {  // a plain sum: four chains of vectors
        Vec<T> acc[4];
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) acc[v] = Vec<T>{};
        index_t i = 0;
        for (; i + 4 * L <= rows; i += 4 * L)
#pragma GCC unroll 4
            for (int v = 0; v < 4; ++v) acc[v] += load(x + i + v * L);
        for (; i + L <= rows; i += L) acc[0] += load(x + i);
        if (i < rows) acc[1] += load_partial<T>(x + i, rows - i);
        *out = hsum<T>((acc[0] + acc[1]) + (acc[2] + acc[3]));
        return;
    }
    if (cols < L) return column_sums_narrow<T>(rows, cols, x, out);
    index_t j = 0;
    for (; j + 8 * L <= cols; j += 8 * L) column_tile<8, T>(rows, cols, x + j, out + j);
    for (; j + 2 * L <= cols; j += 2 * L) column_tile<2, T>(rows, cols, x + j, out + j);
    for (; j + L <= cols; j += L) column_tile<1, T>(rows, cols, x + j, out + j);
    // The last columns again with some before them, to the same bits.
    if (j < cols) column_tile<1, T>(rows, cols, x + cols - L, out + cols - L);
}

template <class T>
void prelu_forward(index_t rows, index_t cols, const T* x, const T* alpha, T* y) {
    for (index_t i = 0; i < rows; ++i)
        map2<T>(cols, x + i * cols, alpha, y + i * cols,
                [](Vec<T> v, Vec<T> a) RV_LAMBDA_INLINE { return v > T(0) ? v : a * v; });
}

template <class T>
void prelu_backward(index_t rows, index_t cols, const T* x, const T* alpha, const T* dy, T* dx,
                    T* t) {
    for (index_t i = 0; i < rows; ++i) {
        const T *xi = x + i * cols, *dyi = dy + i * cols;
        // t first: dx may be dy.
        map2<T>(cols, xi, dyi, t + i * cols,
                [](Vec<T> v, Vec<T> g) RV_LAMBDA_INLINE { return v > T(0) ? Vec<T>{} : g * v; });
        for (index_t j = 0; j < cols; j += kLanes<T>) {
            const index_t n = cols - j < kLanes<T> ? cols - j : kLanes<T>;
            const Vec<T> v = load_partial<T>(xi + j, n), g = load_partial<T>(dyi + j, n);
            const Vec<T> a = load_partial<T>(alpha + j, n);
            store_partial<T>(dx + i * cols + j, v > T(0) ? g : a * g, n);
        }
    }
}

}  // namespace
}  // namespace RV_ISA

// In the order of ActForm.
#define RV_BACKWARD(A) &RV_ISA::act_backward_map<RV_ISA::A, T>
RV_DEFINE_KERNELS(ActivationBackwardKernels,
                  {RV_BACKWARD(Linear),      RV_BACKWARD(BinaryStep),   RV_BACKWARD(Relu),
                   RV_BACKWARD(LeakyRelu),   RV_BACKWARD(ReluGeneral),  RV_BACKWARD(Sigmoid),
                   RV_BACKWARD(Tanh),        RV_BACKWARD(Softplus),     RV_BACKWARD(Softsign),
                   RV_BACKWARD(Elu),         RV_BACKWARD(EluFromInput), RV_BACKWARD(Selu),
                   RV_BACKWARD(Gelu),        RV_BACKWARD(GeluTanh),     RV_BACKWARD(Silu),
                   RV_BACKWARD(HardSigmoid), RV_BACKWARD(Exponential),  RV_BACKWARD(Pieces),
                   RV_BACKWARD(Mish),        RV_BACKWARD(TanhShrink),   RV_BACKWARD(Squareplus)},
                  &RV_ISA::column_sums<T>, &RV_ISA::prelu_forward<T>, &RV_ISA::prelu_backward<T>)

}  // namespace ranvier
