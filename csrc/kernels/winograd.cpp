#include "kernels/winograd.hpp"

#include "simd/partial.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// The points +-a and +-b, and what Toom and Cook's scheme makes of them.
inline constexpr double kA = 0.75, kB = 1.5, kA2 = kA * kA, kB2 = kB * kB;
inline constexpr double kSum = kA2 + kB2, kProduct = kA2 * kB2, kN0 = 1 / kProduct;
inline constexpr double kNa = 1 / (2 * kA2 * (kA2 - kB2)), kNb = 1 / (2 * kB2 * (kB2 - kA2));

// One dimension of each transform: `to` may be `from`.
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
template <class T>
struct OutputPass {  // A^T, 6 to 4
    static constexpr int from = 6, to = 4;
    static RV_INLINE void apply(const Vec<T>* m, Vec<T>* y) {
        const Vec<T> s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4];
        y[0] = m[0] + s1 + s2;
        y[1] = d1 * T(kA) + d2 * T(kB);
        y[2] = s1 * T(kA2) + s2 * T(kB2);
        y[3] = d1 * T(kA * kA2) + d2 * T(kB * kB2) + m[5];
    }
};
template <class T>
struct WeightPass {  // G, 3 to 6
    static constexpr int from = 3, to = 6;
    static RV_INLINE void apply(const Vec<T>* g, Vec<T>* u) {
        const Vec<T> sa = g[0] * T(kNa) + g[2] * T(kA2 * kNa), ta = g[1] * T(kA * kNa);
        const Vec<T> sb = g[0] * T(kNb) + g[2] * T(kB2 * kNb), tb = g[1] * T(kB * kNb);
        u[0] = g[0] * T(kN0);
        u[1] = sa + ta;
        u[2] = sa - ta;
        u[3] = sb + tb;
        u[4] = sb - tb;
        u[5] = g[2];
    }
};
// The gradient of the weights is F(3x3, 4x4) on the same points: dy takes the weights' part. Its
// factors 1 / N are left to the last transform, which runs once.
template <class T>
struct GradientPass {  // 4 to 6
    static constexpr int from = 4, to = 6;
    static RV_INLINE void apply(const Vec<T>* g, Vec<T>* v) {
        const Vec<T> sa = g[0] + g[2] * T(kA2), ta = (g[1] + g[3] * T(kA2)) * T(kA);
        const Vec<T> sb = g[0] + g[2] * T(kB2), tb = (g[1] + g[3] * T(kB2)) * T(kB);
        v[0] = g[0];
        v[1] = sa + ta;
        v[2] = sa - ta;
        v[3] = sb + tb;
        v[4] = sb - tb;
        v[5] = g[3];
    }
};
template <class T>
struct WeightGradientPass {  // 6 to 3
    static constexpr int from = 6, to = 3;
    static RV_INLINE void apply(const Vec<T>* m, Vec<T>* g) {
        const Vec<T> s1 = (m[1] + m[2]) * T(kNa), d1 = (m[1] - m[2]) * T(kA * kNa);
        const Vec<T> s2 = (m[3] + m[4]) * T(kNb), d2 = (m[3] - m[4]) * T(kB * kNb);
        g[0] = m[0] * T(kN0) + s1 + s2;
        g[1] = d1 + d2;
        g[2] = s1 * T(kA2) + s2 * T(kB2) + m[5];
    }
};

// Pass over rows, then over columns, of one vector of channels. load(i, j), save(i, j, v).
template <class Pass, class T, class Load, class Save>
RV_INLINE void both(Load load_at, Save save) {
    Vec<T> t[Pass::from][Pass::to];
#pragma GCC unroll 6
    for (int i = 0; i < Pass::from; ++i) {
        Vec<T> d[Pass::from], o[Pass::to];
#pragma GCC unroll 6
        for (int j = 0; j < Pass::from; ++j) d[j] = load_at(i, j);
        Pass::apply(d, o);
#pragma GCC unroll 6
        for (int j = 0; j < Pass::to; ++j) t[i][j] = o[j];
    }
#pragma GCC unroll 6
    for (int j = 0; j < Pass::to; ++j) {
        Vec<T> d[Pass::from], o[Pass::to];
#pragma GCC unroll 6
        for (int i = 0; i < Pass::from; ++i) d[i] = t[i][j];
        Pass::apply(d, o);
#pragma GCC unroll 6
        for (int i = 0; i < Pass::to; ++i) save(i, j, o[i]);
    }
}

