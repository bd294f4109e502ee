// Vec<T>: a thin wrapper over the compiler's vector types, as wide as the instruction set that
// this translation unit is compiled for. GCC and Clang; x86-64, aarch64, anything else.
//
// Include only from files that are compiled per instruction set. Everything is in
// ranvier::RV_ISA::{anonymous}, so that no two instruction sets share a symbol.
#pragma once

#include <cstdint>
#include <cstring>

#include "ranvier/types.hpp"

#if defined(__AVX__)
#include <immintrin.h>
#endif

#ifndef RV_ISA
#error "csrc/simd/vec.hpp belongs in files compiled with RV_ISA set"
#endif

#define RV_INLINE inline __attribute__((always_inline))
#define RV_LAMBDA_INLINE __attribute__((always_inline))

namespace ranvier::RV_ISA {
namespace {

#if defined(__AVX512F__)
inline constexpr int kVecBytes = 64;
inline constexpr int kVecRegisters = 32;
#elif defined(__AVX__)
inline constexpr int kVecBytes = 32;
inline constexpr int kVecRegisters = 16;
#elif defined(__aarch64__)
inline constexpr int kVecBytes = 16;
inline constexpr int kVecRegisters = 32;
#else
inline constexpr int kVecBytes = 16;
inline constexpr int kVecRegisters = 16;
#endif

template <class T>
struct VecTraits;
template <>
struct VecTraits<float> {
    typedef float type __attribute__((vector_size(kVecBytes)));
    typedef float unaligned __attribute__((vector_size(kVecBytes), aligned(4), may_alias));
    typedef std::int32_t int_type __attribute__((vector_size(kVecBytes)));
    typedef std::uint32_t uint_type __attribute__((vector_size(kVecBytes)));
    using int_scalar = std::int32_t;
};
template <>
struct VecTraits<double> {
    typedef double type __attribute__((vector_size(kVecBytes)));
    typedef double unaligned __attribute__((vector_size(kVecBytes), aligned(8), may_alias));
    typedef std::int64_t int_type __attribute__((vector_size(kVecBytes)));
    typedef std::uint64_t uint_type __attribute__((vector_size(kVecBytes)));
    using int_scalar = std::int64_t;
};

// The raw vector types: arithmetic, comparison and ?: are the compiler's own.
template <class T>
using Vec = typename VecTraits<T>::type;
template <class T>
using IVec = typename VecTraits<T>::int_type;
template <class T>
using UVec = typename VecTraits<T>::uint_type;
template <class T>
inline constexpr int kLanes = kVecBytes / static_cast<int>(sizeof(T));

// 0, 1, 2, ...
template <class T>
RV_INLINE IVec<T> lane_numbers() {
    IVec<T> v{};
    for (int i = 0; i < kLanes<T>; ++i) v[i] = i;
    return v;
}
template <class T>
RV_INLINE Vec<T> load(const T* p) {
    return *reinterpret_cast<const typename VecTraits<T>::unaligned*>(p);
}
template <class T>
RV_INLINE void store(T* p, Vec<T> v) {
    *reinterpret_cast<typename VecTraits<T>::unaligned*>(p) = v;
}
template <class T>
RV_INLINE Vec<T> splat(T v) {
    return v - Vec<T>{};  // v - 0: keeps -0.0, unlike v + 0
}
// The first n lanes (0 <= n <= lanes), the others `fill`. Never touches memory past p + n.
template <class T>
RV_INLINE Vec<T> load_partial(const T* p, index_t n, T fill = T(0)) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (Vec<T>)_mm512_mask_loadu_ps((__m512)splat<T>(fill), __mmask16((1u << n) - 1u), p);
    else
        return (Vec<T>)_mm512_mask_loadu_pd((__m512d)splat<T>(fill), __mmask8((1u << n) - 1u), p);
#elif defined(__AVX__)
    const IVec<T> mask = lane_numbers<T>() < typename VecTraits<T>::int_scalar(n);
    Vec<T> v;
    if constexpr (sizeof(T) == 4)
        v = (Vec<T>)_mm256_maskload_ps(p, (__m256i)mask);
    else
        v = (Vec<T>)_mm256_maskload_pd(p, (__m256i)mask);
    return mask ? v : splat<T>(fill);
#else
    T t[kLanes<T>];
    for (int i = 0; i < kLanes<T>; ++i) t[i] = i < n ? p[i] : fill;
    Vec<T> v;
    std::memcpy(&v, t, sizeof v);
    return v;
#endif
}
template <class T>
RV_INLINE void store_partial(T* p, Vec<T> v, index_t n) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1u), (__m512)v);
    else
        _mm512_mask_storeu_pd(p, __mmask8((1u << n) - 1u), (__m512d)v);
