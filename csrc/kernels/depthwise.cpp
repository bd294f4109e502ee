#include "kernels/depthwise.hpp"

#include "simd/partial.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// P pixels of one vector of channels.
template <class T, int P>
RV_INLINE void pixels_of(const DepthwiseTask<T>& t, index_t p, index_t j, index_t count,
                         LaneMask<T> mask, Vec<T> bias) {
    Vec<T> acc[P];
#pragma GCC unroll 8
    for (int i = 0; i < P; ++i) acc[i] = bias;
    const T* x = t.x + p * t.step + j;
    for (index_t tap = 0; tap < t.taps; ++tap) {
        const Vec<T> w = load_lanes(t.w + tap * t.c + j, mask);
        const T* at = x + t.offsets[tap];
#pragma GCC unroll 8
        for (int i = 0; i < P; ++i) acc[i] = fma(load_lanes(at + i * t.step, mask), w, acc[i]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < P; ++i) {
        Vec<T> y = acc[i];
        if (t.relu)  // not y * 0 for slope 0: that would turn -inf into NaN
            y = t.slope == T(0) ? vmax(Vec<T>{}, y) : (y < Vec<T>{} ? y * t.slope : y);
        store_lanes(t.y + (p + i) * t.ldy + j, y, count);
    }
}

template <class T>
void forward(const DepthwiseTask<T>& t) {
    constexpr index_t L = kLanes<T>;
    constexpr int P = 6;
    for (index_t j = 0; j < t.c; j += L) {
        const index_t count = t.c - j < L ? t.c - j : L;
        const LaneMask<T> mask = lane_mask<T>(count);
        const Vec<T> bias = t.bias ? load_lanes(t.bias + j, mask) : Vec<T>{};
        index_t p = 0;
        for (; p + P <= t.pixels; p += P) pixels_of<T, P>(t, p, j, count, mask, bias);
        for (; p < t.pixels; ++p) pixels_of<T, 1>(t, p, j, count, mask, bias);
    }
}

// K taps of one vector of channels.
template <class T, int K>
RV_INLINE void taps_of(const DepthwiseTask<T>& t, index_t tap, index_t j, index_t count,
                       LaneMask<T> mask, T* dw) {
    Vec<T> acc[K];
#pragma GCC unroll 8
    for (int i = 0; i < K; ++i) acc[i] = load_lanes(dw + (tap + i) * t.c + j, mask);
    for (index_t p = 0; p < t.pixels; ++p) {
        const Vec<T> dy = load_lanes(t.y + p * t.ldy + j, mask);
        const T* x = t.x + p * t.step + j;
#pragma GCC unroll 8
        for (int i = 0; i < K; ++i)
            acc[i] = fma(load_lanes(x + t.offsets[tap + i], mask), dy, acc[i]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < K; ++i) store_lanes(dw + (tap + i) * t.c + j, acc[i], count);
}

template <class T>
void weights(const DepthwiseTask<T>& t, T* dw) {
    constexpr index_t L = kLanes<T>;
    for (index_t j = 0; j < t.c; j += L) {
        const index_t count = t.c - j < L ? t.c - j : L;
        const LaneMask<T> mask = lane_mask<T>(count);
        index_t tap = 0;
        for (; tap + 5 <= t.taps; tap += 5) taps_of<T, 5>(t, tap, j, count, mask, dw);
        for (; tap + 2 <= t.taps; tap += 2) taps_of<T, 2>(t, tap, j, count, mask, dw);
        for (; tap < t.taps; ++tap) taps_of<T, 1>(t, tap, j, count, mask, dw);
    }
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_KERNELS(DepthwiseKernels, &RV_ISA::forward<T>, &RV_ISA::weights<T>)

}  // namespace ranvier
