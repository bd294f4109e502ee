// Winograd's F(4x4, 3x3): blocks of tiles of 4 x 4 output pixels are transformed, multiplied at 36
// points, and transformed back while they are in L2.
#include <algorithm>
#include <atomic>
#include <cstring>

#include "conv/map.hpp"
#include "kernels/winograd.hpp"

namespace ranvier {
namespace {

constexpr index_t kPoints = 36;
// A plane's stride keeps off powers of two, which would fall into one set of the cache.
template <class T>
constexpr index_t kPad = 64 / static_cast<index_t>(sizeof(T));

std::atomic<bool> enabled{true};

// Tiles counted over images, and how many are worked on at a time.
template <class T>
struct Tiling {
    index_t height, width, of_image, block;

    explicit Tiling(const ConvShape& s)
        : height((s.out[1] + 3) / 4), width((s.out[2] + 3) / 4), of_image(height * width) {
        const auto& kernel = kernels<GemmKernels, T>();
        const index_t l2 = kernel.lanes * static_cast<index_t>(sizeof(T)) == 64 ? 640 : 176;
        const index_t tile = kPoints * (s.c + s.co) * static_cast<index_t>(sizeof(T));
        block =
            std::clamp<index_t>(l2 * 1024 / tile / kernel.mr * kernel.mr, kernel.mr, 8 * kernel.mr);
        block = std::min(block, s.n * of_image);
    }
};

// Calls f(i, pixels, row, pixel, oh, ow) for tiles t0..t1: tile i of the block sees 6 x 6 pixels of
// the image from (oh - pad, ow - pad) on, zeros where it has none.
template <class T, class F>
void input_tiles(const ConvShape& s, const Tiling<T>& tiling, index_t t0, index_t t1, const T* x,
                 T* room, F f) {
    const index_t row = s.in[2] * s.c, image = s.in[1] * row;
    for (index_t t = t0; t < t1; ++t) {
        const index_t at = t % tiling.of_image;
        const index_t y0 = at / tiling.width * 4 - s.pad[1], x0 = at % tiling.width * 4 - s.pad[2];
        const T* from = x + t / tiling.of_image * image;
        if (y0 >= 0 && x0 >= 0 && y0 + 6 <= s.in[1] && x0 + 6 <= s.in[2]) {
            f(t - t0, from + y0 * row + x0 * s.c, row, s.c);
            continue;
        }
        const index_t left = std::clamp<index_t>(-x0, 0, 6);
        const index_t right = std::clamp<index_t>(s.in[2] - x0, left, 6);
        std::memset(room, 0, static_cast<std::size_t>(36 * s.c) * sizeof(T));
        for (index_t i = 0; i < 6; ++i)
            if (y0 + i >= 0 && y0 + i < s.in[1])
                std::copy_n(from + (y0 + i) * row + (x0 + left) * s.c, (right - left) * s.c,
                            room + (i * 6 + left) * s.c);
        f(t - t0, static_cast<const T*>(room), 6 * s.c, s.c);
    }
}

template <class T>
class WinogradMap final : public ImageMap<T> {
  public:
    WinogradMap(const ConvShape& shape, const T* w, const Finish<T>& finish, bool turned)
        : s_(shape),
          tiling_(shape),
          finish_(finish),
          nr_(kernels<GemmKernels, T>().nr),
          panels_((shape.co + nr_ - 1) / nr_),
          u_(kPoints * panels_ * shape.c * nr_) {
        const index_t plane = panels_ * s_.c * nr_;
        const Scratch<T> own(turned ? s_.weights() : 0);
        if (turned) reverse_weights(reversed(s_), w, own.get());
        if (turned) w = own.get();
        for (index_t j = 0; j < s_.co; j += nr_)
            for (index_t c = 0; c < s_.c; ++c)
                kernels<WinogradKernels, T>().weights(std::min<index_t>(nr_, s_.co - j),
                                                      w + c * s_.co + j, s_.c * s_.co,
                                                      u_.get() + j * s_.c + c * nr_, plane);
    }
    void images(index_t i0, index_t i1, const T* x, T* y) const override {
        run(i0 * tiling_.of_image, i1 * tiling_.of_image, x, y);
    }
    void part(index_t image, index_t part, index_t parts, const T* x, T* y) const override {
        const index_t t0 = image * tiling_.of_image;
        run(t0 + tiling_.of_image * part / parts, t0 + tiling_.of_image * (part + 1) / parts, x, y);
    }