#else
    // Halves, quarters, ...: AVX's masked store is slow on some processors.
    T t[kLanes<T>];
    std::memcpy(t, &v, sizeof v);
    if (n == kLanes<T>) {
        std::memcpy(p, t, sizeof t);
        return;
    }
    index_t i = 0;
    if constexpr (kLanes<T> > 4)
        if (n & 4) {
            std::memcpy(p, t, 4 * sizeof(T));
            i = 4;
        }
    if constexpr (kLanes<T> > 2)
        if (n & 2) {
            std::memcpy(p + i, t + i, 2 * sizeof(T));
            i += 2;
        }
    if (n & 1) p[i] = t[i];
#endif
}
// c + a b; contracted to one fused operation where the instruction set has it
// (the kernel files are compiled with -ffp-contract=fast).
template <class V>
RV_INLINE V fma(V a, V b, V c) {
    return a * b + c;
}
template <class T>
RV_INLINE IVec<T> bits(Vec<T> v) {
    return reinterpret_cast<IVec<T>>(v);
}
template <class T>
RV_INLINE Vec<T> from_bits(IVec<T> v) {
    return reinterpret_cast<Vec<T>>(v);
}
// The compiler would rather load a value again for each use than keep it: a load is half of what
// these loops have to do.
template <class V>
RV_INLINE void keep_in_register(V& v) {
#if defined(__AVX512F__)
    __asm__("" : "+v"(v));
#elif defined(__x86_64__)
    __asm__("" : "+x"(v));
#elif defined(__aarch64__)
    __asm__("" : "+w"(v));
#else
    (void)v;
#endif
}
// NaN in either gives b, as the hardware does.
template <class V>
RV_INLINE V vmin(V a, V b) {
// GCC makes two or three instructions of the comparison.
#if defined(__AVX512F__)
    if constexpr (sizeof(a[0]) == 4)
        return (V)_mm512_maskz_min_ps(0xffff, (__m512)a, (__m512)b);
    else
        return (V)_mm512_maskz_min_pd(0xff, (__m512d)a, (__m512d)b);
#elif defined(__AVX__)
    if constexpr (sizeof(a[0]) == 4)
        return (V)_mm256_min_ps((__m256)a, (__m256)b);
    else
        return (V)_mm256_min_pd((__m256d)a, (__m256d)b);
#else
    return a < b ? a : b;
#endif
}
template <class V>
RV_INLINE V vmax(V a, V b) {
#if defined(__AVX512F__)
    if constexpr (sizeof(a[0]) == 4)
        return (V)_mm512_maskz_max_ps(0xffff, (__m512)a, (__m512)b);
    else
        return (V)_mm512_maskz_max_pd(0xff, (__m512d)a, (__m512d)b);
#elif defined(__AVX__)
    if constexpr (sizeof(a[0]) == 4)
        return (V)_mm256_max_ps((__m256)a, (__m256)b);
    else
        return (V)_mm256_max_pd((__m256d)a, (__m256d)b);
#else
    return a > b ? a : b;
#endif
}
// Sum over lanes, in a fixed (pairwise) order.
template <class T>
RV_INLINE T hsum(Vec<T> v) {
#if defined(__AVX512F__)
    // GCC leaves a loop, through memory, of what follows below for 16 lanes.
    constexpr int kLeft = kLanes<T> / 2;
    T t[kLeft];
    const Vec<double> d = (Vec<double>)v;
    const __m256d low = __builtin_shufflevector(d, d, 0, 1, 2, 3);
    const __m256d high = __builtin_shufflevector(d, d, 4, 5, 6, 7);
    if constexpr (sizeof(T) == 4)
        _mm256_storeu_ps(t, (__m256)low + (__m256)high);
    else
        _mm256_storeu_pd(t, low + high);
#else
    constexpr int kLeft = kLanes<T>;
    T t[kLeft];
    std::memcpy(t, &v, sizeof v);
#endif
    for (int w = kLeft / 2; w > 0; w /= 2)
        for (int i = 0; i < w; ++i) t[i] += t[i + w];
    return t[0];
}

}  // namespace
}  // namespace ranvier::RV_ISA
