#include "kernels/winograd.hpp"

#include "simd/vec.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// The points +-a and +-b, and what Toom and Cook's scheme makes of them.
inline constexpr double kA = 0.75, kB = 1.5, kA2 = kA * kA, kB2 = kB * kB;
inline constexpr double kSum = kA2 + kB2, kProduct = kA2 * kB2, kN0 = 1 / kProduct;
inline constexpr double kNa = 1 / (2 * kA2 * (kA2 - kB2)), kNb = 1 / (2 * kB2 * (kB2 - kA2));

constexpr double power(double x, int n) { return n == 0 ? 1.0 : x * power(x, n - 1); }

// One dimension of each transform.
template <class T>
struct InputPass {  // B^T, 6 to 6
    static constexpr int from = 6, to = 6;
    static RV_INLINE void apply(const Vec<T>* d, Vec<T>* o) {
        const Vec<T> e1 = d[4] - d[2] * T(kB2), q1 = (d[3] - d[1] * T(kB2)) * T(kA);
        const Vec<T> e2 = d[4] - d[2] * T(kA2), q2 = (d[3] - d[1] * T(kA2)) * T(kB);
        o[0] = d[0] * T(kProduct) - d[2] * T(kSum) + d[4];
        o[1] = e1 + q1;
        o[2] = e1 - q1;
        o[3] = e2 + q2;
        o[4] = e2 - q2;
        o[5] = d[1] * T(kProduct) - d[3] * T(kSum) + d[5];
    }
};
// A polynomial's coefficients to its values at the points, over the points' factors if Scaled: G of
// the weights; of the gradient of the weights dy takes their part, and the factors are left to the
// last transform, which runs once.
template <class T, int N, bool Scaled>
struct Evaluate {
    static constexpr int from = N, to = 6;
    static RV_INLINE void at(const Vec<T>* g, double x, double scale, Vec<T>* two) {
        Vec<T> even = g[0] * T(scale), odd = g[1] * T(scale * x);
#pragma GCC unroll 6
        for (int i = 2; i < N; ++i) (i % 2 ? odd : even) += g[i] * T(scale * power(x, i));
        two[0] = even + odd;
        two[1] = even - odd;
    }
    static RV_INLINE void apply(const Vec<T>* g, Vec<T>* u) {
        u[0] = Scaled ? g[0] * T(kN0) : g[0];
        at(g, kA, Scaled ? kNa : 1.0, u + 1);
        at(g, kB, Scaled ? kNb : 1.0, u + 3);
        u[5] = g[N - 1];
    }
};
// The transpose, values to coefficients: A^T, and the last transform of the weights' gradient.
template <class T, int N, bool Scaled>
struct Interpolate {
    static constexpr int from = 6, to = N;
    static RV_INLINE void apply(const Vec<T>* m, Vec<T>* y) {
        const double a = Scaled ? kNa : 1.0, b = Scaled ? kNb : 1.0;
        const Vec<T> s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4];
#pragma GCC unroll 6
        for (int i = 0; i < N; ++i)
            y[i] =
                (i % 2 ? d1 : s1) * T(a * power(kA, i)) + (i % 2 ? d2 : s2) * T(b * power(kB, i));
        y[0] += Scaled ? m[0] * T(kN0) : m[0];
        y[N - 1] += m[5];
    }
};

// Pass over rows, then over columns, of one vector of channels. load(i, j), save(i, j, v).
// Loops are a third of the code and take 3 to 15 % longer: not for 3x3 kernels, which are most.
template <int Side, int Size>
inline constexpr bool kUnrolls = Side == 4 || Size == 3;
template <class Pass, bool Unrolled, class T, class Load, class Save>
RV_INLINE void both(Load load_at, Save save) {
    Vec<T> t[Pass::from][Pass::to];
    auto row = [&](int i) RV_LAMBDA_INLINE {
        Vec<T> d[Pass::from], o[Pass::to];
#pragma GCC unroll 6
        for (int j = 0; j < Pass::from; ++j) d[j] = load_at(i, j);
        Pass::apply(d, o);
#pragma GCC unroll 6
        for (int j = 0; j < Pass::to; ++j) t[i][j] = o[j];
    };
    auto column = [&](int j) RV_LAMBDA_INLINE {
        Vec<T> d[Pass::from], o[Pass::to];
#pragma GCC unroll 6
        for (int i = 0; i < Pass::from; ++i) d[i] = t[i][j];
        Pass::apply(d, o);
#pragma GCC unroll 6
        for (int i = 0; i < Pass::to; ++i) save(i, j, o[i]);
    };
    if constexpr (Unrolled) {
#pragma GCC unroll 6
        for (int i = 0; i < Pass::from; ++i) row(i);
#pragma GCC unroll 6
        for (int j = 0; j < Pass::to; ++j) column(j);
    } else {
#pragma GCC unroll 1
        for (int i = 0; i < Pass::from; ++i) row(i);
#pragma GCC unroll 1
        for (int j = 0; j < Pass::to; ++j) column(j);
    }
}

