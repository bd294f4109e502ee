// Resizing as two products with banded matrices, one an axis, whose bands are tables made for each
// call. Crops are windows of the input; padding is what the weights outside of the image add up to.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "kernels/image.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier {
namespace {

constexpr index_t kBand = 16;  // rows of y a task

double sinc(double x) { return std::sin(std::numbers::pi * x) / (std::numbers::pi * x); }

int radius_of(Interpolation i) {
    switch (i) {
        case Interpolation::bicubic:
            return 2;
        case Interpolation::lanczos3:
            return 3;
        case Interpolation::lanczos5:
            return 5;
        default:
            return 1;
    }
}

// The weight of a pixel at distance x >= 0.
double weight_at(Interpolation i, double x) {
    const int r = radius_of(i);
    if (x >= r) return 0;
    if (i == Interpolation::bilinear) return 1 - x;
    if (i == Interpolation::bicubic)  // Keys 1981, a = -1/2
        return x < 1 ? ((1.5 * x - 2.5) * x) * x + 1 : ((-0.5 * x + 2.5) * x - 4) * x + 2;
    return x < 1e-3 ? 1 : sinc(x) * sinc(x / r);
}

// One axis: output j is the sum of weight[j, k] times input start[j] + k, and of rest[j] times the
// fill value. The input's `size` pixels are numbers pad ... pad + size - 1 of `full`.
template <class T>
class Axis {
  public:
    Axis(const ResizeSpec& spec, index_t size, index_t pad, index_t full, index_t out)
        : kind_(full == out ? Interpolation::nearest : spec.interpolation),
          size_(size),
          pad_(pad),
          full_(full),
          out_(out),
          scale_(static_cast<double>(full) / static_cast<double>(out)),
          stretch_(spec.antialias ? std::max(scale_, 1.0) : 1.0),
          most_(static_cast<index_t>(std::ceil(2 * radius_of(kind_) * stretch_))),
          taps_(kind_ == Interpolation::nearest ? 1 : std::min(size, most_)),
          start_(out),
          weight_(out * taps_),
          rest_(out) {
        std::fill_n(weight_.get(), out * taps_, T(0));
        for (index_t j = 0; j < out; ++j) {
            rest_[j] = T(0);
            if (kind_ == Interpolation::nearest)
                choose(j);
            else
                weigh(j);
        }
    }

    index_t taps() const { return taps_; }
    const std::int32_t* start() const { return start_.get(); }
    const T* weight() const { return weight_.get(); }
    T rest(index_t j) const { return rest_[j]; }
    bool copies() const { return full_ == out_ && size_ == out_; }  // output j is input j
    bool repeats(index_t j) const {                                 // output j is output j - 1
        return taps_ == 1 && start_[j] == start_[j - 1] && weight_[j] == weight_[j - 1] &&
               rest_[j] == rest_[j - 1];
    }
    bool padded() const { return full_ != size_; }

  private:
    // In float, product first: Keras' own roundings, on which the choice of a pixel may hang.
    void choose(index_t j) {
        const float product = (static_cast<float>(j) + 0.5f) * static_cast<float>(full_);
        const auto at = static_cast<index_t>(std::floor(product / static_cast<float>(out_)));
        const index_t i = std::min(full_ == out_ ? j : at, full_ - 1) - pad_;
        const bool inside = i >= 0 && i < size_;
        start_[j] = static_cast<std::int32_t>(inside ? i : 0);
        (inside ? weight_[j] : rest_[j]) = T(1);
    }
    void weigh(index_t j) {
        const double centre = (static_cast<double>(j) + 0.5) * scale_ - 0.5;
        const double reach = radius_of(kind_) * stretch_;
        const auto low = std::max<index_t>(0, static_cast<index_t>(std::floor(centre - reach)) + 1);
        const auto high =
            std::min({full_, low + most_, static_cast<index_t>(std::ceil(centre + reach))});
        auto at = [&](index_t i) {
            return weight_at(kind_, std::abs(static_cast<double>(i) - centre) / stretch_);
        };
        double total = 0, inside = 0;
        for (index_t i = low; i < high; ++i) total += at(i);
        const index_t first = std::clamp<index_t>(low - pad_, 0, size_ - taps_);
        start_[j] = static_cast<std::int32_t>(first);
        for (index_t i = std::max(low, pad_); i < std::min(high, pad_ + size_); ++i) {
            weight_[j * taps_ + i - pad_ - first] = static_cast<T>(at(i) / total);
            inside += at(i) / total;
        }
        if (low < pad_ || high > pad_ + size_) rest_[j] = static_cast<T>(1 - inside);
    }

