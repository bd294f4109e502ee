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
    static constexpr bool whole = V > 0;
    static constexpr int vectors = whole ? V : 1;
    index_t j, rest;
    LaneMask<T> mask;
    Channels(index_t first, index_t n) : j(first), rest(n), mask(lane_mask<T>(n)) {}
    RV_INLINE Vec<T> get(const T* p, int v = 0) const {
        return whole ? load(p + j + v * kLanes<T>) : load_lanes(p + j, mask);
    }
    RV_INLINE void put(T* p, Vec<T> value, int v = 0) const {
        if (whole)
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

// The same of neighbours, a line for each pixel and vector of channels: where pixel 0 will be, or
// is, if nothing comes after it. Loops over many pixels would get a burst at each of Ahead's steps.
template <class T>
struct Next {
    const T *x, *y;
    explicit Next(const DepthwiseTask<T>& t)
        : x(t.ahead_size > 0 ? t.ahead : t.x), y(t.ahead_y_size > 0 ? t.ahead_y : t.y) {}
};

// The same in the order of memory, in so many steps.
template <class T>
class Stream {
  public:
    Stream(const T* at, index_t size, index_t steps)
        : at_(at), left_(size), each_((size + steps - 1) / steps) {}
    RV_INLINE void steps(index_t n) {
        const index_t due = std::min(n * each_, left_);
        for (index_t i = 0; i < due; i += kLine) __builtin_prefetch(at_ + i, 0, 2);
        at_ += due;
        left_ -= due;
    }

  private:
    static constexpr index_t kLine = 64 / sizeof(T);
    const T* at_;
    index_t left_, each_;
};
template <class T>
struct Streams {
    Stream<T> x, y;
    Streams(const DepthwiseTask<T>& t, index_t steps)
        : x(t.ahead, t.ahead_size, steps), y(t.ahead_y, t.ahead_y_size, steps) {}
    __attribute__((noinline)) void steps(index_t n) { x.steps(n), y.steps(n); }
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
void forward_line(const DepthwiseTask<T>& t) {
    constexpr index_t P = 4;
    index_t p = kRows && in_rows(t) ? forward_in_rows(t) : 0;
    const index_t steps = steps_of(t, P);
    Ahead<T> ahead(t.ahead, p > 0 ? 0 : t.ahead_size, steps);
    Ahead<T> ahead_y(t.ahead_y, p > 0 ? 0 : t.ahead_y_size, steps);
    for (; p + P <= t.pixels; p += P) pixels<T, P, 1>(t, p, ahead, ahead_y);
    for (; p < t.pixels; ++p) pixels<T, 1, at_a_time(2)>(t, p, ahead, ahead_y);
    if (t.relu && t.slope != T(0)) slope_below(t);
}

template <class T>
void forward(const DepthwiseTask<T>& task) {
    DepthwiseTask<T> t = task;
    if (t.pixels == 1) {  // at an edge: lines are the pixels
        t.pixels = t.lines;
        t.step = t.line_x;
        t.ldy = t.line_y;
        return forward_line(t);
    }
    // What the next line will want lies a line further; that of the last one may lie elsewhere, or
    // not be there.
    const index_t further = t.ahead ? t.line_x : 0;
    t.ahead -= (t.lines - 1) * further;
    t.ahead_size = further;
    for (index_t line = 1; line < t.lines; ++line, t.x += t.line_x, t.y += t.line_y) {
        t.ahead_y = t.y + t.line_y;
        forward_line(t);
        t.ahead += further;
    }
    t.ahead_size = std::min(task.ahead_size, further);
    t.ahead_y = task.ahead_y;
    forward_line(t);
}

// The sums of K taps, from the i-th on, of R rows of the kernel from r on, over pixels [p, end) of
// all lines.
template <class T, int R, int K, class C>
RV_INLINE void taps_of(const DepthwiseTask<T>& t, index_t r, index_t i, index_t p, index_t end,
                       C ch, T* dw, Streams<T>& ahead) {
    const index_t c = t.c, between = t.between, step = t.step;
    Vec<T> acc[R][K];
    T* sums[R];
#pragma GCC unroll 3
    for (int q = 0; q < R; ++q) {
        sums[q] = dw + t.at[r + q] + i * c;
#pragma GCC unroll 3
        for (int k = 0; k < K; ++k) acc[q][k] = ch.get(sums[q] + k * c);
    }
    for (index_t line = 0; line < t.lines; ++line) {
        const T *x[R], *y = t.y + line * t.line_y + p * t.ldy;
#pragma GCC unroll 3
        for (int q = 0; q < R; ++q)
            x[q] = t.x + line * t.line_x + t.offsets[r + q] + i * between + p * step;
        if (R > 1 && r == 0 && i == 0) ahead.steps(end - p);
        for (index_t left = end - p; left > 0; --left, y += t.ldy) {
            const Vec<T> dy = ch.get(y);
#pragma GCC unroll 3
            for (int q = 0; q < R; ++q) {
#pragma GCC unroll 3
                for (int k = 0; k < K; ++k)
                    acc[q][k] = fma(ch.get(x[q] + k * between), dy, acc[q][k]);
                x[q] += step;
            }
        }
    }
#pragma GCC unroll 3
    for (int q = 0; q < R; ++q)
#pragma GCC unroll 3
        for (int k = 0; k < K; ++k) ch.put(sums[q] + k * c, acc[q][k]);
}

// All K neighbouring taps of R rows of the kernel for a vector of channels, P pixels at a time:
// what is read of a pixel serves all taps of its row.
template <class T, int R, int K, int P>
RV_INLINE void rows_of(const DepthwiseTask<T>& t, index_t r, index_t p, index_t end, index_t j,
                       T* dw, Streams<T>& ahead) {
    const index_t c = t.c, ldy = t.ldy;
    Vec<T> acc[R][K];
    T* sums[R];
#pragma GCC unroll 3
    for (int q = 0; q < R; ++q) {
        sums[q] = dw + t.at[r + q] + j;
#pragma GCC unroll 8
        for (int k = 0; k < K; ++k) acc[q][k] = load(sums[q] + k * c);
    }
    for (index_t line = 0; line < t.lines; ++line) {
        const T *x[R], *y = t.y + line * t.line_y + p * ldy + j;
#pragma GCC unroll 3
        for (int q = 0; q < R; ++q) x[q] = t.x + line * t.line_x + t.offsets[r + q] + p * c + j;
        index_t left = end - p;
        if (r == 0) ahead.steps(left);
        for (; left >= P; left -= P) {
            Vec<T> dy[P];
#pragma GCC unroll 8
            for (int i = 0; i < P; ++i, y += ldy) {
                dy[i] = load(y);
                keep_in_register(dy[i]);
            }
#pragma GCC unroll 24
            for (int i = 0; i < P + K - 1; ++i)
#pragma GCC unroll 3
                for (int q = 0; q < R; ++q) {
                    Vec<T> pixel = load(x[q]);
                    x[q] += c;
                    keep_in_register(pixel);
#pragma GCC unroll 8
                    for (int k = 0; k < K; ++k)
                        if (i >= k && i - k < P) acc[q][k] = fma(pixel, dy[i - k], acc[q][k]);
                }
#pragma GCC unroll 3
            for (int q = 0; q < R; ++q) x[q] -= (K - 1) * c;
        }
        for (; left > 0; --left, y += ldy) {
            const Vec<T> dy = load(y);
#pragma GCC unroll 3
            for (int q = 0; q < R; ++q) {
#pragma GCC unroll 8
                for (int k = 0; k < K; ++k) acc[q][k] = fma(load(x[q] + k * c), dy, acc[q][k]);
                x[q] += c;
            }
        }
    }
#pragma GCC unroll 3
    for (int q = 0; q < R; ++q)
#pragma GCC unroll 8
        for (int k = 0; k < K; ++k) store(sums[q] + k * c, acc[q][k]);
}

// The common kernels, whole vectors of channels.
template <class T>
RV_INLINE bool weights_in_rows(const DepthwiseTask<T>& t, index_t p, index_t end, index_t j, T* dw,
                               Streams<T>& ahead) {
    constexpr int P = kVecRegisters == 32 ? 8 : 4;
    if (t.between != t.c || t.step != t.c) return false;
    if (t.run == 3 && t.rows == 3)
        rows_of<T, 3, 3, P>(t, 0, p, end, j, dw, ahead);
    else if (t.run == 5)
        for (index_t r = 0; r < t.rows; ++r) rows_of<T, 1, 5, 8>(t, r, p, end, j, dw, ahead);
    else
        return false;
    return true;
}

// Rows of a pixel at an edge.
template <class T>
void pixel_weights(const DepthwiseTask<T>& t, T* dw) {
    for (index_t r = 0; r < t.rows; ++r)
        for (index_t i = 0; i < t.run; ++i) {
            const T* x = t.x + t.offsets[r] + i * t.between;
            T* sums = dw + t.at[r] + i * t.c;
            each_channels<T, 1>(t.c, [&](auto ch) RV_LAMBDA_INLINE {
                Vec<T> sum = ch.get(sums);
                for (index_t line = 0; line < t.lines; ++line)
                    sum = fma(ch.get(x + line * t.line_x), ch.get(t.y + line * t.line_y), sum);
                ch.put(sums, sum);
            });
        }
}

// Sums are taken from memory, and put back, for so many pixels that what three lines have of a
// vector of channels stays in L1 until the next line comes: pixels a power of two apart have few
// places there.
template <class T>
index_t pixels_at_a_time(const DepthwiseTask<T>& t) {
    constexpr index_t kBytes = 32 * 1024, kRead = 4;
    const index_t apart = std::max<index_t>(64, t.step * static_cast<index_t>(sizeof(T)));
    return std::max<index_t>(8, kBytes / apart / kRead);
}

template <class T>
void weights(const DepthwiseTask<T>& t, T* dw) {
    if (kRows && t.pixels == 1) return pixel_weights(t, dw);
    const index_t most = pixels_at_a_time(t), parts = (t.pixels + most - 1) / most;
    const index_t P = (t.pixels + parts - 1) / parts;
    Streams<T> next(t, t.lines * t.pixels * ((t.c + kLanes<T> - 1) / kLanes<T>));
    for (index_t p = 0; p < t.pixels; p += P) {
        const index_t end = std::min(p + P, t.pixels);
        each_channels<T, 1>(t.c, [&](auto ch) {
            constexpr int R = at_a_time(3);
            if constexpr (kRows && ch.whole)
                if (weights_in_rows(t, p, end, ch.j, dw, next)) return;
            for (index_t r = 0, rows = R; r < t.rows; r += rows) {
                if (r + R > t.rows) rows = 1;
                index_t i = 0;
                for (; rows == R && i + 3 <= t.run; i += 3)
                    taps_of<T, R, 3>(t, r, i, p, end, ch, dw, next);
                for (; R > 1 && rows == 1 && i + 3 <= t.run; i += 3)
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