// from x from elements, `row` and `pixel` apart, to to x to ones.
template <class Pass, class T>
void transform(index_t n, const T* x, index_t row, index_t pixel, T* y, index_t to_row,
               index_t to_pixel) {
    constexpr index_t L = kLanes<T>;
    index_t c = 0;
    for (; c + L <= n; c += L)
        both<Pass, T>([&](int i, int j)
                          RV_LAMBDA_INLINE { return load(x + i * row + j * pixel + c); },
                      [&](int i, int j, Vec<T> v)
                          RV_LAMBDA_INLINE { store(y + i * to_row + j * to_pixel + c, v); });
    if (c == n) return;
    const LaneMask<T> mask = lane_mask<T>(n - c);
    both<Pass, T>([&](int i, int j)
                      RV_LAMBDA_INLINE { return load_lanes(x + i * row + j * pixel + c, mask); },
                  [&](int i, int j, Vec<T> v) RV_LAMBDA_INLINE {
                      store_lanes(y + i * to_row + j * to_pixel + c, v, n - c);
                  });
}

template <class T>
void input(index_t c, const T* x, index_t row, index_t pixel, T* v, index_t plane) {
    transform<InputPass<T>, T>(c, x, row, pixel, v, 6 * plane, plane);
}
template <class T>
void gradient(index_t co, const T* dy, index_t row, index_t pixel, T* v, index_t plane) {
    transform<GradientPass<T>, T>(co, dy, row, pixel, v, 6 * plane, plane);
}
template <class T>
void weights(index_t n, const T* w, index_t tap, T* u, index_t plane) {
    transform<WeightPass<T>, T>(n, w, 3 * tap, tap, u, 6 * plane, plane);
}
template <class T>
void weights_gradient(index_t n, const T* u, index_t plane, T* dw, index_t tap) {
    transform<WeightGradientPass<T>, T>(n, u, 6 * plane, plane, dw, 3 * tap, tap);
}

template <class T>
RV_INLINE Vec<T> finished(Vec<T> y, Vec<T> bias, bool relu, T slope) {
    y += bias;
    if (!relu) return y;
    // Not y * 0 for slope 0: that would turn -inf into NaN.
    return slope == T(0) ? vmax(Vec<T>{}, y) : (y < Vec<T>{} ? y * slope : y);
}

template <class T>
void output(index_t co, const T* m, index_t plane, index_t rows, index_t cols, T* y, index_t row,
            index_t pixel, const T* bias, bool relu, T slope) {
    constexpr index_t L = kLanes<T>;
    for (index_t c = 0; c < co; c += L) {
        const index_t count = co - c < L ? co - c : L;
        const LaneMask<T> mask = lane_mask<T>(count);
        const Vec<T> b = bias ? load_lanes(bias + c, mask) : Vec<T>{};
        both<OutputPass<T>, T>(
            [&](int i, int j)
                RV_LAMBDA_INLINE { return load_lanes(m + (i * 6 + j) * plane + c, mask); },
            [&](int i, int j, Vec<T> v) RV_LAMBDA_INLINE {
                if (i < rows && j < cols)
                    store_lanes(y + i * row + j * pixel + c, finished<T>(v, b, relu, slope), count);
            });
    }
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_KERNELS(WinogradKernels, &RV_ISA::input<T>, &RV_ISA::output<T>, &RV_ISA::weights<T>,
                  &RV_ISA::gradient<T>, &RV_ISA::weights_gradient<T>)

}  // namespace ranvier