  private:
    void run(index_t t0, index_t t1, const T* x, T* y) const {
        const index_t block = tiling_.block;
        const Scratch<T> v(kPoints * (block * s_.c + kPad<T>));
        const Scratch<T> m(kPoints * (block * s_.co + kPad<T>));
        const Scratch<T> room(kPoints * s_.c);
        for (index_t t = t0; t < t1; t += block) {
            const index_t end = std::min(t + block, t1);
            input_tiles(s_, tiling_, t, end, x, room.get(),
                        [&](index_t i, const T* p, index_t row, index_t pixel) {
                            kernels<WinogradKernels, T>().input(
                                s_.c, p, row, pixel, v.get() + i * s_.c, block * s_.c + kPad<T>);
                        });
            multiply(end - t, v.get(), m.get());
            output(t, end, m.get(), y);
        }
    }
    void multiply(index_t tiles, const T* v, T* m) const {
        GemmTask<T> t{};
        t.m = tiles;
        t.k = s_.c;
        t.rsa = s_.c;
        t.csa = 1;
        t.ldb = nr_;
        t.alpha = T(1);
        t.ldc = s_.co;
        t.next_cols = t.next_ld = nr_;
        for (index_t xi = 0; xi < kPoints; ++xi)
            for (index_t j = 0; j < s_.co; j += nr_) {
                t.n = std::min(nr_, s_.co - j);
                t.a = v + xi * (tiling_.block * s_.c + kPad<T>);
                t.b = u_.get() + xi * panels_ * s_.c * nr_ + j * s_.c;
                t.c = m + xi * (tiling_.block * s_.co + kPad<T>)+j;
                t.next = t.b + s_.c * nr_;
                t.next_rows = xi + 1 < kPoints || j + nr_ < s_.co ? s_.c : 0;
                kernels<GemmKernels, T>().panel(t, true);
            }
    }
    void output(index_t t0, index_t t1, const T* m, T* y) const {
        const index_t row = s_.out[2] * s_.co;
        for (index_t t = t0; t < t1; ++t) {
            const index_t at = t % tiling_.of_image;
            const index_t oh = at / tiling_.width * 4, ow = at % tiling_.width * 4;
            kernels<WinogradKernels, T>().output(
                s_.co, m + (t - t0) * s_.co, tiling_.block * s_.co + kPad<T>,
                std::min<index_t>(4, s_.out[1] - oh), std::min<index_t>(4, s_.out[2] - ow),
                y + t / tiling_.of_image * s_.out[1] * row + oh * row + ow * s_.co, row, s_.co,
                finish_.bias, finish_.relu, finish_.slope);
        }
    }

    ConvShape s_;
    Tiling<T> tiling_;
    Finish<T> finish_;
    index_t nr_, panels_;
    Scratch<T> u_;  // [points, panels, c, nr]
};

template <class T>
class WinogradWeightSum final : public WeightSum<T> {
  public:
    explicit WinogradWeightSum(const ConvShape& shape) : s_(shape), tiling_(shape) {}

    index_t size() const override { return kPoints * plane(); }

    void add(index_t i0, index_t i1, const T* x, const T* dy, T* sum) const override {
        const index_t block = tiling_.block;
        const Scratch<T> v(kPoints * (block * s_.c + kPad<T>));
        const Scratch<T> g(kPoints * (block * s_.co + kPad<T>));
        const Scratch<T> room(kPoints * std::max(s_.c, s_.co));
        const index_t end = i1 * tiling_.of_image;
        for (index_t t = i0 * tiling_.of_image; t < end; t += block) {
            const index_t t1 = std::min(t + block, end);
            input_tiles(s_, tiling_, t, t1, x, room.get(),
                        [&](index_t i, const T* p, index_t row, index_t pixel) {
                            kernels<WinogradKernels, T>().input(
                                s_.c, p, row, pixel, v.get() + i * s_.c, block * s_.c + kPad<T>);
                        });
            gradient_tiles(t, t1, dy, room.get(), g.get());
            multiply(t1 - t, v.get(), g.get(), sum);
        }
    }
    void finish(const T* sum, T* dw) const override {
        kernels<WinogradKernels, T>().weights_gradient(s_.c * s_.co, sum, plane(), dw,
                                                       s_.c * s_.co);
    }

