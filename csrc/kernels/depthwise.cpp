#include "kernels/depthwise.hpp"

#include "simd/partial.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// A vector of channels, the first `count` of it. Whole ones are operands of the multiply-adds.
template <class T, bool Whole>
struct Channels {
    index_t j, count;
    LaneMask<T> mask;
    Channels(index_t first, index_t n) : j(first), count(n), mask(lane_mask<T>(n)) {}
    RV_INLINE Vec<T> get(const T* p) const { return Whole ? load(p + j) : load_lanes(p + j, mask); }
    RV_INLINE void put(T* p, Vec<T> v) const {
        if (Whole)
            store(p + j, v);
        else
            store_lanes(p + j, v, count);
    }
};

template <class T, int P, class C>
RV_INLINE void pixels_of(const DepthwiseTask<T>& t, index_t p, C ch, Vec<T> bias) {
    Vec<T> acc[P];
#pragma GCC unroll 8
    for (int i = 0; i < P; ++i) acc[i] = bias;
    const T* x = t.x + p * t.step;
    const index_t step = t.step, taps = t.taps;
    for (index_t tap = 0; tap < taps; ++tap) {
        const Vec<T> w = ch.get(t.w + t.at[tap]);
        const T* at = x + t.offsets[tap];
#pragma GCC unroll 8
        for (int i = 0; i < P; ++i) acc[i] = fma(ch.get(at + i * step), w, acc[i]);
    }
    if (t.relu) {
        const Vec<T> slope = splat<T>(t.slope), zero{};
#pragma GCC unroll 8
        for (int i = 0; i < P; ++i)  // not y * 0 for slope 0: that would turn -inf into NaN
            acc[i] =
                t.slope == T(0) ? vmax(zero, acc[i]) : (acc[i] < zero ? acc[i] * slope : acc[i]);
    }
    T* y = t.y + p * t.ldy;
#pragma GCC unroll 8
    for (int i = 0; i < P; ++i) ch.put(y + i * t.ldy, acc[i]);
}

template <class T, class C>
void forward_channels(const DepthwiseTask<T>& t, C ch) {
    constexpr int P = 7;
    const Vec<T> bias = t.bias ? ch.get(t.bias) : Vec<T>{};
    index_t p = 0;
    for (; p + P <= t.pixels; p += P) pixels_of<T, P>(t, p, ch, bias);
    for (; p + 2 <= t.pixels; p += 2) pixels_of<T, 2>(t, p, ch, bias);
    for (; p < t.pixels; ++p) pixels_of<T, 1>(t, p, ch, bias);
}

template <class T>
void forward(const DepthwiseTask<T>& t) {
    constexpr index_t L = kLanes<T>;
    index_t j = 0;
    for (; j + L <= t.c; j += L) forward_channels(t, Channels<T, true>(j, L));
    if (j < t.c) forward_channels(t, Channels<T, false>(j, t.c - j));
}

// K taps.
template <class T, int K, class C>
RV_INLINE void taps_of(const DepthwiseTask<T>& t, index_t tap, C ch, T* dw) {
    Vec<T> acc[K];
    const T* x[K];
#pragma GCC unroll 9
    for (int i = 0; i < K; ++i) {
        acc[i] = ch.get(dw + t.at[tap + i]);
        x[i] = t.x + t.offsets[tap + i];
    }
    const T* y = t.y;
    for (index_t p = 0, at = 0; p < t.pixels; ++p, at += t.step, y += t.ldy) {
        const Vec<T> dy = ch.get(y);
#pragma GCC unroll 9
        for (int i = 0; i < K; ++i) acc[i] = fma(ch.get(x[i] + at), dy, acc[i]);
    }
#pragma GCC unroll 9
    for (int i = 0; i < K; ++i) ch.put(dw + t.at[tap + i], acc[i]);
}

template <class T, class C>
void weights_channels(const DepthwiseTask<T>& t, C ch, T* dw) {
    index_t tap = 0;
    for (; tap + 9 <= t.taps; tap += 9) taps_of<T, 9>(t, tap, ch, dw);
    for (; tap + 3 <= t.taps; tap += 3) taps_of<T, 3>(t, tap, ch, dw);
    for (; tap < t.taps; ++tap) taps_of<T, 1>(t, tap, ch, dw);
}

template <class T>
void weights(const DepthwiseTask<T>& t, T* dw) {
    constexpr index_t L = kLanes<T>;
    index_t j = 0;
    for (; j + L <= t.c; j += L) weights_channels(t, Channels<T, true>(j, L), dw);
    if (j < t.c) weights_channels(t, Channels<T, false>(j, t.c - j), dw);
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_COLD_KERNELS(DepthwiseKernels, &RV_ISA::forward<T>, &RV_ISA::weights<T>)

}  // namespace ranvier
