#include "kernels/depthwise.hpp"

#include <algorithm>

#include "simd/partial.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// V vectors of channels from j on, operands of the multiply-adds; V = 0: the first `rest` of one.
template <class T, int V>
struct Channels {
    static constexpr int vectors = V > 0 ? V : 1;
    index_t j, rest;
    LaneMask<T> mask;
    Channels(index_t first, index_t n) : j(first), rest(n), mask(lane_mask<T>(n)) {}
    RV_INLINE Vec<T> get(const T* p, int v = 0) const {
        return V > 0 ? load(p + j + v * kLanes<T>) : load_lanes(p + j, mask);
    }
    RV_INLINE void put(T* p, Vec<T> value, int v = 0) const {
        if (V > 0)
            store(p + j + v * kLanes<T>, value);
        else
            store_lanes(p + j, value, rest);
    }
};

// What is done at a time: so many, or so few where there is nothing but SSE2, for size.
constexpr int at_a_time([[maybe_unused]] int vectors, [[maybe_unused]] int few = 1) {
#if defined(__AVX2__) || defined(__ARM_NEON)
    return vectors;
#else
    return few;
#endif
}

// Calls f for all channels, V vectors at a time.
template <class T, int V, class F>
RV_INLINE void each_channels(index_t c, F f) {
    constexpr index_t L = kLanes<T>;
    index_t j = 0;
    for (; j + V * L <= c; j += V * L) f(Channels<T, V>(j, L));
    for (; j < c; j += L) f(Channels<T, 0>(j, std::min(L, c - j)));
}

template <class T, int P, class C>
RV_INLINE void pixels_of(const DepthwiseTask<T>& t, index_t p, C ch) {
    constexpr int V = C::vectors;
    Vec<T> acc[V][P];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
        const Vec<T> bias = t.bias ? ch.get(t.bias, v) : Vec<T>{};
#pragma GCC unroll 4
        for (int i = 0; i < P; ++i) acc[v][i] = bias;
    }
    const T* x = t.x + p * t.step;
    const index_t step = t.step, taps = t.taps;
    for (index_t tap = 0; tap < taps; ++tap) {
        const T *w = t.w + t.at[tap], *at = x + t.offsets[tap];
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) {
            const Vec<T> factor = ch.get(w, v);
#pragma GCC unroll 4
            for (int i = 0; i < P; ++i)
                acc[v][i] = fma(ch.get(at + i * step, v), factor, acc[v][i]);
        }
    }
    T* y = t.y + p * t.ldy;
    const Vec<T> slope = splat<T>(t.slope), zero{};
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v)
#pragma GCC unroll 4
        for (int i = 0; i < P; ++i) {
            Vec<T> sum = acc[v][i];
            if (t.relu)  // not y * 0 for slope 0: that would turn -inf into NaN
                sum = t.slope == T(0) ? vmax(zero, sum) : (sum < zero ? sum * slope : sum);
            ch.put(y + i * t.ldy, sum, v);
        }
}

// What the rows after this one will want, brought into the cache a little at each step: the
// memory's time is most of what a depthwise convolution takes.
template <class T>
class Ahead {
  public:
    Ahead(const T* at, index_t size, index_t steps)
        : at_(at), end_(at + size), each_((size + steps - 1) / steps) {}
    RV_INLINE void steps(index_t n) {
        for (const T* stop = at_ + std::min(n * each_, end_ - at_); at_ < stop; at_ += kLine)
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

// P pixels, all channels: as they lie in memory. V vectors, so that there are sums enough to hide
// how long a multiply-add takes.
template <class T, int P, int V>
void pixels(const DepthwiseTask<T>& t, index_t p, Ahead<T>& ahead, Ahead<T>& ahead_y) {
    each_channels<T, V>(t.c, [&](auto ch) {
        ahead.steps(ch.vectors);
        ahead_y.steps(ch.vectors);
        pixels_of<T, P>(t, p, ch);
    });
}

template <class T>
void forward(const DepthwiseTask<T>& t) {
    constexpr index_t P = 4;
    const index_t steps = steps_of(t, P);
    Ahead<T> ahead(t.ahead, t.ahead_size, steps);
    Ahead<T> ahead_y(t.ahead_y, t.ahead_y_size, steps);
    index_t p = 0;
    for (; p + P <= t.pixels; p += P) pixels<T, P, at_a_time(2)>(t, p, ahead, ahead_y);
    for (; p < t.pixels; ++p) pixels<T, 1, at_a_time(4)>(t, p, ahead, ahead_y);
}

// K taps of pixels [p, end).
template <class T, int K, class C>
RV_INLINE void taps_of(const DepthwiseTask<T>& t, index_t tap, index_t p, index_t end, C ch,
                       T* dw) {
    constexpr int V = C::vectors;
    Vec<T> acc[K][V];
    const T* x[K];
#pragma GCC unroll 9
    for (int i = 0; i < K; ++i) {
        x[i] = t.x + t.offsets[tap + i];
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) acc[i][v] = ch.get(dw + t.at[tap + i], v);
    }
    const T* y = t.y + p * t.ldy;
    for (index_t at = p * t.step; p < end; ++p, at += t.step, y += t.ldy)
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) {
            const Vec<T> dy = ch.get(y, v);
#pragma GCC unroll 9
            for (int i = 0; i < K; ++i) acc[i][v] = fma(ch.get(x[i] + at, v), dy, acc[i][v]);
        }
#pragma GCC unroll 9
    for (int i = 0; i < K; ++i)
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) ch.put(dw + t.at[tap + i], acc[i][v], v);
}

template <class T>
void weights(const DepthwiseTask<T>& t, T* dw) {
    // with few channels more pixels: sums are taken from memory, and put back, for each P of them
    const index_t P = std::max<index_t>(8, 512 / t.c);
    const index_t steps = steps_of(t, P);
    Ahead<T> ahead(t.ahead, t.ahead_size, steps);
    Ahead<T> ahead_y(t.ahead_y, t.ahead_y_size, steps);
    for (index_t p = 0; p < t.pixels; p += P) {
        const index_t end = std::min(p + P, t.pixels);
        // Two vectors are a line of the cache; with them few taps, so that what lies a power of two
        // apart has room in it.
        each_channels<T, at_a_time(2)>(t.c, [&](auto ch) {
            constexpr int K = ch.vectors > 1 ? 3 : at_a_time(9, 3);
            ahead.steps(ch.vectors);
            ahead_y.steps(ch.vectors);
            index_t tap = 0;
            for (; tap + K <= t.taps; tap += K) taps_of<T, K>(t, tap, p, end, ch, dw);
            if (K > 3)
                for (; tap + 3 <= t.taps; tap += 3) taps_of<T, 3>(t, tap, p, end, ch, dw);
            for (; tap < t.taps; ++tap) taps_of<T, 1>(t, tap, p, end, ch, dw);
        });
    }
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_COLD_KERNELS(DepthwiseKernels, &RV_ISA::forward<T>, &RV_ISA::weights<T>)

}  // namespace ranvier
