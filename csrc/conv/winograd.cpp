// Winograd's F(4x4, 3x3) and F(2x2, 5x5): blocks of tiles of output pixels are transformed,
// multiplied at 36 points, and transformed back while they are in L2.
#include <algorithm>
#include <atomic>

#include "conv/map.hpp"
#include "kernels/winograd.hpp"

namespace ranvier {
namespace {

constexpr index_t kPoints = 36;
// A plane's stride keeps off powers of two, which would fall into one set of the cache.
template <class T>
constexpr index_t kPad = 64 / static_cast<index_t>(sizeof(T));

std::atomic<bool> enabled{true};

// Tiles counted over images, and how many are worked on at a time. With dilation an image is as
// many images as there are remainders, interleaved.
template <class T>
struct Tiling {
    Winograd form;
    index_t side, height, width, of_image, block;

    explicit Tiling(const ConvShape& s)
        : form(s.kernel[1] == 3 ? Winograd::f4x4_3x3 : Winograd::f2x2_5x5),
          side(winograd_outputs(form)),
          height(tiles(s.out[1], s.dilation[1])),
          width(tiles(s.out[2], s.dilation[2])),
          of_image(s.dilation[1] * s.dilation[2] * height * width) {
        const auto& kernel = kernels<GemmKernels, T>();
        const index_t l2 = kernel.lanes * static_cast<index_t>(sizeof(T)) == 64 ? 640 : 176;
        const index_t tile = kPoints * (s.c + s.co) * static_cast<index_t>(sizeof(T));
        // At least so many that the weights, which all of a block uses, are not most of what moves.
        const index_t least = s.c * s.co / (s.c + s.co) / 2;
        block = std::clamp<index_t>(std::max(l2 * 1024 / tile, least) / kernel.mr * kernel.mr,
                                    kernel.mr, 8 * kernel.mr);
        block = std::min(block, s.n * of_image);
    }
    index_t tiles(index_t outputs, index_t dilation) const {
        return ((outputs + dilation - 1) / dilation + side - 1) / side;
    }
};

// Where a tile's first output lies, and how many it has along each axis, `dilation` apart.
struct Tile {
    index_t image, oh, ow, rows, cols;
};
template <class T>
Tile tile_at(const ConvShape& s, const Tiling<T>& t, index_t index) {
    Tile tile;
    tile.image = index / t.of_image;
    index_t at = index % t.of_image;
    const index_t column = at % t.width;
    at /= t.width;
    const index_t row = at % t.height, phase = at / t.height;
    tile.oh = phase / s.dilation[2] + row * t.side * s.dilation[1];
    tile.ow = phase % s.dilation[2] + column * t.side * s.dilation[2];
    auto left = [&](int axis, index_t first) {
        const index_t d = s.dilation[axis], n = (s.out[axis] - first + d - 1) / d;
        return std::clamp<index_t>(n, 0, t.side);
    };
    tile.rows = left(1, tile.oh);
    tile.cols = left(2, tile.ow);
    return tile;
}

// The window of `size` x `size` pixels, dilated, from (y0, x0) of an image on: where it is, or a
// copy in `room` with zeros around.
template <class T>
struct Pixels {
    const T* at;
    index_t row, pixel;
};
template <class T>
Pixels<T> pixels(const T* image, const index_t (&extent)[3], index_t c,
                 const index_t (&dilation)[3], index_t y0, index_t x0, index_t size, T* room) {
    const index_t row = extent[2] * c, dy = dilation[1], dx = dilation[2];
    if (y0 >= 0 && x0 >= 0 && y0 + (size - 1) * dy < extent[1] && x0 + (size - 1) * dx < extent[2])
        return {image + y0 * row + x0 * c, row * dy, c * dx};
    // The pixels j0..j1 of a row lie within the image.
    const index_t j0 = std::clamp<index_t>((-x0 + dx - 1) / dx, 0, size);
    const index_t j1 = std::clamp<index_t>((extent[2] - x0 + dx - 1) / dx, j0, size);
    for (index_t i = 0; i < size; ++i) {
        T* to = room + i * size * c;
        const index_t y = y0 + i * dy;
        const bool outside = y < 0 || y >= extent[1] || j0 == j1;
        std::fill(to, to + (outside ? size : j0) * c, T(0));
        if (outside) continue;
        std::fill(to + j1 * c, to + size * c, T(0));
        const T* from = image + y * row + x0 * c;
        if (dx == 1)
            std::copy(from + j0 * c, from + j1 * c, to + j0 * c);
        else
            for (index_t j = j0; j < j1; ++j) std::copy_n(from + j * dx * c, c, to + j * c);
    }
    return {room, size * c, c};
}

template <class T>
void transform_input(const ConvShape& s, const Tiling<T>& tiling, index_t t0, index_t t1,
                     const T* x, T* room, T* v) {
    const index_t image = s.in[1] * s.in[2] * s.c;
    for (index_t t = t0; t < t1; ++t) {
        const Tile tile = tile_at(s, tiling, t);
        const Pixels<T> p = pixels(x + tile.image * image, s.in, s.c, s.dilation,
                                   tile.oh - s.pad[1], tile.ow - s.pad[2], index_t{6}, room);
        kernels<WinogradKernels, T>().input(s.c, p.at, p.row, p.pixel, v + (t - t0) * s.c,
                                            tiling.block * s.c + kPad<T>);
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
        const Scratch<T> own(turned ? s_.weights() : 0);
        if (turned) reverse_weights(reversed(s_), w, own.get());
        transform_weights(turned ? own.get() : w);
    }
    void images(index_t i0, index_t i1, const T* x, T* y) const override {
        run(i0 * tiling_.of_image, i1 * tiling_.of_image, x, y);
    }
    void part(index_t image, index_t part, index_t parts, const T* x, T* y) const override {
        const index_t t0 = image * tiling_.of_image;
        run(t0 + tiling_.of_image * part / parts, t0 + tiling_.of_image * (part + 1) / parts, x, y);
    }

  private:
    // Row by row of w, and to the panels that the product reads.
    void transform_weights(const T* w) {
        const Scratch<T> row(kPoints * s_.co);
        for (index_t c = 0; c < s_.c; ++c) {
            kernels<WinogradKernels, T>().weights[form()](s_.co, w + c * s_.co, s_.c * s_.co,
                                                          row.get(), s_.co);
            for (index_t xi = 0; xi < kPoints; ++xi)
                for (index_t j = 0; j < s_.co; j += nr_)
                    std::copy_n(row.get() + xi * s_.co + j, std::min(nr_, s_.co - j),
                                u_.get() + (xi * panels_ * nr_ + j) * s_.c + c * nr_);
        }
    }
    void run(index_t t0, index_t t1, const T* x, T* y) const {
        const index_t block = tiling_.block;
        const Scratch<T> v(kPoints * (block * s_.c + kPad<T>));
        const Scratch<T> m(kPoints * (block * s_.co + kPad<T>));
        const Scratch<T> room(kPoints * s_.c);
        for (index_t t = t0; t < t1; t += block) {
            const index_t end = std::min(t + block, t1);
            transform_input(s_, tiling_, t, end, x, room.get(), v.get());
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
            const Tile tile = tile_at(s_, tiling_, t);
            if (tile.rows > 0 && tile.cols > 0)
                kernels<WinogradKernels, T>().output[form()](
                    s_.co, m + (t - t0) * s_.co, tiling_.block * s_.co + kPad<T>, tile.rows,
                    tile.cols, y + (tile.image * s_.out[1] + tile.oh) * row + tile.ow * s_.co,
                    row * s_.dilation[1], s_.co * s_.dilation[2], finish_.bias, finish_.relu,
                    finish_.slope);
        }
    }
    int form() const { return static_cast<int>(tiling_.form); }

    ConvShape s_;
    Tiling<T> tiling_;
    Finish<T> finish_;
    index_t nr_, panels_;
    Scratch<T> u_;  // [points, panels, c, nr]
};

template <class T>
class WinogradWeightSum final : public WeightSum<T> {
  public:
    explicit WinogradWeightSum(const ConvShape& shape) : s_(shape), tiling_(shape) {
        // Each block goes through all sums, which come from further away than its tiles.
        constexpr index_t kTiles = 60;
        tiling_.block = std::min(std::max(tiling_.block, kTiles), s_.n * tiling_.of_image);
    }

