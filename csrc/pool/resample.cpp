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

// Between the rows of the inner box and their places in the outer one; elements are bytes here.
// Towards the outer box, what is around the inner one becomes zeros.
void frame(const FrameShape& s, index_t element, bool grow, const char* from, char* to) {
    const index_t* extent = grow ? s.outer : s.inner;
    const index_t pixel = s.c * element, outer = s.outer[2] * pixel, inner = s.inner[2] * pixel;
    const index_t left = s.before[2] * pixel, rows = s.n * extent[0] * extent[1];
    const index_t width = grow ? outer : inner, other = grow ? inner : outer;
    if (rows == 0 || width == 0) return;
    const auto size = [](index_t n) { return static_cast<std::size_t>(n); };
    const index_t piece = 1 + 262144 / width;
    const int threads = threads_for(8.0 * static_cast<double>(rows * width));
    parallel_for(threads, (rows + piece - 1) / piece, [&](index_t t) {
        const index_t end = (t + 1) * piece < rows ? (t + 1) * piece : rows;
        for (index_t row = t * piece; row < end; ++row) {
            const index_t image = row / (extent[0] * extent[1]);
            const index_t d = row / extent[1] % extent[0], h = row % extent[1];
            char* y = to + row * width;
            if (!grow) {
                const index_t at = (image * s.outer[0] + d + s.before[0]) * s.outer[1] + h;
                std::memcpy(y, from + (at + s.before[1]) * other + left, size(width));
                continue;
            }
            const index_t i = d - s.before[0], j = h - s.before[1];
            if (i < 0 || i >= s.inner[0] || j < 0 || j >= s.inner[1]) {
                std::memset(y, 0, size(width));
                continue;
            }
            const index_t at = (image * s.inner[0] + i) * s.inner[1] + j;
            std::memset(y, 0, size(left));
            if (inner > 0) std::memcpy(y + left, from + at * other, size(inner));  // else null
            std::memset(y + left + inner, 0, size(width - left - inner));
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
    frame(s, sizeof(T), true, reinterpret_cast<const char*>(inner), reinterpret_cast<char*>(outer));
}
template <class T>
void crop(const FrameShape& s, const T* outer, T* inner) {
    frame(s, sizeof(T), false, reinterpret_cast<const char*>(outer),
          reinterpret_cast<char*>(inner));
}

#define RV_INSTANTIATE(T)                                                         \
    template void upsample_bilinear(const BilinearShape&, const T*, T*);          \
    template void upsample_bilinear_backward(const BilinearShape&, const T*, T*); \
    template void zero_pad(const FrameShape&, const T*, T*);                      \
    template void crop(const FrameShape&, const T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
