#include "kernels/depthwise.hpp"

#include <algorithm>

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

// What the rows after this one will want, brought into the cache a little at each step: the
// memory's time is most of what a depthwise convolution takes.
template <class T>
class Ahead {
  public:
    Ahead(const T* at, index_t size, index_t steps)
        : at_(at), end_(at + size), each_((size + steps - 1) / steps) {}
    RV_INLINE void step() {
        for (const T* stop = at_ + std::min(each_, end_ - at_); at_ < stop; at_ += kLine)
            __builtin_prefetch(at_);
    }

  private:
    static constexpr index_t kLine = 64 / sizeof(T);
    const T *at_, *end_;
    index_t each_;
};

// How often a vector of `pixels` pixels is computed.
template <class T>
index_t steps_of(const DepthwiseTask<T>& t, index_t pixels) {
    constexpr index_t L = kLanes<T>;
    return ((t.pixels + pixels - 1) / pixels) * ((t.c + L - 1) / L);
}

// Calls f(channels) for all of them.
template <class T, class F>
RV_INLINE void each_channels(index_t c, F f) {
    constexpr index_t L = kLanes<T>;
    index_t j = 0;
    for (; j + L <= c; j += L) f(Channels<T, true>(j, L));
    if (j < c) f(Channels<T, false>(j, c - j));
}

// P pixels, all channels: as they lie in memory.
template <class T, int P>
void pixels(const DepthwiseTask<T>& t, index_t p, Ahead<T>& ahead) {
    each_channels<T>(t.c, [&](auto ch) {
        ahead.step();
        pixels_of<T, P>(t, p, ch, t.bias ? ch.get(t.bias) : Vec<T>{});
    });
}

template <class T>
void forward(const DepthwiseTask<T>& t) {
    constexpr index_t P = 4;
    Ahead<T> ahead(t.ahead, t.ahead_size, steps_of(t, P));
    index_t p = 0;
    for (; p + P <= t.pixels; p += P) pixels<T, P>(t, p, ahead);
    for (; p + 2 <= t.pixels; p += 2) pixels<T, 2>(t, p, ahead);
    for (; p < t.pixels; ++p) pixels<T, 1>(t, p, ahead);
}

// K taps of pixels [p, end).
template <class T, int K, class C>
RV_INLINE void taps_of(const DepthwiseTask<T>& t, index_t tap, index_t p, index_t end, C ch,
                       T* dw) {
    Vec<T> acc[K];
    const T* x[K];
#pragma GCC unroll 9
    for (int i = 0; i < K; ++i) {
        acc[i] = ch.get(dw + t.at[tap + i]);
        x[i] = t.x + t.offsets[tap + i];
    }
    const T* y = t.y + p * t.ldy;
    for (index_t at = p * t.step; p < end; ++p, at += t.step, y += t.ldy) {
        const Vec<T> dy = ch.get(y);
#pragma GCC unroll 9
        for (int i = 0; i < K; ++i) acc[i] = fma(ch.get(x[i] + at), dy, acc[i]);
    }
#pragma GCC unroll 9
    for (int i = 0; i < K; ++i) ch.put(dw + t.at[tap + i], acc[i]);
}

template <class T>
void weights(const DepthwiseTask<T>& t, T* dw) {
    // with few channels more pixels: sums are taken from memory, and put back, for each P of them
    const index_t P = std::max<index_t>(8, 512 / t.c);
    Ahead<T> ahead(t.ahead, t.ahead_size, steps_of(t, P));
    Ahead<T> ahead_y(t.ahead_y, t.ahead_y_size, steps_of(t, P));
    for (index_t p = 0; p < t.pixels; p += P) {
        const index_t end = std::min(p + P, t.pixels);
        each_channels<T>(t.c, [&](auto ch) {
            ahead.step();
            ahead_y.step();
            index_t tap = 0;
            for (; tap + 9 <= t.taps; tap += 9) taps_of<T, 9>(t, tap, p, end, ch, dw);
            for (; tap + 3 <= t.taps; tap += 3) taps_of<T, 3>(t, tap, p, end, ch, dw);
            for (; tap < t.taps; ++tap) taps_of<T, 1>(t, tap, p, end, ch, dw);
        });
    }
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_COLD_KERNELS(DepthwiseKernels, &RV_ISA::forward<T>, &RV_ISA::weights<T>)

}  // namespace ranvier
