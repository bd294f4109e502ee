// The gradient of a depthwise convolution's weights.
#pragma once

#include "kernels/depthwise_channels.hpp"

namespace ranvier::RV_ISA {
namespace {

// What the next task will want, brought into the cache in the order of memory, in so many steps.
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
    const index_t c = t.c, pixel_x = t.step, ldy = t.ldy;
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
        for (int q = 0; q < R; ++q)
            x[q] = t.x + line * t.line_x + t.offsets[r + q] + p * pixel_x + j;
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
                    x[q] += pixel_x;
                    keep_in_register(pixel);
#pragma GCC unroll 8
                    for (int k = 0; k < K; ++k)
                        if (i >= k && i - k < P) acc[q][k] = fma(pixel, dy[i - k], acc[q][k]);
                }
#pragma GCC unroll 3
            for (int q = 0; q < R; ++q) x[q] -= (K - 1) * pixel_x;
        }
        for (; left > 0; --left, y += ldy) {
            const Vec<T> dy = load(y);
#pragma GCC unroll 3
            for (int q = 0; q < R; ++q) {
#pragma GCC unroll 8
                for (int k = 0; k < K; ++k)
                    acc[q][k] = fma(load(x[q] + k * pixel_x), dy, acc[q][k]);
                x[q] += pixel_x;
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
    if (t.between != t.step) return false;
    if (t.run == 3 && t.rows == 3)
        rows_of<T, 3, 3, P>(t, 0, p, end, j, dw, ahead);
    else if (t.run == 5)
        for (index_t r = 0; r < t.rows; ++r) rows_of<T, 1, 5, 8>(t, r, p, end, j, dw, ahead);
    else
        return false;
    return true;
}

// Rows of a pixel at an edge: lines are the pixels.
template <class T>
void pixel_weights(const DepthwiseTask<T>& task, T* dw) {
    DepthwiseTask<T> t = task;
    t.step = t.line_x;
    t.ldy = t.line_y;
    t.lines = 1;
    Streams<T> none(t, 1);
    each_channels<T, 1>(t.c, [&](auto ch) RV_LAMBDA_INLINE {
        for (index_t i = 0; i < t.run; ++i) {
            index_t r = 0;
            for (; r + 3 <= t.rows; r += 3) taps_of<T, 3, 1>(t, r, i, 0, task.lines, ch, dw, none);
            for (; r < t.rows; ++r) taps_of<T, 1, 1>(t, r, i, 0, task.lines, ch, dw, none);
        }
    });
}

// Sums are taken from memory, and put back, for so many pixels that what three lines have of a
// vector of channels stays in L1 until the next line comes: pixels a power of two apart have few
// places there. What is read in its order comes in shorter pieces.
template <class T>
index_t pixels_at_a_time(const DepthwiseTask<T>& t) {
    constexpr index_t kRead = 4;
    const index_t bytes = (t.fetches ? 32 : 16) * 1024;
    const index_t apart = std::max<index_t>(64, t.step * static_cast<index_t>(sizeof(T)));
    return std::max<index_t>(8, bytes / apart / kRead);
}

// Of shorter ones the sums would be taken from memory too often.
inline constexpr index_t kLongLine = 8;

template <class T>
void weights(const DepthwiseTask<T>& t, T* dw) {
    if (kRows && t.pixels == 1) return pixel_weights(t, dw);
    if (!t.fetches && t.lines > 1 && t.pixels >= kLongLine) {
        DepthwiseTask<T> line = t;
        line.lines = 1;
        for (index_t i = 0; i < t.lines; ++i, line.x += t.line_x, line.y += t.line_y)
            weights(line, dw);
        return;
    }
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
}  // namespace ranvier::RV_ISA