    Interpolation kind_;
    index_t size_, pad_, full_, out_;
    double scale_, stretch_;
    index_t most_, taps_;
    Scratch<std::int32_t> start_;
    Scratch<T> weight_, rest_;
};

template <class T>
struct Tables {
    Tables(const Frame& f, const ResizeSpec& spec, index_t out_h, index_t out_w)
        : rows(spec, f.h, f.pad_y, f.full_h, out_h), columns(spec, f.w, f.pad_x, f.full_w, out_w) {}
    Axis<T> rows, columns;
};

double work(const ImageShape& s, const Frame& f, index_t out_h, index_t out_w) {
    const double each = static_cast<double>(f.w + 4 * out_w) * static_cast<double>(s.c);
    return 4 * static_cast<double>(s.n * s.planes) * static_cast<double>(out_h) * each;
}

// One row of y, from the first row and column of the window on.
template <class T>
void resize_row(const ImageShape& s, const Frame& f, const Tables<T>& t, T fill, index_t i,
                index_t out_w, const T* x, T* y) {
    const auto& kernel = kernels<ImageKernels, T>();
    const Axis<T>&rows = t.rows, &columns = t.columns;
    const index_t stride = s.w * s.c, taps = rows.taps();
    const T* weight = rows.weight() + i * taps;
    const T* from = x + rows.start()[i] * stride;
    auto across = [&](const T* row, T scale, bool add) {
        kernel.resample(out_w, s.c, columns.taps(), columns.start(), columns.weight(), row, scale,
                        add, y);
    };
    if (taps == 1 && columns.copies() && weight[0] == T(1)) {
        std::memcpy(y, from, static_cast<std::size_t>(out_w * s.c) * sizeof(T));
    } else if (taps == 1 || f.w > columns.taps() * out_w) {
        for (index_t k = 0; k < taps; ++k) across(from + k * stride, weight[k], k > 0);
    } else {
        const Scratch<T> row(f.w * s.c);
        kernel.combine_rows(f.w * s.c, taps, weight, from, stride, row.get());
        across(row.get(), T(1), false);
    }
    if (!rows.padded() && !columns.padded()) return;
    for (index_t j = 0; j < out_w; ++j) {
        const T a = rows.rest(i), b = columns.rest(j), outside = a + b - a * b;
        if (outside == T(0)) continue;
        for (index_t e = 0; e < s.c; ++e) {
            T& v = y[j * s.c + e];
            v = outside == T(1) ? fill : v + outside * fill;
        }
    }
}

}  // namespace

Frame window(index_t y, index_t x, index_t h, index_t w) { return {y, x, h, w, 0, 0, h, w}; }

Frame frame_of(Aspect aspect, index_t h, index_t w, index_t out_h, index_t out_w) {
    if (aspect == Aspect::stretch) return window(0, 0, h, w);
    auto scaled = [](index_t a, index_t b, index_t c) {
        const double v = static_cast<double>(a) * static_cast<double>(b) / static_cast<double>(c);
        return static_cast<index_t>(std::min(v, 0x1p40));
    };
    const index_t fit_h = scaled(w, out_h, out_w), fit_w = scaled(h, out_w, out_h);
    if (aspect == Aspect::crop) {
        const index_t ch = std::max<index_t>(std::min(h, fit_h), 1);
        const index_t cw = std::max<index_t>(std::min(w, fit_w), 1);
        return window((h - ch) / 2, (w - cw) / 2, ch, cw);
    }
    Frame f = window(0, 0, h, w);
    f.pad_y = (std::max(h, fit_h) - h) / 2;
    if (f.pad_y == 0) f.pad_x = (std::max(w, fit_w) - w) / 2;
    f.full_h += 2 * f.pad_y;
    f.full_w += 2 * f.pad_x;
    return f;
}

template <class T>
void resize(const ImageShape& s, const Frame& f, const ResizeSpec& spec, index_t out_h,
            index_t out_w, const T* x, T* y) {
    if (s.elements() == 0 || out_h == 0 || out_w == 0) return;
    const Tables<T> tables(f, spec, out_h, out_w);
    const index_t bands = (out_h + kBand - 1) / kBand, out_row = out_w * s.c;
    parallel_for(threads_for(work(s, f, out_h, out_w)), s.n * s.planes * bands, [&](index_t task) {
        const index_t plane = task / bands, first = task % bands * kBand;
        const T* from = x + plane * s.plane() + (f.y * s.w + f.x) * s.c;
        for (index_t i = first; i < std::min(out_h, first + kBand); ++i) {
            T* to = y + (plane * out_h + i) * out_row;
            if (i > first && tables.rows.repeats(i))
                std::memcpy(to, to - out_row, static_cast<std::size_t>(out_row) * sizeof(T));
            else
                resize_row(s, f, tables, static_cast<T>(spec.fill_value), i, out_w, from, to);
        }
    });
}

template <class T>
void resize_backward(const ImageShape& s, const Frame& f, const ResizeSpec& spec, index_t out_h,
                     index_t out_w, const T* dy, T* dx) {
    if (s.elements() == 0) return;
    const auto& kernel = kernels<ImageKernels, T>();
    const Tables<T> tables(f, spec, out_h, out_w);
    const Axis<T>&rows = tables.rows, &columns = tables.columns;
    const index_t stride = s.w * s.c, wide = f.w * s.c;
    parallel_for(threads_for(work(s, f, out_h, out_w)), s.n * s.planes, [&](index_t plane) {
        T* to = dx + plane * s.plane();
        std::fill_n(to, s.plane(), T(0));
        to += (f.y * s.w + f.x) * s.c;
        const Scratch<T> row(wide);
        for (index_t i = 0; i < out_h; ++i) {
            std::fill_n(row.get(), wide, T(0));
            kernel.resample_backward(out_w, s.c, columns.taps(), columns.start(), columns.weight(),
                                     dy + (plane * out_h + i) * out_w * s.c, row.get());
            for (index_t k = 0; k < rows.taps(); ++k)
                kernel.add_scaled(wide, rows.weight()[i * rows.taps() + k], row.get(),
                                  to + (rows.start()[i] + k) * stride);
        }
    });
}

#define RV_INSTANTIATE(T)                                                                      \
    template void resize(const ImageShape&, const Frame&, const ResizeSpec&, index_t, index_t, \
                         const T*, T*);                                                        \
    template void resize_backward(const ImageShape&, const Frame&, const ResizeSpec&, index_t, \
                                  index_t, const T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
