// The first n lanes of a vector from and to memory, without touching what lies beyond.
// vec.hpp's load_partial and store_partial go lane by lane; these are for inner loops.
#pragma once

#include "simd/vec.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace ranvier::RV_ISA {
namespace {

// Lane masks, built once outside of a loop: lane i is on if i < n.
#if defined(__AVX512F__)
template <class T>
using LaneMask = unsigned;
template <class T>
RV_INLINE LaneMask<T> lane_mask(index_t n) {
    return (1u << n) - 1u;
}
RV_INLINE Vec<float> load_lanes(const float* p, LaneMask<float> m) {
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>(m), p);
}
RV_INLINE Vec<double> load_lanes(const double* p, LaneMask<double> m) {
    return _mm512_maskz_loadu_pd(static_cast<__mmask8>(m), p);
}
RV_INLINE void store_lanes(float* p, Vec<float> v, index_t n) {
    _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1u), v);
}
RV_INLINE void store_lanes(double* p, Vec<double> v, index_t n) {
    _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1u), v);
}
#elif defined(__AVX2__)
template <class T>
using LaneMask = __m256i;
template <class T>
RV_INLINE LaneMask<T> lane_mask(index_t n) {
    IVec<T> lane, limit;
    for (int i = 0; i < kLanes<T>; ++i) {
        lane[i] = i;
        limit[i] = static_cast<typename VecTraits<T>::int_scalar>(n);
    }
    return reinterpret_cast<__m256i>(lane < limit);
}
RV_INLINE Vec<float> load_lanes(const float* p, __m256i m) { return _mm256_maskload_ps(p, m); }
RV_INLINE Vec<double> load_lanes(const double* p, __m256i m) { return _mm256_maskload_pd(p, m); }
// Not vmaskmov: as a store it takes tens of cycles on AMD.
RV_INLINE void store_lanes(float* p, Vec<float> v, index_t n) {
    __m128 x = _mm256_castps256_ps128(v);
    if (n & 8) return store(p, v);
    if (n & 4) {
        _mm_storeu_ps(p, x);
        x = _mm256_extractf128_ps(v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi(reinterpret_cast<__m64*>(p), x);
        x = _mm_movehl_ps(x, x);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, x);
}
RV_INLINE void store_lanes(double* p, Vec<double> v, index_t n) {
    __m128d x = _mm256_castpd256_pd128(v);
    if (n & 4) return store(p, v);
    if (n & 2) {
        _mm_storeu_pd(p, x);
        x = _mm256_extractf128_pd(v, 1);
        p += 2;
    }
    if (n & 1) _mm_store_sd(p, x);
}
#else
template <class T>
using LaneMask = index_t;
template <class T>
RV_INLINE LaneMask<T> lane_mask(index_t n) {
    return n;
}
template <class T>
RV_INLINE Vec<T> load_lanes(const T* p, index_t n) {
    if (n >= kLanes<T>) return load(p);
    Vec<T> v{};
    for (int i = 0; i < kLanes<T> - 1; ++i)
        if (i < n) v[i] = p[i];
    return v;
}
template <class T>
RV_INLINE void store_lanes(T* p, Vec<T> v, index_t n) {
    if (n >= kLanes<T>) return store(p, v);
    for (int i = 0; i < kLanes<T> - 1; ++i)
        if (i < n) p[i] = v[i];
}
#endif

}  // namespace
}  // namespace ranvier::RV_ISA
