// tanh on Vec<T>.
#pragma once

#include "simd/math.hpp"

namespace ranvier::RV_ISA {
namespace {

#if defined(__AVX512F__)
// tanh(c + d) = sum k[1 + i] d^i around the middle c = k[0] of an interval: one around 0 up to
// 0.25, two an octave up to 8, one beyond. The columns are in the order of the four bits of a float
// that tell its interval; middles are chosen so that k[1] is tanh(c) to a tenth of its last place.
alignas(64) inline constexpr float kTanhTable[][16] = {
    {2.49999285f, 3.4999969f, 5.0000186f, 6.99998093f, 8.50003719f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f,
     0.312500983f, 0.437499374f, 0.624997735f, 0.875001848f, 1.25000322f, 1.74999595f},
    {0.986614108f, 0.998177886f, 0.999909222f, 0.999998331f, 0.99999994f, 0.0f, 0.0f, 0.0f, 0.0f,
     0.0f, 0.302710623f, 0.411569536f, 0.554598153f, 0.703906536f, 0.848284543f, 0.941375077f},
    {0.0265927073f, 0.00364097836f, 0.000181854513f, 3.33136904e-06f, 1.65589285e-07f, 0.0f, 0.0f,
     0.0f, 0.0f, 1.0f, 0.908366263f, 0.830610514f, 0.6924209f, 0.504515588f, 0.28041321f,
     0.113812909f},
    {-0.0262363777f, -0.00363432849f, -0.000181806245f, -3.33080334e-06f, -1.6558505e-07f, 0.0f,
     0.0f, 0.0f, 0.0f, -1.09723658e-06f, -0.274972111f, -0.341853976f, -0.384015381f, -0.355131835f,
     -0.237870291f, -0.107140586f},
    {0.0170177184f, 0.00241174106f, 0.000118817436f, 2.17686443e-06f, 1.10263684e-07f, 0.0f, 0.0f,
     0.0f, 0.0f, -0.333270192f, -0.219551772f, -0.136173785f, -0.0178390667f, 0.0818053856f,
     0.108325951f, 0.062928617f},
    {-0.00805221777f, -0.00119727373f, -5.94743724e-05f, -1.08992822e-06f, -5.51849482e-08f, 0.0f,
     0.0f, 0.0f, 0.0f, -0.00118368701f, 0.158117458f, 0.169996321f, 0.13790375f, 0.0607977211f,
     -0.0125862975f, -0.0235257745f},
    {0.00288730371f, 0.000490376493f, 2.84807193e-05f, 5.22877656e-07f, 2.30477681e-08f, 0.0f, 0.0f,
     0.0f, 0.0f, 0.143084094f, 0.0455058515f, -0.00596161326f, -0.0543356128f, -0.0585474931f,
     -0.0196903814f, 0.00348222838f},
    {-0.000695584458f, -0.000157810529f, -9.41860526e-06f, -1.73280981e-07f, -7.52129825e-09f, 0.0f,
     0.0f, 0.0f, 0.0f, -0.0369767472f, -0.0723633766f, -0.061695613f, -0.0243664943f, 0.0128529193f,
     0.0151049281f, 0.00210912339f},
};
RV_INLINE Vec<float> tanh_by_table(Vec<float> x) {
    constexpr int kMantissa = MathConst<float>::kMantissa;
    // Above the first tanh rounds to 1; below the second all is one interval.
    const Vec<float> t = vmin(splat<float>(9.02f), vabs<float>(x));
    const auto interval =
        (__m512i)(UVec<float>(bits<float>(vmax(splat<float>(0.1875f), t))) >> (kMantissa - 1));
    auto of_interval = [=](int k) __attribute__((always_inline)) {
        return (Vec<float>)_mm512_maskz_permutexvar_ps(0xffff, interval,
                                                       _mm512_load_ps(kTanhTable[k]));
    };
    const Vec<float> d = t - of_interval(0);
    constexpr int kLast = sizeof(kTanhTable) / sizeof(kTanhTable[0]) - 1;
    Vec<float> y = of_interval(kLast);
#pragma GCC unroll 8
    for (int k = kLast - 1; k > 0; --k) y = fma(y, d, of_interval(k));
    return with_sign<float>(y, x);
}
#endif

template <class T>
RV_INLINE Vec<T> vtanh(Vec<T> x) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) return tanh_by_table(x);
#endif
    using C = MathConst<T>;
    const Vec<T> t = vabs<T>(x);
    const Vec<T> e = exp_mid<T>(vmin(splat<T>(2 * C::kTanhBig), t + t));
    const Vec<T> big = T(1) - quotient<T>(splat<T>(T(2)), e + T(1));
    const Vec<T> z = t * t;
    const Vec<T> small = fma(t, z * poly<T>(z, C::kTanh), t);
    return with_sign<T>(t < T(0.625) ? small : big, x);
}

}  // namespace
}  // namespace ranvier::RV_ISA
