// Bilinear upsampling, and boxes inside boxes.
#include <cstring>

#include "kernels/pool.hpp"
#include "ranvier/pool.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier {
namespace {

// The weights along one axis: of `extent` inputs for each output, or the other way round.
template <class T>
class AxisTaps {
  public:
    AxisTaps(index_t extent, index_t size, bool backward)
        : most_(backward ? 2 * size : 2),
          n_(backward ? extent : extent * size),
          first_(n_),
          count_(n_),
          weight_(n_ * most_) {
        if (backward)
            for (index_t i = 0; i < n_; ++i) count_[i] = 0;
        for (index_t o = 0; o < extent * size; ++o) {
            const double at = (static_cast<double>(o) + 0.5) / static_cast<double>(size) - 0.5;
            const index_t low = at < 0 ? 0 : static_cast<index_t>(at);
            const double part = at < 0 ? 0 : at - static_cast<double>(low);
            const bool edge = at < 0 || low + 1 >= extent || part == 0;
            if (!backward) {
                first_[o] = low;
                count_[o] = 0;
            }
            add(o, low, edge ? 1 : 1 - part, backward);
            if (!edge) add(o, low + 1, part, backward);
        }
    }
    index_t first(index_t i) const { return first_[i]; }
    index_t count(index_t i) const { return count_[i]; }
    const T* weight(index_t i) const { return weight_.get() + i * most_; }
    index_t most() const { return most_; }
    Taps<T> taps() const { return {first_.get(), count_.get(), weight_.get(), most_}; }

  private:
    void add(index_t output, index_t input, double weight, bool backward) {
        const index_t to = backward ? input : output;
        if (backward && count_[to] == 0) first_[to] = output;
        weight_[to * most_ + count_[to]++] = static_cast<T>(weight);
    }

    index_t most_, n_;
    Scratch<index_t> first_, count_;
    Scratch<T> weight_;
};

// to [n, to_h, to_w, c] from [n, from_h, from_w, c]: rows are mixed first, then pixels.
template <class T>
void resample(const BilinearShape& s, bool backward, const T* from, T* to) {
    const index_t big_h = s.h * s.size_h, big_w = s.w * s.size_w;
    const index_t from_h = backward ? big_h : s.h, from_w = backward ? big_w : s.w;
    const index_t to_h = backward ? s.h : big_h, to_w = backward ? s.w : big_w;
    const double elements = static_cast<double>(s.n * s.c) * static_cast<double>(big_h * big_w);
    if (elements == 0) return;
    const AxisTaps<T> high(s.h, s.size_h, backward), wide(s.w, s.size_w, backward);
    const index_t width = from_w * s.c, rows = s.n * to_h, piece = 1 + 65536 / (to_w * s.c);
    const auto& k = kernels<ResampleKernels, T>();
    parallel_for(threads_for(12.0 * sizeof(T) * elements), (rows + piece - 1) / piece,
                 [&](index_t t) {
                     const Scratch<T> mixed(width);
                     const Scratch<const T*> x(high.most());
                     const index_t end = (t + 1) * piece < rows ? (t + 1) * piece : rows;
                     for (index_t row = t * piece; row < end; ++row) {
                         const index_t o = row % to_h, count = high.count(o);
                         const T* image = from + row / to_h * from_h * width;
                         for (index_t i = 0; i < count; ++i)
                             x[i] = image + (high.first(o) + i) * width;
                         k.rows(width, count, x.get(), high.weight(o), mixed.get());
                         k.pixels(to_w, s.c, wide.taps(), mixed.get(), to + row * to_w * s.c);
                     }
                 });
}

// f(row of the outer box, row of the inner box or -1) over all rows, divided among threads.
template <class T, class F>
void each_row(const FrameShape& s, bool outer, F&& f) {
    const index_t* extent = outer ? s.outer : s.inner;
    const index_t rows = s.n * extent[0] * extent[1], width = extent[2] * s.c;
    if (rows == 0 || width == 0) return;
    const index_t piece = 1 + 65536 / width;
    const int threads = threads_for(8.0 * sizeof(T) * static_cast<double>(rows * width));
    parallel_for(threads, (rows + piece - 1) / piece, [&](index_t t) {
        const index_t end = (t + 1) * piece < rows ? (t + 1) * piece : rows;
        for (index_t row = t * piece; row < end; ++row) {
            const index_t image = row / (extent[0] * extent[1]);
            const index_t d = row / extent[1] % extent[0], h = row % extent[1];
            if (!outer) {
                f(((image * s.outer[0] + d + s.before[0]) * s.outer[1]) + h + s.before[1], row);
                continue;
            }
            const index_t i = d - s.before[0], j = h - s.before[1];
            const bool inside = i >= 0 && i < s.inner[0] && j >= 0 && j < s.inner[1];
            f(row, inside ? (image * s.inner[0] + i) * s.inner[1] + j : -1);
        }
    });
}

}  // namespace

template <class T>
void upsample_bilinear(const BilinearShape& s, const T* x, T* y) {
    resample(s, false, x, y);
}
template <class T>
void upsample_bilinear_backward(const BilinearShape& s, const T* dy, T* dx) {
    resample(s, true, dy, dx);
}

template <class T>
void zero_pad(const FrameShape& s, const T* inner, T* outer) {
    const auto bytes = [](index_t n) { return static_cast<std::size_t>(n) * sizeof(T); };
    const index_t width = s.outer[2] * s.c, content = s.inner[2] * s.c, left = s.before[2] * s.c;
    each_row<T>(s, true, [&](index_t to, index_t from) {
        T* y = outer + to * width;
        if (from < 0) {
            std::memset(y, 0, bytes(width));
            return;
        }
        std::memset(y, 0, bytes(left));
        std::memcpy(y + left, inner + from * content, bytes(content));
        std::memset(y + left + content, 0, bytes(width - left - content));
    });
}

template <class T>
void crop(const FrameShape& s, const T* outer, T* inner) {
    const index_t width = s.outer[2] * s.c, content = s.inner[2] * s.c, left = s.before[2] * s.c;
    each_row<T>(s, false, [&](index_t from, index_t to) {
        std::memcpy(inner + to * content, outer + from * width + left,
                    static_cast<std::size_t>(content) * sizeof(T));
    });
}

#define RV_INSTANTIATE(T)                                                         \
    template void upsample_bilinear(const BilinearShape&, const T*, T*);          \
    template void upsample_bilinear_backward(const BilinearShape&, const T*, T*); \
    template void zero_pad(const FrameShape&, const T*, T*);                      \
    template void crop(const FrameShape&, const T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
