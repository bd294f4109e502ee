// Shapes of images, flips, contrast and brightness: image by image, divided among threads.
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "ranvier/data.hpp"
#include "ranvier/graph.hpp"
#include "ranvier/image.hpp"
#include "ranvier/runtime.hpp"
#include "ranvier/text.hpp"

namespace ranvier {
namespace {

template <class T, class F>
void for_planes(const ImageShape& s, F&& f) {
    const double bytes = 2.0 * sizeof(T) * static_cast<double>(s.elements());
    parallel_for(threads_for(4 * bytes), s.n * s.planes,
                 [&](index_t p) { f(p / s.planes, p * s.plane()); });
}

// Pixels of kC channels in reverse order; kC 0: any number.
template <int kC, class T>
void reverse_row(index_t n, index_t channels, const T* x, T* y) {
    const index_t c = kC ? kC : channels;
    for (index_t j = 0; j < n; ++j)
        for (index_t e = 0; e < c; ++e) y[j * c + e] = x[(n - 1 - j) * c + e];
}

// v where it is within the limits; NaN stays.
template <class T>
T clip(T v, T low, T high) {
    return v < low ? low : (v > high ? high : v);
}

// Means of the channels of one plane, added in double: column by column, then over the columns.
template <class T>
void channel_means(const ImageShape& s, const T* x, double* columns, double* mean) {
    const index_t row = s.w * s.c;
    std::fill_n(columns, row, 0.0);
    for (index_t i = 0; i < s.h; ++i)
        for (index_t j = 0; j < row; ++j) columns[j] += static_cast<double>(x[i * row + j]);
    std::fill_n(mean, s.c, 0.0);
    for (index_t j = 0; j < s.w; ++j)
        for (index_t e = 0; e < s.c; ++e) mean[e] += columns[j * s.c + e];
    for (index_t e = 0; e < s.c; ++e) mean[e] /= static_cast<double>(s.h * s.w);
}

// row[j] = the mean of column j's channel, times `scale`.
template <class T>
void spread_means(const ImageShape& s, const T* x, double scale, T* row) {
    const Scratch<double> columns(s.w * s.c), mean(s.c);
    channel_means(s, x, columns.get(), mean.get());
    for (index_t j = 0; j < s.w; ++j)
        for (index_t e = 0; e < s.c; ++e) row[j * s.c + e] = static_cast<T>(scale * mean[e]);
}

}  // namespace

ImageShape image_shape(const Shape& batch, bool channels_first) {
    if (batch.size() != 4)
        throw std::invalid_argument(Text("expected a batch of images (N, ") +
                                    (channels_first ? "C, H, W)" : "H, W, C)") + "; got shape " +
                                    to_string(batch));
    const index_t h = batch[channels_first ? 2 : 1], w = batch[channels_first ? 3 : 2];
    if (h > kMaxImageSide || w > kMaxImageSide)
        throw std::invalid_argument(Text("an image must have at most ") +
                                    std::to_string(kMaxImageSide) + " pixels a side; got shape " +
                                    to_string(batch));
    volume(batch);
    if (channels_first) return {batch[0], batch[1], h, w, 1};
    return {batch[0], 1, h, w, batch[3]};
}

Shape batch_shape(const ImageShape& s, bool channels_first) {
    if (channels_first) return {s.n, s.planes, s.h, s.w};
    return {s.n, s.h, s.w, s.c};
}

template <class T>
void flip(const ImageShape& s, bool horizontal, bool vertical, const double* chosen, const T* x,
          T* y) {
    const index_t row = s.w * s.c;
    for_planes<T>(s, [&](index_t image, index_t at) {
        const bool mirrored = chosen[image] <= 0.5;
        for (index_t i = 0; i < s.h; ++i) {
            const T* from = x + at + (mirrored && vertical ? s.h - 1 - i : i) * row;
            T* to = y + at + i * row;
            if (!mirrored || !horizontal)
                std::memcpy(to, from, static_cast<std::size_t>(row) * sizeof(T));
            else if (s.c == 1)
                reverse_row<1>(s.w, 1, from, to);
            else if (s.c == 3)
                reverse_row<3>(s.w, 3, from, to);
            else
                reverse_row<0>(s.w, s.c, from, to);
        }
    });
}

template <class T>
void adjust_contrast(const ImageShape& s, const double* factor, double low, double high, const T* x,
                     T* y) {
    const index_t row = s.w * s.c;
    const T lo = static_cast<T>(low), hi = static_cast<T>(high);
    if (s.elements() == 0) return;
    for_planes<T>(s, [&](index_t image, index_t at) {
        const Scratch<T> mean(row);
        spread_means(s, x + at, 1.0, mean.get());
        const T f = static_cast<T>(factor[image]);
        for (index_t i = 0; i < s.h; ++i)
            for (index_t j = 0; j < row; ++j) {
                const index_t e = at + i * row + j;
                y[e] = clip((x[e] - mean[j]) * f + mean[j], lo, hi);
            }
    });
}

// With g = dy where nothing was clipped: dx = f g + (1 - f) mean g.
template <class T>
void adjust_contrast_backward(const ImageShape& s, const double* factor, double low, double high,
                              const T* x, const T* dy, T* dx) {
    const index_t row = s.w * s.c;
    const T lo = static_cast<T>(low), hi = static_cast<T>(high);
    if (s.elements() == 0) return;
    for_planes<T>(s, [&](index_t image, index_t at) {
        const Scratch<T> mean(row);
        spread_means(s, x + at, 1.0, mean.get());
        const T f = static_cast<T>(factor[image]);
        for (index_t i = 0; i < s.h; ++i)
            for (index_t j = 0; j < row; ++j) {
                const index_t e = at + i * row + j;
                const T v = (x[e] - mean[j]) * f + mean[j];
                dx[e] = v < lo || v > hi ? T(0) : dy[e];
            }
        spread_means(s, dx + at, 1 - factor[image], mean.get());
        for (index_t i = 0; i < s.h; ++i)
            for (index_t j = 0; j < row; ++j) {
                const index_t e = at + i * row + j;
                dx[e] = dx[e] * f + mean[j];
            }
    });
}

template <class T>
void adjust_brightness(const ImageShape& s, const double* delta, double low, double high,
                       const T* x, T* y) {
    const T lo = static_cast<T>(low), hi = static_cast<T>(high);
    for_planes<T>(s, [&](index_t image, index_t at) {
        const T d = static_cast<T>(delta[image]);
        for (index_t e = at; e < at + s.plane(); ++e) y[e] = clip(x[e] + d, lo, hi);
    });
}

template <class T>
void adjust_brightness_backward(const ImageShape& s, const double* delta, double low, double high,
                                const T* x, const T* dy, T* dx) {
    const T lo = static_cast<T>(low), hi = static_cast<T>(high);
    for_planes<T>(s, [&](index_t image, index_t at) {
        const T d = static_cast<T>(delta[image]);
        for (index_t e = at; e < at + s.plane(); ++e) {
            const T v = x[e] + d;
            dx[e] = v < lo || v > hi ? T(0) : dy[e];
        }
    });
}

#define RV_INSTANTIATE(T)                                                                          \
    template void flip(const ImageShape&, bool, bool, const double*, const T*, T*);                \
    template void adjust_contrast(const ImageShape&, const double*, double, double, const T*, T*); \
    template void adjust_contrast_backward(const ImageShape&, const double*, double, double,       \
                                           const T*, const T*, T*);                                \
    template void adjust_brightness(const ImageShape&, const double*, double, double, const T*,    \
                                    T*);                                                           \
    template void adjust_brightness_backward(const ImageShape&, const double*, double, double,     \
                                             const T*, const T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