    index_t size() const override { return kPoints * plane(); }

    void add(index_t i0, index_t i1, const T* x, const T* dy, T* sum) const override {
        const index_t block = tiling_.block;
        const Scratch<T> v(kPoints * (block * s_.c + kPad<T>));
        const Scratch<T> g(kPoints * (block * s_.co + kPad<T>));
        const Scratch<T> room(kPoints * std::max(s_.c, s_.co));
        const index_t end = i1 * tiling_.of_image;
        for (index_t t = i0 * tiling_.of_image; t < end; t += block) {
            const index_t t1 = std::min(t + block, end);
            transform_input(s_, tiling_, t, t1, x, room.get(), v.get());
            gradient_tiles(t, t1, dy, room.get(), g.get());
            multiply(t1 - t, v.get(), g.get(), sum);
        }
    }
    void finish(const T* sum, T* dw) const override {
        kernels<WinogradKernels, T>().weights_gradient[form()](s_.c * s_.co, sum, plane(), dw,
                                                               s_.c * s_.co);
    }

  private:
    index_t plane() const { return s_.c * s_.co + kPad<T>; }

    void gradient_tiles(index_t t0, index_t t1, const T* dy, T* room, T* g) const {
        const index_t image = s_.out[1] * s_.out[2] * s_.co;
        for (index_t t = t0; t < t1; ++t) {
            const Tile tile = tile_at(s_, tiling_, t);
            const Pixels<T> p = pixels(dy + tile.image * image, s_.out, s_.co, s_.dilation, tile.oh,
                                       tile.ow, tiling_.side, room);
            kernels<WinogradKernels, T>().gradient[form()](
                s_.co, p.at, p.row, p.pixel, g + (t - t0) * s_.co, tiling_.block * s_.co + kPad<T>);
        }
    }
    int form() const { return static_cast<int>(tiling_.form); }
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
bool winograd_pays(const ConvShape& s) {
    using T = float;
    if (isa_in_use() == Isa::baseline) return false;  // it has no kernels: 12 KB of the wheel
    if (!winograd_enabled() || s.groups != 1 || s.in[0] != 1 || s.out[0] != 1) return false;
    const index_t size = s.kernel[1];
    if (s.kernel[0] != 1 || (size != 3 && size != 5) || s.kernel[2] != size) return false;
    if (s.stride[1] != 1 || s.stride[2] != 1) return false;
    if (s.c < kWinogradChannels || s.co < kWinogradChannels ||
        winograd_points(s) > (index_t{1} << 24))
        return false;
    const auto lanes = static_cast<double>(kernels<GemmKernels, T>().lanes);
    const double c = static_cast<double>(s.c), co = static_cast<double>(s.co);
    const auto tiles = static_cast<double>(s.n * Tiling<T>(s).of_image);
    const auto taps = static_cast<double>(s.n * s.out_pixels() * size * size);
    const double once = 250 * c * co / lanes;
    return once + tiles * (36 * 1.2 * c * co / lanes + 450 * (c + co) / lanes + 200) <
           taps * c * co / lanes;
}

ImageMapPtr<float> winograd_map(const ConvShape& s, const float* w, const Finish<float>& finish,
                                bool turned) {
    return std::make_unique<WinogradMap<float>>(s, w, finish, turned);
}
std::unique_ptr<WeightSum<float>> winograd_weight_sum(const ConvShape& s) {
    return std::make_unique<WinogradWeightSum<float>>(s);
}

}  // namespace ranvier
