// Elementary functions on Vec<T>: branch-free, any vector width, IEEE special values and gradual
// underflow included. Errors measured by tests/test_math.cpp (units in the last place).
//
// Coefficients are our own minimax fits (Remez exchange in 200-bit arithmetic), each with the
// weight that makes the final result's relative error even.
#pragma once

#include "simd/vec.hpp"

namespace ranvier::RV_ISA {
namespace {

template <class T>
struct MathConst;

template <>
struct MathConst<float> {
    static constexpr int kMantissa = 23, kBias = 127;
    static constexpr std::int32_t kSqrtHalfBits = 0x3f3504f3;
    static constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
    static constexpr float kLog2e = 1.44269504f;
    // ln 2 in two parts; the first has few enough bits that n * kLn2Hi is exact.
    static constexpr float kLn2Hi = 0.693359375f, kLn2Lo = -2.12194440e-4f;
    // exp(x) is infinity above the first and 0 below the second.
    static constexpr float kExpMax = 89.0f, kExpMin = -104.0f;
    static constexpr float kExpm1Max = 89.0f, kExpm1Min = -18.0f;
    static constexpr float kTiny = 1.17549435e-38f, kTinyScale = 33554432.0f;  // 2^25
    static constexpr int kTinyShift = 25;
    static constexpr float kTanhBig = 20.0f;
    // exp(r) = 1 + r + r^2 q(r), |r| <= ln 2 / 2
    static constexpr float kExp[] = {0.5f, 0.166665196f, 0.0416662097f, 0.00836881902f,
                                     0.00139503367f};
    static constexpr float kExpm1[] = {0.5f,          0.166666672f,   0.041666355f,
                                       0.0083332723f, 0.00139410328f, 0.000199144284f};
    // log(1 + f) = f - f^2 / 2 + f^3 P(f), sqrt(1/2) <= 1 + f <= sqrt(2)
    static constexpr float kLog[] = {0.333333105f,  -0.249999851f, 0.200021654f,
                                     -0.166692793f, 0.142196104f,  -0.123841397f,
                                     0.118671045f,  -0.117903925f, 0.0692808032f};
    // tanh(x) = x + x^3 p(x^2), |x| <= 0.625
    static constexpr float kTanh[] = {-0.333332837f, 0.133315161f, -0.0537452213f, 0.0206554197f,
                                      -0.00572180608f};
    // erf(x) = x + x p(x^2), |x| <= 0.92
    static constexpr float kErf[] = {0.128379166f,   -0.376126349f,  0.112836942f,
                                     -0.0268592704f, 0.00520063471f, -0.000813744031f,
                                     8.34522507e-05f};
    // exp(t^2) erfc(t) in w = (t - 2) / (t + 2), 0 <= t <= 10.5
    static constexpr float kErfcx[] = {0.255395681f,     -0.427185863f,  0.241658255f,
                                       -0.078977935f,    0.00373172737f, 0.00699199224f,
                                       -0.000841070258f, -0.0009613976f, 3.34671058e-05f,
                                       0.00013698572f,   2.57111751e-05f};
    static constexpr float kErfcMaxX = 14.8f;  // erfc(x / sqrt 2) is 0 above
};

template <>
struct MathConst<double> {
    static constexpr int kMantissa = 52, kBias = 1023;
    static constexpr std::int64_t kSqrtHalfBits = 0x3fe6a09e667f3bcd;
    static constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52
    static constexpr double kLog2e = 1.4426950408889634;
    static constexpr double kLn2Hi = 0.693145751953125, kLn2Lo = 1.42860682030941723212e-6;
    static constexpr double kExpMax = 710.0, kExpMin = -746.0;
    static constexpr double kExpm1Max = 710.0, kExpm1Min = -38.0;
    static constexpr double kTiny = 2.2250738585072014e-308, kTinyScale = 18014398509481984.0;
    static constexpr int kTinyShift = 54;
    static constexpr double kTanhBig = 40.0;
    static constexpr double kExp[] = {0.5,
                                      0.16666666666666674,
                                      0.04166666666666669,
                                      0.008333333333322755,
                                      0.0013888888888869408,
                                      0.00019841269883566075,
                                      2.4801587356183308e-05,
                                      2.7557246563084706e-06,
                                      2.755724608158685e-07,
                                      2.5108280423106168e-08,
                                      2.0923513086526046e-09};
    static constexpr const double (&kExpm1)[11] = kExp;
    // log(1 + f) = f - s (f - z R(z)), s = f / (2 + f), z = s^2
    static constexpr double kLog[] = {0.6666666666666687,  0.3999999999968197, 0.2857142869035811,
                                      0.22222203321748468, 0.1818334248427307, 0.15319190544723135,
                                      0.14749128788754168};
    static constexpr double kTanh[] = {
        -0.3333333333333293,    0.13333333333270048,    -0.053968253934349536,
        0.02186948763712037,    -0.008863221710337132,  0.0035919943130534107,
        -0.0014549829376111234, 0.0005863891240159439,  -0.00022870052581134726,
        7.728933690320597e-05,  -1.6139259499675548e-05};
    static constexpr double kErf[] = {
        0.1283791670955126,      -0.3761263890318371,     0.11283791670952671,
        -0.026866170644598456,   0.005223977619464503,    -0.0008548326627395231,
        0.00012055316322538614,  -1.4925187986325423e-05, 1.6453519691195806e-06,
        -1.6259572752628542e-07, 1.396190030412261e-08,   -8.290015562952879e-10};
    static constexpr double kErfcx[] = {
        0.25539567631050575,     -0.4271858474139589,     0.24165819424246537,
        -0.07897858101567543,    0.003732892404365703,    0.00699746173725332,
        -0.0008471432517783387,  -0.0009819769968191152,  4.355562762792995e-05,
        0.00017436092684274,     2.7524950562425237e-05,  -2.7578701748163227e-05,
        -1.396195020669982e-05,  1.3871971382292338e-06,  3.750976813658347e-06,
        1.2093298040507935e-06,  -4.1445191799587503e-07, -5.30026417994327e-07,
        -1.394874400944332e-07,  9.818069418096957e-08,   7.988719879288443e-08,
        -1.0601387955296292e-09, -1.6326397011429235e-08, -2.157624555900344e-09,
        1.0675501913867147e-09};
    // The same for 0.92 <= t <= 6 with the weight that erf = 1 - erfc needs.
    static constexpr double kErfcxMid[] = {
        0.25539567631050575,     -0.4271858474139583,    0.24165819424246943,
        -0.07897858101575228,    0.003732892403932398,   0.006997461740563892,
        -0.0008471432312137699,  -0.0009819770711180986, 4.3555123441356446e-05,
        0.0001743620084400486,   2.7531780136836433e-05, -2.7589681641415668e-05,
        -1.4013978252210975e-05, 1.4616116665780372e-06, 3.9632841131374625e-06,
        9.130402183575996e-07,   -7.994687335919773e-07};
    static constexpr double kErfcMaxX = 39.5;
};

// mask ? v : 0, so that an infinite or NaN v does not survive where the mask is off.
template <class T>
RV_INLINE Vec<T> keep(IVec<T> mask, Vec<T> v) {
    return from_bits<T>(mask & bits<T>(v));
}
// The first n lanes, zero beyond.
template <class T>
RV_INLINE Vec<T> keep_lanes(index_t n, Vec<T> v) {
    return keep<T>(lane_numbers<T>() < typename VecTraits<T>::int_scalar(n), v);
}
// sum c[k] x^k
template <class T, int N>
RV_INLINE Vec<T> poly(Vec<T> x, const T (&c)[N]) {
    Vec<T> r = splat<T>(c[N - 1]);
#pragma GCC unroll 32
    for (int k = N - 2; k >= 0; --k) r = fma(r, x, splat<T>(c[k]));
    return r;
}
template <class T>
RV_INLINE Vec<T> vabs(Vec<T> x) {
    return from_bits<T>(bits<T>(x) & ~bits<T>(splat<T>(T(-0.0))));
}
// |magnitude| must be non-negative or NaN.
template <class T>
RV_INLINE Vec<T> with_sign(Vec<T> magnitude, Vec<T> sign) {
    return from_bits<T>(bits<T>(magnitude) | (bits<T>(sign) & bits<T>(splat<T>(T(-0.0)))));
}
// a - b of integers, around the end if need be (NaN and infinities come here too).
template <class T>
RV_INLINE IVec<T> wrapped_minus(IVec<T> a, IVec<T> b) {
    return IVec<T>(UVec<T>(a) - UVec<T>(b));
}
template <class T>
RV_INLINE Vec<T> shifted_to_exponent(IVec<T> n) {
    return from_bits<T>(IVec<T>(UVec<T>(n) << MathConst<T>::kMantissa));
}

// x = n ln 2 + r; `n` holds the integer plus `bias` in its low bits (junk above), `nf` the integer.
template <class T>
struct Reduced {
    Vec<T> r, nf;
    IVec<T> n;
};
template <class T>
RV_INLINE Reduced<T> reduce_ln2(Vec<T> x, int bias) {
    using C = MathConst<T>;
    const Vec<T> round = splat<T>(C::kRound + T(bias));
    const Vec<T> t = fma(x, splat<T>(C::kLog2e), round);
    const Vec<T> nf = t - round;
    Vec<T> r = fma(nf, splat<T>(-C::kLn2Hi), x);
    r = fma(nf, splat<T>(-C::kLn2Lo), r);
    return {r, nf, bits<T>(t)};
}
// y 2^n, into gradual underflow and to infinity, for an n reduced with 2 kBias.
template <class T>
RV_INLINE Vec<T> times_power_of_2(Vec<T> y, const Reduced<T>& z) {
#if defined(__AVX512F__)
    // maskz: GCC 12 warns of the plain ones' undefined source
    if constexpr (sizeof(T) == 4)
        return (Vec<T>)_mm512_maskz_scalef_ps(0xffff, (__m512)y, (__m512)z.nf);
    else
        return (Vec<T>)_mm512_maskz_scalef_pd(0xff, (__m512d)y, (__m512d)z.nf);
#else
    const IVec<T> n1 = IVec<T>(UVec<T>(z.n) >> 1);
    const IVec<T> n2 = wrapped_minus<T>(z.n, n1);
    return y * shifted_to_exponent<T>(n1) * shifted_to_exponent<T>(n2);
#endif
}
// num / den, not far from correctly rounded, for a den whose reciprocal is a normal number. A
// division of 512 bits takes longer than an estimate and the step that makes it one.
template <class T>
RV_INLINE Vec<T> quotient(Vec<T> num, Vec<T> den) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) {
        const Vec<T> r = (Vec<T>)_mm512_maskz_rcp14_ps(0xffff, (__m512)den);
        Vec<T> q = num * r;
        keep_in_register(q);  // contracted into the sum below, q would not be what it corrects
        return fma(r, fma(-q, den, num), q);
    }
#endif
    return num / den;
}
template <class T>
RV_INLINE Vec<T> exp_poly(Vec<T> r) {
    return fma(r * r, poly<T>(r, MathConst<T>::kExp), r) + T(1);
}
// The same with the rounding error of 1 + r given back: 0.77 ulp rather than 1.01.
template <class T>
RV_INLINE Vec<T> exp_poly_fine(Vec<T> r) {
    const Vec<T> sum = T(1) + r;
    const Vec<T> lost = (T(1) - sum) + r;
    return sum + fma(r * r, poly<T>(r, MathConst<T>::kExp), lost);
}
// exp where neither overflow nor a denormal result can be: no clamping, one scaling.
template <class T>
RV_INLINE Vec<T> exp_mid(Vec<T> x) {
    const auto z = reduce_ln2<T>(x, MathConst<T>::kBias);
    return exp_poly<T>(z.r) * shifted_to_exponent<T>(z.n);
}
// 2^n in two factors, so that results underflow gradually and 2^128 is reached.
template <class T>
RV_INLINE Vec<T> exp_scaled(Vec<T> x) {
    const auto z = reduce_ln2<T>(x, 2 * MathConst<T>::kBias);
    return times_power_of_2<T>(exp_poly_fine<T>(z.r), z);
}
// exp(x) for x <= 0 (or NaN)
template <class T>
RV_INLINE Vec<T> vexp_negative(Vec<T> x) {
    return exp_scaled<T>(vmax(splat<T>(MathConst<T>::kExpMin), x));
}
template <class T>
RV_INLINE Vec<T> vexp(Vec<T> x) {
    return vexp_negative<T>(vmin(splat<T>(MathConst<T>::kExpMax), x));
}
// exp(x) for x <= 0 (or NaN), 1.01 ulp: the terms of a softmax.
template <class T>
RV_INLINE Vec<T> vexp_softmax(Vec<T> x0) {
    const Vec<T> x = vmax(splat<T>(MathConst<T>::kExpMin), x0);
    const auto z = reduce_ln2<T>(x, 2 * MathConst<T>::kBias);
    return times_power_of_2<T>(exp_poly<T>(z.r), z);
}

