// erf and the normal distribution on Vec<T>.
#pragma once

#include "simd/math.hpp"

namespace ranvier::RV_ISA {
namespace {

// log(erfc(t)) for 0.92 <= t <= 4, weighted for erf = 1 - exp(.).
inline constexpr float kLogErfc[] = {0.000160406576f, -1.12943411f,     -0.633543432f,
                                     -0.108011976f,   0.0248952247f,    -0.00405345438f,
                                     0.00039669234f,  -1.43086581e-05f, -5.22091852e-07f};

template <class T>
RV_INLINE Vec<T> verf(Vec<T> x) {
    using C = MathConst<T>;
    const Vec<T> a = vabs<T>(x);
    const Vec<T> z = a * a;
    const Vec<T> small = fma(a, poly<T>(z, C::kErf), a);
    Vec<T> big;
    if constexpr (sizeof(T) == 4) {
        big = T(1) - exp_mid<T>(poly<T>(vmin(splat<T>(T(4)), a), kLogErfc));
    } else {
        const Vec<T> t = vmin(splat<T>(T(6)), a);
        const Vec<T> w = (t - T(2)) / (t + T(2));
        big = T(1) - poly<T>(w, C::kErfcxMid) * exp_mid<T>(-t * t);
    }
    return with_sign<T>(a < T(0.92) ? small : big, x);
}

// The standard normal's distribution function and density, both with small relative error in
// the tails.
template <class T>
struct NormalPair {
    Vec<T> cdf, pdf;
};
template <class T>
RV_INLINE NormalPair<T> normal_pair(Vec<T> x) {
    using C = MathConst<T>;
    const Vec<T> a = vmin(splat<T>(C::kErfcMaxX), vabs<T>(x));
    const Vec<T> t = a * T(0.70710678118654752440);
    const Vec<T> w = quotient<T>(t - T(2), t + T(2));
    // exp(-a^2 / 2) with the rounding error of the square given back (where there is a fused
    // multiply-add to find it).
    const Vec<T> h = a * T(0.5);
    const Vec<T> sq = h * a;
    Vec<T> again = h;  // else this is seen to be sq - sq
    keep_in_register(again);
    const Vec<T> lost = fma(again, a, -sq);
    Vec<T> g = vexp_negative<T>(-sq);
    g = g - g * lost;
    const Vec<T> tail = g * poly<T>(w, C::kErfcx) * T(0.5);
    return {x < T(0) ? tail : T(1) - tail, g * T(0.39894228040143267794)};
}

}  // namespace
}  // namespace ranvier::RV_ISA
