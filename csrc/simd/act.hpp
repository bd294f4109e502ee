// The activations on Vec<T>. Each is a struct with
//   y(x)        the value
//   dx(s, dy)   dy times the derivative, from what is saved (act_backward_reads_input: x, else y)
//   d(x)        the derivative, of those that dx has from x
// Constructed once a call from the parameters; nothing here branches on data.
#pragma once

#include "simd/erf.hpp"
#include "simd/tanh.hpp"

namespace ranvier::RV_ISA {
namespace {

template <class T>
struct Linear {
    RV_INLINE explicit Linear(const ActParams&) {}
    RV_INLINE Vec<T> y(Vec<T> x) const { return x; }
    RV_INLINE Vec<T> dx(Vec<T>, Vec<T> dy) const { return dy; }
};

template <class T>
struct BinaryStep {
    RV_INLINE explicit BinaryStep(const ActParams&) {}
    RV_INLINE Vec<T> y(Vec<T> x) const {  // NaN stays NaN
        return x < T(0) ? splat<T>(T(0)) : (x >= T(0) ? splat<T>(T(1)) : x);
    }
    RV_INLINE Vec<T> dx(Vec<T>, Vec<T>) const { return Vec<T>{}; }
};

// max(x, 0); the derivative at 0 is 0, as Keras has it on every backend. From x or y alike.
template <class T>
struct Relu {
    RV_INLINE explicit Relu(const ActParams&) {}
    RV_INLINE Vec<T> y(Vec<T> x) const { return vmax(splat<T>(T(0)), x); }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const { return keep<T>(s > T(0), dy); }
};

// Negative slope only: x >= 0 ? x : a x, and derivative 1 at 0 (Keras on JAX: jax.nn.leaky_relu).
// y has the sign of x where a >= 0, so that the derivative comes from either.
template <class T>
struct LeakyRelu {
    Vec<T> a;
    RV_INLINE explicit LeakyRelu(const ActParams& p) : a(splat<T>(T(p.a))) {}
    RV_INLINE Vec<T> y(Vec<T> x) const { return x >= T(0) ? x : a * x; }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const { return s >= T(0) ? dy : a * dy; }
};

// Every option of Keras' relu:
//   f(x) = clip(x > c ? x : 0, 0, b) - a max(c - x, 0)      (no clip where b is infinite)
// At the kinks the derivative is 0 (at x = c, at x = b, and at x = 0 where the clip cuts there);
// JAX has 1/2 where `clip` meets its bound exactly, relu6 has 0: one rule serves both here.
// NaN gives NaN (Keras with a threshold and without a slope gives 0).
template <class T>
struct ReluGeneral {
    Vec<T> a, low, high, c, slope_below, clip_low, clip_high;
    RV_INLINE explicit ReluGeneral(const ActParams& p) {
        const bool clipped = p.b < __builtin_inf();
        const T inf = T(__builtin_inf());
        a = splat<T>(T(p.a));
        c = splat<T>(T(p.c));
        low = splat<T>(clipped && p.c < 0 ? T(0) : T(p.c));
        high = splat<T>(clipped ? T(p.b) : T(__builtin_nan("")));
        // Without a slope nothing is subtracted, not even 0 * inf.
        slope_below = p.a != 0 ? c : splat<T>(-inf);
        clip_low = splat<T>(clipped ? T(0) : -inf);
        clip_high = splat<T>(clipped ? T(p.b) : inf);
    }
    RV_INLINE Vec<T> y(Vec<T> x) const {
        Vec<T> v = x <= c ? splat<T>(T(0)) : x;
        v = vmin(clip_high, vmax(clip_low, v));
        return x < slope_below ? v - a * (c - x) : v;
    }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const {
        return keep<T>((s > low) & ~(s >= high), dy) + keep<T>(s < slope_below, a * dy);
    }
};

template <class T>
struct Sigmoid {
    RV_INLINE explicit Sigmoid(const ActParams&) {}
    RV_INLINE Vec<T> y(Vec<T> x) const { return vsigmoid<T>(x); }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const { return dy * (s * (T(1) - s)); }
};

template <class T>
struct Tanh {
    RV_INLINE explicit Tanh(const ActParams&) {}
    RV_INLINE Vec<T> y(Vec<T> x) const { return vtanh<T>(x); }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const { return dy * ((T(1) - s) * (T(1) + s)); }
};

// The derivative is sigmoid(x) = 1 - exp(-y), accurate through expm1. A negative parameter makes
// it -softplus(-x) = log(sigmoid(x)).
template <class T>
struct Softplus {
    Vec<T> sign;
    RV_INLINE explicit Softplus(const ActParams& p) : sign(splat<T>(T(p.a < 0 ? -1 : 1))) {}
    RV_INLINE Vec<T> y(Vec<T> x) const { return sign * vsoftplus<T>(sign * x); }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const { return -dy * vexpm1<T>(-sign * s); }
};

template <class T>
struct Softsign {
    RV_INLINE explicit Softsign(const ActParams&) {}
    RV_INLINE Vec<T> y(Vec<T> x) const { return x / (vabs<T>(x) + T(1)); }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const { return dy * d(s); }
    RV_INLINE Vec<T> d(Vec<T> x) const {
        const Vec<T> r = T(1) / (vabs<T>(x) + T(1));
        return r * r;
    }
};

// Derivative at 0: alpha. kFromInput: for alpha < 0, whose y does not tell the sign of x, and for
// exp(x / b) where b > 0 (celu).
template <class T, bool kFromInput>
struct EluOf {
    Vec<T> a, k;
    RV_INLINE explicit EluOf(const ActParams& p)
        : a(splat<T>(T(p.a))), k(splat<T>(T(p.b > 0 ? 1 / p.b : 1))) {}
    RV_INLINE Vec<T> y(Vec<T> x) const {
        return x > T(0) ? x : a * vexpm1<T>(kFromInput ? k * x : x);
    }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const {
        if constexpr (kFromInput) {
            const Vec<T> below = vmin(splat<T>(T(0)), s);
            return s > T(0) ? dy : dy * (a * k * vexp_negative<T>(k * below));
        } else {
            return s > T(0) ? dy : dy * (s + a);
        }
    }
};
template <class T>
using Elu = EluOf<T, false>;
template <class T>
using EluFromInput = EluOf<T, true>;

template <class T>
struct Selu {
    static constexpr T kAlpha = T(1.6732632423543772848170429916717);
    static constexpr T kScale = T(1.0507009873554804934193349852946);
    static constexpr T kBoth =
        T(1.6732632423543772848170429916717 * 1.0507009873554804934193349852946);
    RV_INLINE explicit Selu(const ActParams&) {}
    RV_INLINE Vec<T> y(Vec<T> x) const { return x > T(0) ? kScale * x : kBoth * vexpm1<T>(x); }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const {
        return dy * (s > T(0) ? splat<T>(kScale) : s + kBoth);
    }
};

template <class T>
struct Gelu {
    RV_INLINE explicit Gelu(const ActParams&) {}
    RV_INLINE Vec<T> y(Vec<T> x) const { return x * normal_pair<T>(x).cdf; }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const { return dy * d(s); }
    RV_INLINE Vec<T> d(Vec<T> x) const {
        const auto p = normal_pair<T>(x);
        // The density is 0 where x is infinite; NaN must pass.
        const Vec<T> bound = splat<T>(T(1e3));
        return p.cdf + vmin(bound, vmax(-bound, x)) * p.pdf;
    }
};

// 0.5 x (1 + tanh(u)) = x sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3)
template <class T>
struct GeluTanh {
    static constexpr T kTwice = T(2 * 0.79788456080286535588);
    static constexpr T kCube = T(0.044715);
    RV_INLINE explicit GeluTanh(const ActParams&) {}
    RV_INLINE Vec<T> y(Vec<T> x) const { return x * vsigmoid<T>(inner(x)); }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const { return dy * d(s); }
    RV_INLINE Vec<T> d(Vec<T> x0) const {
        // 0 or 1 beyond the bound; without it inf * 0.
        const Vec<T> bound = splat<T>(T(64));
        const Vec<T> x = vmin(bound, vmax(-bound, x0));
        const auto p = sigmoid_pair<T>(inner(x));
        const Vec<T> slope = kTwice * fma(splat<T>(3 * kCube), x * x, splat<T>(T(1)));
        return p.s + x * slope * (p.s * p.c);
    }
    static RV_INLINE Vec<T> inner(Vec<T> x) {
        return (kTwice * x) * fma(splat<T>(kCube), x * x, splat<T>(T(1)));
    }
};

template <class T>
struct Silu {
    RV_INLINE explicit Silu(const ActParams&) {}
    RV_INLINE Vec<T> y(Vec<T> x) const { return x * vsigmoid<T>(x); }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const { return dy * d(s); }
    RV_INLINE Vec<T> d(Vec<T> x0) const {
        const Vec<T> bound = splat<T>(T(1000));
        const Vec<T> x = vmin(bound, vmax(-bound, x0));
        const auto p = sigmoid_pair<T>(x);
        return p.s * fma(x, p.c, splat<T>(T(1)));
    }
};

// relu6(x + 3) / 6; derivative 0 at both kinks, as relu6 has in JAX.
template <class T>
struct HardSigmoid {
    RV_INLINE explicit HardSigmoid(const ActParams&) {}
    RV_INLINE Vec<T> y(Vec<T> x) const {
        return vmin(splat<T>(T(6)), vmax(splat<T>(T(0)), x + T(3))) / T(6);
    }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const {
        return keep<T>((s > T(0)) & (s < T(1)), dy * T(1.0 / 6.0));
    }
};

template <class T>
struct Exponential {
    RV_INLINE explicit Exponential(const ActParams&) {}
    RV_INLINE Vec<T> y(Vec<T> x) const { return vexp<T>(x); }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const { return dy * s; }
};

// ---- loops over arrays --------------------------------------------------------------------
// The last vector is read before anything is written and may overlap the one before: no scalar
// tail, and output on top of input is allowed. Two vectors at a time, their instructions
// interleaved (-fschedule-insns in cmake/RanvierKernels.cmake): one alone is a chain so long that
// the processor's schedulers fill up before the next has begun. Doubles and old processors do with
// one: the code would be twice as long.
template <class T>
inline constexpr bool kPairs = sizeof(T) == 4 && kVecBytes > 16;

template <class T, class F>
RV_INLINE void map1(index_t n, const T* x, T* y, F f) {
    constexpr index_t L = kLanes<T>;
    T few[L];
    const index_t wanted = n;
    T* const out = y;
    if (n < L) {
        for (index_t i = 0; i < L; ++i) few[i] = i < n ? x[i] : T(0);
        x = y = few;
        n = L;
    }
    const Vec<T> last = load(x + n - L);
    index_t i = 0;
    if constexpr (kPairs<T>)
        for (; i + L < n - L; i += 2 * L) {
            const Vec<T> a = f(load(x + i)), b = f(load(x + i + L));
            store<T>(y + i, a);
            store<T>(y + i + L, b);
        }
    for (bool end = false; !end; i += L) {
        end = i >= n - L;
        store<T>(y + (end ? n - L : i), f(end ? last : load(x + i)));
    }
    if (wanted < L)
        for (index_t k = 0; k < wanted; ++k) out[k] = few[k];
}
template <class T, class F>
RV_INLINE void map2(index_t n, const T* x, const T* y, T* z, F f) {
    constexpr index_t L = kLanes<T>;
    T few_x[L], few_y[L];
    const index_t wanted = n;
    T* const out = z;
    if (n < L) {
        for (index_t i = 0; i < L; ++i) {
            few_x[i] = i < n ? x[i] : T(0);
            few_y[i] = i < n ? y[i] : T(0);
        }
        x = z = few_x;
        y = few_y;
        n = L;
    }
    const Vec<T> last_x = load(x + n - L), last_y = load(y + n - L);
    index_t i = 0;
    if constexpr (kPairs<T>)
        for (; i + L < n - L; i += 2 * L) {
            const Vec<T> a = f(load(x + i), load(y + i)), b = f(load(x + i + L), load(y + i + L));
            store<T>(z + i, a);
            store<T>(z + i + L, b);
        }
    for (bool end = false; !end; i += L) {
        end = i >= n - L;
        store<T>(z + (end ? n - L : i), f(end ? last_x : load(x + i), end ? last_y : load(y + i)));
    }
    if (wanted < L)
        for (index_t k = 0; k < wanted; ++k) out[k] = few_x[k];
}

}  // namespace
}  // namespace ranvier::RV_ISA
