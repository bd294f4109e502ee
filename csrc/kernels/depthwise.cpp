#include "kernels/depthwise.hpp"

#include <algorithm>
#include <limits>

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

// ReLU is a maximum; not y * 0, which would turn -inf into NaN. Slopes below zero: see
// slope_below().
template <class T>
RV_INLINE Vec<T> least_of(const DepthwiseTask<T>& t) {
    return splat<T>(t.relu && t.slope == T(0) ? T(0) : -std::numeric_limits<T>::infinity());
}
template <class T>
__attribute__((noinline)) void slope_below(const DepthwiseTask<T>& t) {
    for (index_t p = 0; p < t.pixels; ++p)
        each_channels<T, 1>(t.c, [&](auto ch) RV_LAMBDA_INLINE {
            T* y = t.y + p * t.ldy;
            const Vec<T> v = ch.get(y);
            ch.put(y, v < Vec<T>{} ? v * t.slope : v);
        });
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
    const index_t step = t.step, between = t.between, c = t.c;
    for (index_t r = 0; r < t.rows; ++r) {
        const T *w = t.w + t.at[r], *x = t.x + t.offsets[r] + p * step;
        for (index_t left = t.run; left > 0; --left, x += between, w += c) {
#pragma GCC unroll 4
            for (int v = 0; v < V; ++v) {
                const Vec<T> factor = ch.get(w, v);
#pragma GCC unroll 4
                for (int i = 0; i < P; ++i)
                    acc[v][i] = fma(ch.get(x + i * step, v), factor, acc[v][i]);
            }
        }
    }
    T* y = t.y + p * t.ldy;
    const Vec<T> least = least_of(t);
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v)
#pragma GCC unroll 4
        for (int i = 0; i < P; ++i) ch.put(y + i * t.ldy, vmax(least, acc[v][i]), v);
}

// What the rows after this one will want, brought into the cache a little at each step: the
// memory's time is most of what a depthwise convolution takes.
template <class T>
class Ahead {
  public:
    Ahead(const T* at, index_t size, index_t steps)
        : at_(at), end_(at + size), each_(size > 0 ? (size + steps - 1) / steps : 0) {}
    RV_INLINE void steps(index_t n) {
        for (const T* stop = at_ + std::min(n * each_, end_ - at_); at_ < stop; at_ += kLine)
            __builtin_prefetch(at_);
    }

  private:
    static constexpr index_t kLine = 64 / sizeof(T);
    const T *at_, *end_;
    index_t each_;
};

