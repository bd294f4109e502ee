// Indices of maxima between vectors and memory, and loops over channels.
#pragma once

#include "kernels/pool.hpp"
#include "simd/vec.hpp"

namespace ranvier::RV_ISA {
namespace {

template <class T>
RV_INLINE void store_index(void* index, index_t at, bool wide, IVec<T> v) {
    if (wide) {
        std::uint32_t* p = static_cast<std::uint32_t*>(index) + at;
        for (int i = 0; i < kLanes<T>; ++i) p[i] = static_cast<std::uint32_t>(v[i]);
        return;
    }
    std::uint8_t* p = static_cast<std::uint8_t*>(index) + at;
// The masked forms: GCC 12 warns of an undefined source in the others.
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                         _mm512_maskz_cvtepi32_epi8(0xffff, (__m512i)v));
    else
        _mm_storel_epi64(reinterpret_cast<__m128i*>(p),
                         _mm512_maskz_cvtepi64_epi8(0xff, (__m512i)v));
#elif defined(__AVX2__)
    // the low byte of each lane to the front of either half
    const __m256i pick = sizeof(T) == 4 ? _mm256_set1_epi32(0x0c080400) : _mm256_set1_epi32(0x0800);
    const __m256i t = _mm256_shuffle_epi8((__m256i)v, pick);
    const __m128i lo = _mm256_castsi256_si128(t), hi = _mm256_extracti128_si256(t, 1);
    if constexpr (sizeof(T) == 4) {
        _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_unpacklo_epi32(lo, hi));
    } else {
        const int four = _mm_cvtsi128_si32(_mm_unpacklo_epi16(lo, hi));
        std::memcpy(p, &four, 4);
    }
#else
    for (int i = 0; i < kLanes<T>; ++i) p[i] = static_cast<std::uint8_t>(v[i]);
#endif
}

template <class T>
RV_INLINE IVec<T> load_index(const void* index, index_t at, bool wide) {
    IVec<T> v{};
    if (wide) {
        const std::uint32_t* p = static_cast<const std::uint32_t*>(index) + at;
        for (int i = 0; i < kLanes<T>; ++i)
            v[i] = static_cast<typename VecTraits<T>::int_scalar>(p[i]);
        return v;
    }
    const std::uint8_t* p = static_cast<const std::uint8_t*>(index) + at;
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (IVec<T>)_mm512_maskz_cvtepu8_epi32(
            0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    else
        return (IVec<T>)_mm512_maskz_cvtepu8_epi64(
            0xff, _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4) {
        return (IVec<T>)_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    } else {
        int four;
        std::memcpy(&four, p, 4);
        return (IVec<T>)_mm256_cvtepu8_epi64(_mm_cvtsi32_si128(four));
    }
#else
    for (int i = 0; i < kLanes<T>; ++i) v[i] = p[i];
    return v;
#endif
}
template <class T>
RV_INLINE IVec<T> splat_index(index_t k) {
    return IVec<T>{} + static_cast<typename VecTraits<T>::int_scalar>(k);
}

// f(j) for vectors of the c >= lanes channels; the last overlaps the one before it, so that f must
// give the same when it runs twice.
template <class T, class F>
RV_INLINE void each_channels(index_t c, F f) {
    for (index_t j = 0; j < c; j += kLanes<T>) f(j + kLanes<T> <= c ? j : c - kLanes<T>);
}

// Fewer channels than lanes: as many outputs at once as this many elements hold.
inline constexpr index_t kNarrow = 256;

// A few elements, which a call of memcpy is slow for.
template <class T>
RV_INLINE void copy_few(index_t c, const T* x, T* y) {
    constexpr index_t kPiece = 16 / index_t(sizeof(T));
    if (c < kPiece) {
        for (index_t j = 0; j < c; ++j) y[j] = x[j];
        return;
    }
    for (index_t j = 0; j < c; j += kPiece) {
        const index_t i = j + kPiece <= c ? j : c - kPiece;
        std::memcpy(y + i, x + i, 16);
    }
}
// y [count, c] = pixels of x that are `stride` elements apart. Not inlined: it is long, and its
// work is longer than a call.
template <class T>
__attribute__((noinline)) void pick_pixels(index_t count, index_t c, index_t stride, const T* x,
                                           T* y) {
    if (stride == c) {
        std::memcpy(y, x, static_cast<std::size_t>(count * c) * sizeof(T));
    } else if (c == 1) {
        if (stride == 2)
            for (index_t i = 0; i < count; ++i) y[i] = x[2 * i];
        else
            for (index_t i = 0; i < count; ++i) y[i] = x[i * stride];
    } else {
        for (index_t i = 0; i < count; ++i) copy_few(c, x + i * stride, y + i * c);
    }
}
// How many windows from `o` on are taken together: whole ones; of clipped ones, one.
RV_INLINE index_t narrow_block(const PoolLine& line, index_t o) {
    const index_t end = line.whole_end(), most = kNarrow / line.c;
    if (o < line.whole_begin() || o >= end) return 1;
    return end - o < most ? end - o : most;
}

}  // namespace
}  // namespace ranvier::RV_ISA