// Calls f(first) for every vector of n >= kLanes channels, the last one perhaps over the one
// before.
template <class T, class F>
RV_INLINE void each_channels(index_t n, F f) {
    constexpr index_t L = kLanes<T>;
    for (index_t c = 0; c < n; c += L) f(c + L <= n ? c : n - L);
}

// from x from elements, `row` and `pixel` apart, to to x to ones.
template <class Pass, bool Unrolled, class T>
void transform(index_t n, const T* x, index_t row, index_t pixel, T* y, index_t to_row,
               index_t to_pixel) {
    each_channels<T>(n, [&](index_t c) RV_LAMBDA_INLINE {
        both<Pass, Unrolled, T>(
            [&](int i, int j) RV_LAMBDA_INLINE { return load(x + i * row + j * pixel + c); },
            [&](int i, int j, Vec<T> v)
                RV_LAMBDA_INLINE { store(y + i * to_row + j * to_pixel + c, v); });
    });
}

template <class T>
void input(index_t c, const T* x, index_t row, index_t pixel, T* v, index_t plane) {
    transform<InputPass<T>, true, T>(c, x, row, pixel, v, 6 * plane, plane);
}
template <class T, int Side>
void gradient(index_t co, const T* dy, index_t row, index_t pixel, T* v, index_t plane) {
    transform<Evaluate<T, Side, false>, kUnrolls<Side, 0>, T>(co, dy, row, pixel, v, 6 * plane,
                                                              plane);
}
template <class T, int Size>
void weights(index_t n, const T* w, index_t tap, T* u, index_t plane) {
    transform<Evaluate<T, Size, true>, kUnrolls<0, Size>, T>(n, w, Size * tap, tap, u, 6 * plane,
                                                             plane);
}
template <class T, int Size>
void weights_gradient(index_t n, const T* u, index_t plane, T* dw, index_t tap) {
    transform<Interpolate<T, Size, true>, kUnrolls<0, Size>, T>(n, u, 6 * plane, plane, dw,
                                                                Size * tap, tap);
}

template <class T>
RV_INLINE Vec<T> finished(Vec<T> y, Vec<T> bias, bool relu, T slope) {
    y += bias;
    if (!relu) return y;
    // Not y * 0 for slope 0: that would turn -inf into NaN.
    return slope == T(0) ? vmax(Vec<T>{}, y) : (y < Vec<T>{} ? y * slope : y);
}

template <class T, int Side>
void output(index_t co, const T* m, index_t plane, index_t rows, index_t cols, T* y, index_t row,
            index_t pixel, const T* bias, bool relu, T slope) {
    each_channels<T>(co, [&](index_t c) RV_LAMBDA_INLINE {
        const Vec<T> b = bias ? load(bias + c) : Vec<T>{};
        both<Interpolate<T, Side, false>, kUnrolls<Side, 0>, T>(
            [&](int i, int j) RV_LAMBDA_INLINE { return load(m + (i * 6 + j) * plane + c); },
            [&](int i, int j, Vec<T> v) RV_LAMBDA_INLINE {
                if (i < rows && j < cols)
                    store(y + i * row + j * pixel + c, finished<T>(v, b, relu, slope));
            });
    });
}

}  // namespace
}  // namespace RV_ISA

#define RV_FORMS(f, a, b, c) {&RV_ISA::f<T, a>, &RV_ISA::f<T, b>, &RV_ISA::f<T, c>}
RV_DEFINE_FLOAT_KERNELS(WinogradKernels, &RV_ISA::input<T>, RV_FORMS(output, 5, 4, 2),
                        RV_FORMS(weights, 2, 3, 5), RV_FORMS(gradient, 5, 4, 2),
                        RV_FORMS(weights_gradient, 2, 3, 5))

}  // namespace ranvier
