#include <limits>

#include "kernels/depthwise_weights.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

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
    bool wanted;
    const T *x, *y;
    explicit Next(const DepthwiseTask<T>& t)
        : wanted(t.fetches),
          x(t.ahead_size > 0 ? t.ahead : t.x),
          y(t.ahead_y_size > 0 ? t.ahead_y : t.y) {}
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
    const index_t c = t.c, pixel_x = t.step;
    Vec<T> acc[P];
    const Vec<T> bias = t.bias ? load(t.bias + j) : Vec<T>{};
#pragma GCC unroll 8
    for (int i = 0; i < P; ++i) acc[i] = bias;
    for (index_t r = 0; r < t.rows; ++r) {
        const T *w = t.w + t.at[r] + j, *x = t.x + t.offsets[r] + p * pixel_x + j;
        Vec<T> factor[K];
#pragma GCC unroll 8
        for (int k = 0; k < K; ++k) factor[k] = load(w + k * c);
#pragma GCC unroll 16
        for (int i = 0; i < P + K - 1; ++i, x += pixel_x) {
            Vec<T> pixel = load(x);
            keep_in_register(pixel);  // else each multiply-add reads it again
#pragma GCC unroll 8
            for (int k = 0; k < K; ++k)
                if (i - k >= 0 && i - k < P) acc[i - k] = fma(pixel, factor[k], acc[i - k]);
        }
    }
    T* y = t.y + p * t.ldy + j;
    const Vec<T> least = least_of(t);
#pragma GCC unroll 8
    for (int i = 0; i < P; ++i, y += t.ldy) store<T>(y, vmax(least, acc[i]));
    if (!next.wanted) return;
    const T *next_x = next.x + p * c + j, *next_y = next.y + p * t.ldy + j;
#pragma GCC unroll 8
    for (int i = 0; i < P; ++i, next_x += c, next_y += t.ldy) {
        __builtin_prefetch(next_x);
        __builtin_prefetch(next_y, 1);
    }
}

// Vectors that would go beyond the last channel end with it: some are computed twice.
template <class T, class F>
RV_INLINE void each_whole_vector(index_t c, F f) {
    constexpr index_t L = kLanes<T>;
    for (index_t j = 0; j < c; j += L) f(std::min(j, c - L));
}
// Whether taps and pixels are neighbours in memory.
template <class T>
bool in_rows(const DepthwiseTask<T>& t) {
    return t.step == t.between && t.c >= kLanes<T>;
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
        case 7:
            if constexpr (sizeof(T) == 4) return forward_rows<T, 7>(t);
            [[fallthrough]];
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

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_COLD_KERNELS(DepthwiseKernels, &RV_ISA::forward<T>, &RV_ISA::weights<T>)

}  // namespace ranvier
