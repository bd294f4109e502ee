// sigmoid and tanh for the gates of recurrent cells: a third shorter than those of the activations,
// whose last bits no gate needs (the tanh of AVX-512 took as long in LSTM and SimpleRNN). Floats
// within 2.3 ulp (sigmoid) and 4.3 ulp (tanh; test_rnn measures them); doubles are the
// activations'.
#pragma once

#include "simd/tanh.hpp"

namespace ranvier::RV_ISA {
namespace {

// Below -87 as at -87, about 1.6e-38.
template <class T>
RV_INLINE Vec<T> gate_sigmoid(Vec<T> x) {
    if constexpr (sizeof(T) == 8) return vsigmoid<T>(x);
    const Vec<T> bound = splat<T>(T(87));
    const Vec<T> e = exp_mid<T>(vmin(bound, vmax(-bound, -x)));
    return quotient<T>(splat<T>(T(1)), e + T(1));
}

// x P(x^2) / Q(x^2) on |x| <= 9.01, beyond which tanh rounds to 1: a fit of least relative error,
// 2.1e-8 before rounding.
template <class T>
RV_INLINE Vec<T> gate_tanh(Vec<T> x) {
    if constexpr (sizeof(T) == 8) return vtanh<T>(x);
    constexpr T p[] = {T(1), T(0.13380375504493713), T(0.0034948152024298906),
                       T(2.0596335161826573e-05), T(1.3336925341889128e-08)};
    constexpr T q[] = {T(1), T(0.4671369194984436), T(0.025874042883515358),
                       T(0.0003284369595348835), T(7.769316425765282e-07)};
    const Vec<T> bound = splat<T>(T(9.01)), one = splat<T>(T(1));
    const Vec<T> v = vmin(bound, vmax(-bound, x)), z = v * v;
    return vmin(one, vmax(-one, quotient<T>(v * poly<T>(z, p), poly<T>(z, q))));
}

}  // namespace
}  // namespace ranvier::RV_ISA