template <class T>
RV_INLINE Vec<T> vexpm1(Vec<T> x0) {
    using C = MathConst<T>;
    const Vec<T> x = vmax(splat<T>(C::kExpm1Min), vmin(splat<T>(C::kExpm1Max), x0));
    // 2^(n - 1), so that n = 128 needs no infinity on the way.
    const Vec<T> round = splat<T>(C::kRound + T(C::kBias - 1));
    const Vec<T> t = fma(x, splat<T>(C::kLog2e), round);
    const Vec<T> nf = t - round;
    const Vec<T> high = fma(nf, splat<T>(-C::kLn2Hi), x);
    const Vec<T> w = nf * splat<T>(C::kLn2Lo);
    const Vec<T> r = high - w;
    const Vec<T> lost = (high - r) - w;  // what the rounding of r dropped: matters near n = +-1
    const Vec<T> s = shifted_to_exponent<T>(bits<T>(t));
    const Vec<T> tail = fma(r * r, poly<T>(r, C::kExpm1), lost);
    Vec<T> y = fma(s, r, s - T(0.5));
    y = fma(s, tail, y);
    y += y;
    // Denormals and -0 pass as they are.
    return vabs<T>(x0) < C::kTiny ? x0 : y;
}

// log(1 + f) + k ln 2
template <class T>
RV_INLINE Vec<T> log_poly(Vec<T> f, Vec<T> k) {
    using C = MathConst<T>;
    if constexpr (sizeof(T) == 4) {
        const Vec<T> z = f * f;
        Vec<T> y = f * poly<T>(f, C::kLog) * z;
        y = fma(k, splat<T>(C::kLn2Lo), y);
        y = fma(z, splat<T>(T(-0.5)), y);
        return fma(k, splat<T>(C::kLn2Hi), f + y);
    } else {
        const Vec<T> s = f / (f + T(2));
        const Vec<T> z = s * s;
        const Vec<T> small = s * (f - z * poly<T>(z, C::kLog));
        const Vec<T> low = fma(k, splat<T>(C::kLn2Lo), -small);
        return fma(k, splat<T>(C::kLn2Hi), f + low);
    }
}
// x = 2^k m, sqrt(1/2) <= m < sqrt(2), for positive normal x; the integer is `shift` lower than
// the exponent field says.
template <class T>
RV_INLINE void split_exponent(Vec<T> x, Vec<T>& m, Vec<T>& k) {
    using C = MathConst<T>;
    using I = typename VecTraits<T>::int_scalar;
    using U = std::make_unsigned_t<I>;
    constexpr I kOne = I(C::kBias) << C::kMantissa;
    const UVec<T> i = UVec<T>(bits<T>(x)) - U(C::kSqrtHalfBits);
    m = from_bits<T>(IVec<T>((i & ((U(1) << C::kMantissa) - 1)) + U(C::kSqrtHalfBits)));
    // The exponent to floating point without a conversion (AVX2 has none for 64 bits): into the
    // low bits of 2^mantissa.
    constexpr I kBase = I(C::kBias + C::kMantissa) << C::kMantissa;
    const UVec<T> e = (i + U(kOne)) >> C::kMantissa;
    constexpr T kBaseValue = T(I(1) << C::kMantissa) + T(C::kBias);
    k = from_bits<T>(IVec<T>(e) | kBase) - kBaseValue;
}
template <class T>
RV_INLINE Vec<T> vlog(Vec<T> x) {
    using C = MathConst<T>;
    const IVec<T> tiny = x < C::kTiny;
    const Vec<T> scaled = tiny ? x * C::kTinyScale : x;
    Vec<T> m, k;
    split_exponent<T>(scaled, m, k);
    k -= from_bits<T>(tiny & bits<T>(splat<T>(T(C::kTinyShift))));
    Vec<T> y = log_poly<T>(m - T(1), k);
    const Vec<T> inf = splat<T>(T(__builtin_inf()));
    // 0 -> -inf, inf -> inf, negative and NaN -> NaN
    const Vec<T> special = x == T(0) ? -inf : (x == inf ? inf : splat<T>(T(__builtin_nan(""))));
    return ((x > T(0)) & (x < inf)) ? y : special;
}
template <class T>
RV_INLINE Vec<T> vlog1p(Vec<T> x) {
    using C = MathConst<T>;
    const Vec<T> u = x + T(1);
    Vec<T> m, k;
    split_exponent<T>(u, m, k);
    // f = 2^-k (1 + x) - 1 = x 2^-k + (2^-k - 1) keeps the bits of x that u has lost. 2^-k by
    // integer arithmetic on the exponents; where k is large, 2^-k itself counts nothing.
    const IVec<T> shift = wrapped_minus<T>(bits<T>(u), bits<T>(m));  // k << mantissa
    const Vec<T> down = from_bits<T>(wrapped_minus<T>(bits<T>(splat<T>(T(1))), shift));
    const Vec<T> down1 = k < T(C::kBias - 2) ? down - T(1) : splat<T>(T(-1));
    const Vec<T> xs = k == T(0) ? x : from_bits<T>(wrapped_minus<T>(bits<T>(x), shift));
    Vec<T> y = log_poly<T>(xs + down1, k);
    const Vec<T> inf = splat<T>(T(__builtin_inf()));
    const Vec<T> special = u == T(0) ? -inf : (x == inf ? inf : splat<T>(T(__builtin_nan(""))));
    y = ((u > T(0)) & (x < inf)) ? y : special;
    return x == T(0) ? x : y;
}
// log1p(e) for 0 <= e <= 1 (or NaN)
template <class T>
RV_INLINE Vec<T> log1p_unit(Vec<T> e) {
    const IVec<T> big = e > T(0.41421356237309503);
    const Vec<T> f = big ? (e - T(1)) * T(0.5) : e;
    const Vec<T> k = from_bits<T>(big & bits<T>(splat<T>(T(1))));
    return log_poly<T>(f, k);
}
template <class T>
RV_INLINE Vec<T> vsoftplus(Vec<T> x) {
    const Vec<T> e = vexp_negative<T>(-vabs<T>(x));
    return vmax(splat<T>(T(0)), x) + log1p_unit<T>(e);
}

