// The rarer activations, as those of act.hpp: three pieces, mish, squareplus, tanh_shrink.
#pragma once

#include "simd/tanh.hpp"

namespace ranvier::RV_ISA {
namespace {

// Which function `Act::pieces` is, by the parameter c.
enum PieceKind {
    kHardTanh,
    kHardShrink,  // a = threshold
    kSoftShrink,  // a = threshold
    kThreshold,   // a = threshold, b = the value up to it
    kSparsePlus,
    kSparseSigmoid,
    kHardSilu,
};

// x > hi: h0, or h0 + x; else x < lo: l0, or l0 + x; else c + (x + r) (s + q x).
template <class T>
struct PieceNumbers {
    T lo = T(-1), hi = T(1), l0 = T(0), h0 = T(0), c = T(0), r = T(0), s = T(0), q = T(0);
    bool l1 = false, h1 = true;
};

template <class T>
__attribute__((noinline)) PieceNumbers<T> piece_numbers(const ActParams& p) {
    PieceNumbers<T> n;
    const T a = T(p.a), b = T(p.b);
    // Just inside of +-3, so that the kinks belong to the outer pieces, as in JAX.
    const T three = T(3) * (T(1) - (sizeof(T) == 4 ? T(0x1p-23) : T(0x1p-52)));
    switch (int(p.c)) {
        case kHardTanh:
            n.l0 = T(-1), n.h0 = T(1), n.h1 = false, n.s = T(1);
            break;
        case kHardShrink:
            n.lo = -a, n.hi = a, n.l1 = true;
            break;
        case kSoftShrink:
            n.lo = n.h0 = -a, n.hi = n.l0 = a, n.l1 = true;
            break;
        case kThreshold:
            n.lo = n.hi = a, n.l0 = n.c = b;
            break;
        case kSparsePlus:
            n.r = T(1), n.s = n.q = T(0.25);
            break;
        case kSparseSigmoid:
            n.h0 = T(1), n.h1 = false, n.r = T(1), n.s = T(0.5);
            break;
        default:
            n.lo = -three, n.hi = three, n.r = T(3), n.q = T(1.0 / 6.0);
    }
    return n;
}

template <class T>
struct Pieces {
    PieceNumbers<T> n;
    RV_INLINE explicit Pieces(const ActParams& p) : n(piece_numbers<T>(p)) {}
    RV_INLINE Vec<T> y(Vec<T> x) const {
        const Vec<T> low = n.l1 ? x + n.l0 : splat<T>(n.l0);
        const Vec<T> high = n.h1 ? x + n.h0 : splat<T>(n.h0);
        const Vec<T> middle = fma(x + n.r, fma(splat<T>(n.q), x, splat<T>(n.s)), splat<T>(n.c));
        return x > n.hi ? high : (x < n.lo ? low : middle);
    }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const { return dy * d(s); }
    RV_INLINE Vec<T> d(Vec<T> x) const {
        const Vec<T> middle = fma(splat<T>(n.q), x + x + n.r, splat<T>(n.s));
        const Vec<T> low = splat<T>(T(n.l1)), high = splat<T>(T(n.h1));
        return x > n.hi ? high : (x < n.lo ? low : middle);
    }
};

// x tanh(softplus(x)) = x w / (w + 2), w = e (e + 2), e = exp(x); the quotient is 1 from 20 on.
template <class T>
struct Mish {
    RV_INLINE explicit Mish(const ActParams&) {}
    RV_INLINE Vec<T> y(Vec<T> x) const {
        const Vec<T> e = vexp<T>(vmin(splat<T>(T(20)), x)), w = e * (e + T(2));
        return x * quotient<T>(w, w + T(2));
    }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const { return dy * d(s); }
    // t + x (1 - t^2) sigmoid(x) = t + 4 x e (1 + e) / (w + 2)^2
    RV_INLINE Vec<T> d(Vec<T> x0) const {
        const Vec<T> x = vmin(splat<T>(T(20)), vmax(splat<T>(T(-1000)), x0));
        const Vec<T> e = vexp<T>(x), w = e * (e + T(2)), k = T(1) / (w + T(2));
        return k * fma(T(4) * x * k, e * (e + T(1)), w);
    }
};

template <class T>
struct TanhShrink {
    RV_INLINE explicit TanhShrink(const ActParams&) {}
    RV_INLINE Vec<T> y(Vec<T> x) const { return x - vtanh<T>(x); }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const { return dy * d(s); }
    RV_INLINE Vec<T> d(Vec<T> x) const {
        const Vec<T> t = vtanh<T>(x);
        return t * t;
    }
};

// (x + sqrt(x^2 + b)) / 2; below 0 as b / (2 (sqrt(x^2 + b) - x)), which does not cancel.
template <class T>
struct Squareplus {
    Vec<T> b;
    RV_INLINE explicit Squareplus(const ActParams& p) : b(splat<T>(T(p.a))) {}
    RV_INLINE Vec<T> root(Vec<T> x) const {
        Vec<T> r = fma(x, x, b);
        for (index_t i = 0; i < kLanes<T>; ++i)
            if constexpr (sizeof(T) == 4)
                r[i] = __builtin_sqrtf(r[i]);
            else
                r[i] = __builtin_sqrt(r[i]);
        return r;
    }
    RV_INLINE Vec<T> y(Vec<T> x) const {
        const Vec<T> sum = root(x) + vabs<T>(x);
        return x < T(0) ? T(0.5) * b / sum : T(0.5) * sum;
    }
    RV_INLINE Vec<T> dx(Vec<T> s, Vec<T> dy) const { return dy * d(s); }
    RV_INLINE Vec<T> d(Vec<T> x0) const {
        const Vec<T> bound = splat<T>(T(1e15));
        const Vec<T> x = vmin(bound, vmax(-bound, x0));
        return fma(T(0.5) * x, T(1) / root(x), splat<T>(T(0.5)));
    }
};

}  // namespace
}  // namespace ranvier::RV_ISA