  private:
    index_t plane() const { return s_.c * s_.co + kPad<T>; }

    void gradient_tiles(index_t t0, index_t t1, const T* dy, T* room, T* g) const {
        const index_t row = s_.out[2] * s_.co;
        for (index_t t = t0; t < t1; ++t) {
            const index_t at = t % tiling_.of_image;
            const index_t oh = at / tiling_.width * 4, ow = at % tiling_.width * 4;
            const index_t rows = std::min<index_t>(4, s_.out[1] - oh);
            const index_t cols = std::min<index_t>(4, s_.out[2] - ow);
            const T* from = dy + t / tiling_.of_image * s_.out[1] * row + oh * row + ow * s_.co;
            index_t step = row;
            if (rows < 4 || cols < 4) {
                std::memset(room, 0, static_cast<std::size_t>(16 * s_.co) * sizeof(T));
                for (index_t i = 0; i < rows; ++i)
                    std::copy_n(from + i * row, cols * s_.co, room + i * 4 * s_.co);
                from = room;
                step = 4 * s_.co;
            }
            kernels<WinogradKernels, T>().gradient(s_.co, from, step, s_.co, g + (t - t0) * s_.co,
                                                   tiling_.block * s_.co + kPad<T>);
        }
    }
    void multiply(index_t tiles, const T* v, const T* g, T* sum) const {
        const auto& kernel = kernels<GemmKernels, T>();
        GemmTask<T> t{};
        t.m = s_.c;
        t.k = tiles;
        t.rsa = 1;
        t.csa = s_.c;
        t.ldb = t.ldc = s_.co;
        t.alpha = t.beta = T(1);
        for (index_t xi = 0; xi < kPoints; ++xi)
            for (index_t j = 0; j < s_.co; j += kernel.nr) {
                t.n = std::min<index_t>(kernel.nr, s_.co - j);
                t.a = v + xi * (tiling_.block * s_.c + kPad<T>);
                t.b = g + xi * (tiling_.block * s_.co + kPad<T>)+j;
                t.c = sum + xi * plane() + j;
                kernel.panel(t, false);
            }
    }

    ConvShape s_;
    Tiling<T> tiling_;
};

}  // namespace

bool winograd_enabled() { return enabled.load(std::memory_order_relaxed); }
void set_winograd_enabled(bool on) { enabled.store(on, std::memory_order_relaxed); }

// Multiply-adds of vectors, as measured relative to each other: the 36 products run a little below
// the speed of the direct sum, the transforms are bound by loads and stores.
template <class T>
bool winograd_pays(const ConvShape& s) {
    if (!winograd_enabled() || s.groups != 1 || s.in[0] != 1 || s.out[0] != 1) return false;
    if (s.kernel[0] != 1 || s.kernel[1] != 3 || s.kernel[2] != 3) return false;
    for (int i = 1; i < 3; ++i)
        if (s.stride[i] != 1 || s.dilation[i] != 1) return false;
    if (s.c < 16 || s.co < 16 || kPoints * s.c * s.co > (index_t{1} << 22)) return false;
    const auto lanes = static_cast<double>(kernels<GemmKernels, T>().lanes);
    const double c = static_cast<double>(s.c), co = static_cast<double>(s.co);
    const double tiles = static_cast<double>((s.out[1] + 3) / 4 * ((s.out[2] + 3) / 4) * s.n);
    const double direct = static_cast<double>(s.n * s.out_pixels()) * 9 * c * co / lanes;
    const double once = 250 * c * co / lanes;
    return once + tiles * (36 * 1.2 * c * co / lanes + 450 * (c + co) / lanes + 200) < direct;
}

template <class T>
ImageMapPtr<T> winograd_map(const ConvShape& s, const T* w, const Finish<T>& finish, bool turned) {
    return std::make_unique<WinogradMap<T>>(s, w, finish, turned);
}
template <class T>
std::unique_ptr<WeightSum<T>> winograd_weight_sum(const ConvShape& s) {
    return std::make_unique<WinogradWeightSum<T>>(s);
}

#define RV_INSTANTIATE(T)                                                                     \
    template bool winograd_pays<T>(const ConvShape&);                                         \
    template ImageMapPtr<T> winograd_map(const ConvShape&, const T*, const Finish<T>&, bool); \
    template std::unique_ptr<WeightSum<T>> winograd_weight_sum(const ConvShape&);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
