#include "kernels/norm.hpp"
#include "simd/rows.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// kVectors vectors of columns, down all rows. `count`: lanes of the only one, if it is partial.
template <int kVectors, class T>
RV_INLINE void moments_tile(index_t rows, index_t cols, index_t count, const T* x, T* about, T* sum,
                            T* square) {
    constexpr index_t L = kLanes<T>;
    Vec<T> m[kVectors], s[kVectors], q[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) s[v] = q[v] = Vec<T>{};
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) m[v] = load_some<T>(x + v * L, count);
    const index_t step = rows < 16 ? 1 : rows / 8;
    index_t taken = 0;
    for (index_t i = 0; i < rows; i += step, ++taken)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) s[v] += load_some<T>(x + i * cols + v * L, count) - m[v];
    const Vec<T> share = splat<T>(T(1) / static_cast<T>(taken));
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
        m[v] += s[v] * share;
        s[v] = Vec<T>{};
    }
    for (index_t i = 0; i < rows; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
            const Vec<T> d = load_some<T>(x + i * cols + v * L, count) - m[v];
            s[v] += d;
            q[v] = fma(d, d, q[v]);
        }
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
        store_some<T>(about + v * L, m[v], count);
        store_some<T>(sum + v * L, s[v], count);
        store_some<T>(square + v * L, q[v], count);
    }
}

template <int kVectors, class T>
RV_INLINE void dots_tile(index_t rows, index_t cols, index_t count, const T* x, const T* mean,
                         const T* dy, T* sum, T* dot) {
    constexpr index_t L = kLanes<T>;
    Vec<T> m[kVectors], s[kVectors], q[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) s[v] = q[v] = Vec<T>{};
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) m[v] = load_some<T>(mean + v * L, count);
    for (index_t i = 0; i < rows; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
            const Vec<T> g = load_some<T>(dy + i * cols + v * L, count);
            const Vec<T> d = load_some<T>(x + i * cols + v * L, count) - m[v];
            s[v] += g;
            q[v] = fma(g, d, q[v]);
        }
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
        store_some<T>(sum + v * L, s[v], count);
        store_some<T>(dot + v * L, q[v], count);
    }
}

template <class T>
void moments(index_t rows, index_t cols, const T* x, T* about, T* sum, T* square) {
    constexpr index_t L = kLanes<T>;
    index_t j = 0;
    for (; j + 4 * L <= cols; j += 4 * L)
        moments_tile<4, T>(rows, cols, L, x + j, about + j, sum + j, square + j);
    for (; j + L <= cols; j += L)
        moments_tile<1, T>(rows, cols, L, x + j, about + j, sum + j, square + j);
    if (j < cols) moments_tile<1, T>(rows, cols, cols - j, x + j, about + j, sum + j, square + j);
}

template <class T>
void dots(index_t rows, index_t cols, const T* x, const T* mean, const T* dy, T* sum, T* dot) {
    constexpr index_t L = kLanes<T>;
    index_t j = 0;
    for (; j + 4 * L <= cols; j += 4 * L)
        dots_tile<4, T>(rows, cols, L, x + j, mean + j, dy + j, sum + j, dot + j);
    for (; j + L <= cols; j += L)
        dots_tile<1, T>(rows, cols, L, x + j, mean + j, dy + j, sum + j, dot + j);
    if (j < cols) dots_tile<1, T>(rows, cols, cols - j, x + j, mean + j, dy + j, sum + j, dot + j);
}

template <class T>
void apply(index_t rows, index_t cols, const T* x, const T* mean, const T* scale, const T* shift,
           T* y) {
    for (index_t i = 0; i < rows; ++i, x += cols, y += cols)
        each_vector<T>(cols, [&](index_t j, index_t n) RV_LAMBDA_INLINE {
            const Vec<T> d = load_some<T>(x + j, n) - load_some<T>(mean + j, n);
            store_some<T>(y + j, fma(d, load_some<T>(scale + j, n), load_some<T>(shift + j, n)), n);
        });
}

template <class T>
void gradient(index_t rows, index_t cols, const T* x, const T* mean, const T* a, const T* b,
              const T* c, const T* dy, T* dx) {
    for (index_t i = 0; i < rows; ++i, x += cols, dy += cols, dx += cols)
        each_vector<T>(cols, [&](index_t j, index_t n) RV_LAMBDA_INLINE {
            const Vec<T> d = load_some<T>(x + j, n) - load_some<T>(mean + j, n);
            const Vec<T> r = fma(d, load_some<T>(b + j, n), load_some<T>(c + j, n));
            store_some<T>(dx + j, fma(load_some<T>(dy + j, n), load_some<T>(a + j, n), r), n);
        });
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_COLD_KERNELS(ColumnNormKernels, &RV_ISA::moments<T>, &RV_ISA::apply<T>, &RV_ISA::dots<T>,
                       &RV_ISA::gradient<T>)

}  // namespace ranvier