// num / (1 + e) for 0 <= e <= 1 and num = 1 or e: a quotient and its correction by what is left of
// num, which knows of no rounding of 1 + e. A factor near 1 / (1 + e) does for that.
template <class T>
RV_INLINE Vec<T> over_one_plus(Vec<T> num, Vec<T> e) {
    const Vec<T> d = e + T(1);
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) {
        const Vec<T> r = (Vec<T>)_mm512_maskz_rcp14_ps(0xffff, (__m512)d);
        Vec<T> q = num * r;
        keep_in_register(q);
        return fma(r, fma(-q, e, num - q), q);
    }
#endif
    const Vec<T> q = num / d;
    return fma(fma(e, splat<T>(T(-0.5)), splat<T>(T(1))), fma(-q, e, num - q), q);
}

// sigmoid(x) and 1 - sigmoid(x), both to full relative accuracy
template <class T>
struct SigmoidPair {
    Vec<T> s, c;
};
template <class T>
RV_INLINE SigmoidPair<T> sigmoid_pair(Vec<T> x) {
    const Vec<T> e = vexp_negative<T>(-vabs<T>(x));
    const Vec<T> big = quotient<T>(splat<T>(T(1)), e + T(1));
    const Vec<T> small = e * big;
    const IVec<T> negative = x < T(0);
    return {negative ? small : big, negative ? big : small};
}
template <class T>
RV_INLINE Vec<T> vsigmoid(Vec<T> x) {
    const Vec<T> e = vexp_softmax<T>(-vabs<T>(x));
    return over_one_plus<T>(x < T(0) ? e : splat<T>(T(1)), e);
}

}  // namespace
}  // namespace ranvier::RV_ISA