// The same, a line or so for each pixel and vector of channels: of neighbours where pixel 0 will
// be, or is, if nothing comes after it; else all lines in their order. Loops over many pixels would
// get a burst at each of Ahead's steps.
template <class T>
struct Next {
    const T *x, *end, *y;
    index_t lines = 0;
    static constexpr index_t kLine = 64 / sizeof(T);
    explicit Next(const DepthwiseTask<T>& t)
        : x(t.ahead_size > 0 ? t.ahead : t.x),
          end(x + t.ahead_size),
          y(t.ahead_y_size > 0 ? t.ahead_y : t.y) {
        const index_t turns = t.pixels * ((t.c + kLanes<T> - 1) / kLanes<T>);
        if (t.step != t.c) lines = (t.ahead_size / kLine + turns - 1) / turns;
    }
    RV_INLINE void fetch(const DepthwiseTask<T>& t, index_t p, index_t j) {
        __builtin_prefetch(y + p * t.ldy + j);
        if (t.step == t.c) return __builtin_prefetch(x + p * t.step + j);
        for (index_t i = lines; i > 0 && x < end; --i, x += kLine) __builtin_prefetch(x);
    }
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

// A row of the kernel at a time, K taps: what is read of a pixel serves all of them. For P pixels
// and the vector of channels from j on.
template <class T, int K, int P>
RV_INLINE void row_pixels(const DepthwiseTask<T>& t, index_t p, index_t j, Next<T> next) {
    const index_t c = t.c;
    Vec<T> acc[P];
    const Vec<T> bias = t.bias ? load(t.bias + j) : Vec<T>{};
#pragma GCC unroll 8
    for (int i = 0; i < P; ++i) acc[i] = bias;
    for (index_t r = 0; r < t.rows; ++r) {
        const T *w = t.w + t.at[r] + j, *x = t.x + t.offsets[r] + p * c + j;
        Vec<T> factor[K];
#pragma GCC unroll 8
        for (int k = 0; k < K; ++k) factor[k] = load(w + k * c);
#pragma GCC unroll 16
        for (int i = 0; i < P + K - 1; ++i, x += c) {
            Vec<T> pixel = load(x);
            keep_in_register(pixel);  // else each multiply-add reads it again
#pragma GCC unroll 8
            for (int k = 0; k < K; ++k)
                if (i - k >= 0 && i - k < P) acc[i - k] = fma(pixel, factor[k], acc[i - k]);
        }
    }
    T* y = t.y + p * t.ldy + j;
    const Vec<T> least = least_of(t);
    const T *next_x = next.x + p * c + j, *next_y = next.y + p * t.ldy + j;
#pragma GCC unroll 8
    for (int i = 0; i < P; ++i, y += t.ldy, next_x += c, next_y += t.ldy) {
        __builtin_prefetch(next_x);
        __builtin_prefetch(next_y, 1);
        store<T>(y, vmax(least, acc[i]));
    }
}

// Vectors that would go beyond the last channel end with it: some are computed twice.
template <class T, class F>
RV_INLINE void each_whole_vector(index_t c, F f) {
    constexpr index_t L = kLanes<T>;
    for (index_t j = 0; j < c; j += L) f(std::min(j, c - L));
}

// For size not where there is nothing but SSE2.
constexpr bool kRows = at_a_time(2) == 2;
// Whether taps and pixels are neighbours in memory.
template <class T>
bool in_rows(const DepthwiseTask<T>& t) {
    return t.step == t.c && t.between == t.c && t.c >= kLanes<T>;
}

// 8 pixels at a time; those that would go beyond the row end with it. A last one is left: returns
// how many are done.
template <class T, int K>
index_t forward_rows(const DepthwiseTask<T>& t) {
    const Next<T> next(t);
    index_t p = 0;
    for (; t.pixels - p > 1 && t.pixels >= 4; p = std::min(p + 8, t.pixels)) {
        const index_t left = t.pixels - p;
        if (left > 4 && t.pixels >= 8) {
            each_whole_vector<T>(t.c, [&](index_t j) RV_LAMBDA_INLINE {
                row_pixels<T, K, 8>(t, std::min(p, t.pixels - 8), j, next);
            });
        } else {
            each_whole_vector<T>(t.c, [&](index_t j) RV_LAMBDA_INLINE {
                row_pixels<T, K, 4>(t, std::min(p, t.pixels - 4), j, next);
            });
            if (left > 4) p -= 4;
        }
    }
    return p;
}

// One or two taps are, above all, the gradient of a strided convolution.
template <class T>
index_t forward_in_rows(const DepthwiseTask<T>& t) {
    switch (t.run) {
        case 1:
            return forward_rows<T, 1>(t);
        case 2:
            return forward_rows<T, 2>(t);
        case 3:
            return forward_rows<T, 3>(t);
        case 5:
            return forward_rows<T, 5>(t);
        default:
            return 0;
    }
}

template <class T>
void forward(const DepthwiseTask<T>& t) {
    constexpr index_t P = 4;
    index_t p = kRows && in_rows(t) ? forward_in_rows(t) : 0;
    const index_t steps = steps_of(t, P);
    Ahead<T> ahead(t.ahead, p > 0 ? 0 : t.ahead_size, steps);
    Ahead<T> ahead_y(t.ahead_y, p > 0 ? 0 : t.ahead_y_size, steps);
    for (; p + P <= t.pixels; p += P) pixels<T, P, 1>(t, p, ahead, ahead_y);
    for (; p < t.pixels; ++p) pixels<T, 1, at_a_time(2)>(t, p, ahead, ahead_y);
    if (t.relu && t.slope != T(0)) slope_below(t);
}

// The sums of K taps, from the i-th on, of R rows of the kernel from r on, over pixels [p, end).
template <class T, int R, int K, class C>
RV_INLINE void taps_of(const DepthwiseTask<T>& t, index_t r, index_t i, index_t p, index_t end,
                       C ch, T* dw, Next<T>& ahead) {
    const index_t c = t.c, between = t.between, step = t.step;
    Vec<T> acc[R][K];
    const T* x[R];
#pragma GCC unroll 3
    for (int q = 0; q < R; ++q) {
        x[q] = t.x + t.offsets[r + q] + i * between + p * step;
#pragma GCC unroll 3
        for (int k = 0; k < K; ++k) acc[q][k] = ch.get(dw + t.at[r + q] + (i + k) * c);
    }
    const T* y = t.y + p * t.ldy;
    for (; p < end; ++p, y += t.ldy) {
        const Vec<T> dy = ch.get(y);
        if (R > 1) ahead.fetch(t, p, ch.j);
#pragma GCC unroll 3
        for (int q = 0; q < R; ++q) {
#pragma GCC unroll 3
            for (int k = 0; k < K; ++k) acc[q][k] = fma(ch.get(x[q] + k * between), dy, acc[q][k]);
            x[q] += step;
        }
    }
#pragma GCC unroll 3
    for (int q = 0; q < R; ++q)
#pragma GCC unroll 3
        for (int k = 0; k < K; ++k) ch.put(dw + t.at[r + q] + (i + k) * c, acc[q][k]);
}

template <class T>
void pixel_weights(const DepthwiseTask<T>& t, T* dw) {
    for (index_t r = 0; r < t.rows; ++r)
        for (index_t i = 0; i < t.run; ++i) {
            const T* x = t.x + t.offsets[r] + i * t.between;
            T* sums = dw + t.at[r] + i * t.c;
            each_channels<T, 1>(t.c, [&](auto ch) RV_LAMBDA_INLINE {
                ch.put(sums, fma(ch.get(x), ch.get(t.y), ch.get(sums)));
            });
        }
}

template <class T>
void weights(const DepthwiseTask<T>& t, T* dw) {
    if (kRows && t.pixels == 1) return pixel_weights(t, dw);  // at an edge
    // Sums are taken from memory, and put back, for each P pixels, which are to stay in L1.
    const index_t parts = (t.pixels * t.c + 3071) / 3072, P = (t.pixels + parts - 1) / parts;
    Next<T> next(t);
    for (index_t p = 0; p < t.pixels; p += P) {
        const index_t end = std::min(p + P, t.pixels);
        each_channels<T, 1>(t.c, [&](auto ch) {
            constexpr int R = at_a_time(3);
            index_t r = 0;
            for (index_t rows = R; r < t.rows; r += rows) {
                if (R > 1 && r + R > t.rows) rows = 1;
                index_t i = 0;
                for (; R > 1 && rows == R && i + 3 <= t.run; i += 3)
                    taps_of<T, R, 3>(t, r, i, p, end, ch, dw, next);
                for (; rows == 1 && i + 3 <= t.run; i += 3)
                    taps_of<T, 1, 3>(t, r, i, p, end, ch, dw, next);
                for (; i < t.run; ++i)
                    for (index_t q = 0; q < rows; ++q)
                        taps_of<T, 1, 1>(t, r + q, i, p, end, ch, dw, next);
            }
        });
    }
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_COLD_KERNELS(DepthwiseKernels, &RV_ISA::forward<T>, &RV_ISA::weights<T>)

}  // namespace ranvier
