// Winograd's F(4x4, 3x3) and F(2x2, 5x5): blocks of tiles of output pixels are transformed,
// multiplied at 36 points, and transformed back while they are in L2.
#include <algorithm>
#include <atomic>

#include "conv/map.hpp"
#include "gemm/blocking.hpp"
#include "kernels/winograd.hpp"

namespace ranvier {
namespace {

constexpr index_t kPoints = 36;
// A plane's stride keeps off powers of two, which would fall into one set of the cache.
template <class T>
constexpr index_t kPad = 64 / static_cast<index_t>(sizeof(T));
// So does a tile's within a plane, if it is long.
template <class T>
constexpr index_t stride_of(index_t channels) {
    return channels % (8 * kPad<T>) == 0 ? channels + kPad<T> : channels;
}
// `tiles` tiles at all points.
template <class T>
struct Planes {
    index_t row, plane;
    Scratch<T> data;
    Planes(index_t tiles, index_t channels)
        : row(stride_of<T>(channels)), plane(tiles * row + kPad<T>), data(kPoints * plane) {}
    T* at(index_t point, index_t tile = 0) const { return data.get() + point * plane + tile * row; }
};

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

// f(i, room) for each of some tiles of so many channels, by threads unless the caller is one of
// many.
template <class T, class F>
void over_tiles(index_t tiles, index_t channels, F f) {
    constexpr double kOfTransform = 2 * 6 * 36;  // operations, a little less than there are
    const int threads = threads_for(kOfTransform * static_cast<double>(tiles * channels));
    parallel_for(threads, threads, [&](index_t part) {
        const Scratch<T> room(kPoints * channels);
        for (index_t i = tiles * part / threads; i < tiles * (part + 1) / threads; ++i)
            f(i, room.get());
    });
}

template <class T>
void transform_input(const ConvShape& s, const Tiling<T>& tiling, index_t t0, index_t t1,
                     const T* x, const Planes<T>& v) {
    const index_t image = s.in[1] * s.in[2] * s.c;
    over_tiles<T>(t1 - t0, s.c, [&](index_t i, T* room) {
        const Tile tile = tile_at(s, tiling, t0 + i);
        const Pixels<T> p = pixels(x + tile.image * image, s.in, s.c, s.dilation,
                                   tile.oh - s.pad[1], tile.ow - s.pad[2], index_t{6}, room);
        kernels<WinogradKernels, T>().input(s.c, p.at, p.row, p.pixel, v.at(0, i), v.plane);
    });
}

// So few tiles are not worth a pass of more weights' points than this through memory, to and fro.
constexpr index_t kFewTiles = 64;
constexpr index_t kFarPoints = index_t{1} << 22;
// Columns that are worked on together where a transform asks for kWinogradChannels at least: the
// last block takes what would be fewer.
struct Columns {
    index_t wide, blocks, all;
    Columns(index_t co, index_t nr)
        : wide(2 * nr),
          blocks(std::max<index_t>(1, (co - kWinogradChannels + wide) / wide)),
          all(co) {}
    index_t width(index_t block) const { return block + 1 < blocks ? wide : all - block * wide; }
};

template <class T>
class WinogradMap final : public ImageMap<T> {
  public:
    WinogradMap(const ConvShape& shape, const T* w, const Finish<T>& finish, bool turned, bool once)
        : s_(shape),
          tiling_(shape),
          finish_(finish),
          w_(w),
          turned_(turned),
          nr_(kernels<GemmKernels, T>().nr),
          panels_((shape.co + nr_ - 1) / nr_),
          few_(once && shape.n * tiling_.of_image <= kFewTiles &&
               winograd_points(shape) > kFarPoints),
          u_(few_ ? 0 : kPoints * panels_ * shape.c * nr_) {
        if (!few_) transform_weights(0, s_.c, 0, panels_, u_.get());
    }
    void images(index_t i0, index_t i1, const T* x, T* y) const override {
        run(i0 * tiling_.of_image, i1 * tiling_.of_image, x, y);
    }
    void part(index_t image, index_t part, index_t parts, const T* x, T* y) const override {
        const index_t t0 = image * tiling_.of_image;
        run(t0 + tiling_.of_image * part / parts, t0 + tiling_.of_image * (part + 1) / parts, x, y);
    }
    bool divides_itself() const override { return few_; }

  private:
    static constexpr index_t kRows = 48;

    // Rows c0..c1 of w and panels p0..p1 of its columns to all points: [points, panels, rows, nr].
    void transform_weights(index_t c0, index_t c1, index_t p0, index_t p1, T* u) const {
        const auto& kernel = kernels<GemmKernels, T>();
        const index_t taps = s_.kernel[1] * s_.kernel[2], plane = (p1 - p0) * (c1 - c0) * nr_;
        const Scratch<T> room(taps * kRows * nr_);
        for (index_t p = p0; p < p1; ++p)
            for (index_t c = c0; c < c1; c += kRows) {
                const index_t rows = std::min(kRows, c1 - c), j = p * nr_;
                const index_t n = std::min(nr_, s_.co - j), tap = rows * nr_;
                for (index_t i = 0; i < taps; ++i) {
                    T* to = room.get() + i * tap;
                    if (turned_)
                        kernel.pack_bt(rows, n, w_ + ((taps - 1 - i) * s_.co + j) * s_.c + c, s_.c,
                                       to);
                    else
                        kernel.pack_b(rows, n, w_ + (i * s_.c + c) * s_.co + j, s_.co, to);
                }
                kernels<WinogradKernels, T>().weights[form()](
                    tap, room.get(), tap, u + ((p - p0) * (c1 - c0) + c - c0) * nr_, plane);
            }
    }
    void run(index_t t0, index_t t1, const T* x, T* y) const {
        if (few_) return run_few(t0, t1, x, y);
        const index_t block = std::min(tiling_.block, t1 - t0);
        const Planes<T> v(block, s_.c), m(block, s_.co);
        for (index_t t = t0; t < t1; t += block) {
            const index_t end = std::min(t + block, t1);
            transform_input(s_, tiling_, t, end, x, v);
            multiply(end - t, v, 0, s_.c, u_.get(), panels_, s_.co, T(0), m);
            output(t, end, m, 0, s_.co, y);
        }
    }
    // A block of the weights is transformed, used by all tiles, and forgotten.
    void run_few(index_t t0, index_t t1, const T* x, T* y) const {
        const Planes<T> v(t1 - t0, s_.c);
        transform_input(s_, tiling_, t0, t1, x, v);
        const Columns columns(s_.co, nr_);
        const double work = 2.0 * kPoints * static_cast<double>((t1 - t0) * s_.c * s_.co);
        parallel_for(threads_for(work), columns.blocks, [&](index_t block) {
            const index_t width = columns.width(block), panels = (width + nr_ - 1) / nr_;
            const index_t p = block * columns.wide / nr_;
            const Planes<T> m(t1 - t0, width);
            const Scratch<T> u(kPoints * panels * kRows * nr_);
            for (index_t c = 0; c < s_.c; c += kRows) {
                const index_t c1 = std::min(c + kRows, s_.c);
                transform_weights(c, c1, p, p + panels, u.get());
                multiply(t1 - t0, v, c, c1, u.get(), panels, width, c > 0 ? T(1) : T(0), m);
            }
            output(t0, t1, m, block * columns.wide, width, y);
        });
    }
    // Channels c0..c1 of v and rows of u to `width` columns of m.
    void multiply(index_t tiles, const Planes<T>& v, index_t c0, index_t c1, const T* u,
                  index_t panels, index_t width, T beta, const Planes<T>& m) const {
        GemmTask<T> t{};
        t.m = tiles;
        t.k = c1 - c0;
        t.rsa = v.row;
        t.csa = 1;
        t.ldb = nr_;
        t.alpha = T(1);
        t.beta = beta;
        t.ldc = m.row;
        t.b = u;
        t.next_cols = t.next_ld = nr_;
        for (index_t xi = 0; xi < kPoints; ++xi)
            for (index_t p = 0; p < panels; ++p) {
                t.n = std::min(nr_, width - p * nr_);
                t.a = v.at(xi) + c0;
                t.c = m.at(xi) + p * nr_;
                t.next = t.b + t.k * nr_;
                t.next_rows = xi + 1 < kPoints || p + 1 < panels ? t.k : 0;
                kernels<GemmKernels, T>().panel(t, true);
                t.b = t.next;
            }
    }
    // `width` channels from j on.
    void output(index_t t0, index_t t1, const Planes<T>& m, index_t j, index_t width, T* y) const {
        const index_t row = s_.out[2] * s_.co;
        for (index_t t = t0; t < t1; ++t) {
            const Tile tile = tile_at(s_, tiling_, t);
            if (tile.rows > 0 && tile.cols > 0)
                kernels<WinogradKernels, T>().output[form()](
                    width, m.at(0, t - t0), m.plane, tile.rows, tile.cols,
                    y + (tile.image * s_.out[1] + tile.oh) * row + tile.ow * s_.co + j,
                    row * s_.dilation[1], s_.co * s_.dilation[2],
                    finish_.bias ? finish_.bias + j : nullptr, finish_.relu, finish_.slope);
        }
    }
    int form() const { return static_cast<int>(tiling_.form); }

    ConvShape s_;
    Tiling<T> tiling_;
    Finish<T> finish_;
    const T* w_;
    bool turned_;
    index_t nr_, panels_;
    bool few_;
    Scratch<T> u_;  // [points, panels, c, nr]
};

// The gradient of the weights. Either the sums at all points go through memory, or all tiles of a
// part do, and a block of the weights is finished while its points are near.
constexpr index_t kTilesAtOnce = 96;
constexpr index_t kBytesAtOnce = 20 * 1024 * 1024;

template <class T>
class WinogradWeightSum final : public WeightSum<T> {
  public:
    explicit WinogradWeightSum(const ConvShape& shape)
        : s_(shape), tiling_(shape), plane_(s_.c * s_.co + kPad<T>) {}

    index_t size() const override { return kPoints * plane_; }
    bool wants_all(index_t images) const override {
        const index_t tiles = images * tiling_.of_image, channels = tiles * (s_.c + s_.co);
        if (kPoints * channels * static_cast<index_t>(sizeof(T)) > kBytesAtOnce) return false;
        return tiles <= kTilesAtOnce || channels <= plane_;
    }
    index_t scratch(index_t images) const override { return wants_all(images) ? 0 : size(); }

    void add(index_t i0, index_t i1, const T* x, const T* dy, bool first, bool last, T* sum,
             T* dw) const override {
        const bool all = first && last && wants_all(i1 - i0);
        const index_t of_image = tiling_.of_image, end = i1 * of_image, tiles = end - i0 * of_image;
        // Each block goes through all sums, which come from further away than its tiles.
        constexpr index_t kTiles = 60;
        const index_t block =
            all ? tiles : gemm_blocking::even_part(tiles, std::max(tiling_.block, kTiles), 1);
        const Planes<T> v(block, s_.c), g(block, s_.co);
        for (index_t t = i0 * of_image; t < end; t += block) {
            const index_t t1 = std::min(t + block, end);
            transform_input(s_, tiling_, t, t1, x, v);
            gradient_tiles(t, t1, dy, g);
            if (all) return finish_all(tiles, v, g, dw);
            multiply(t1 - t, v, g, {0, s_.c, 0, s_.co}, first ? T(0) : T(1), sum, plane_);
            first = false;
        }
        if (!last) return;
        const double work = 100.0 * static_cast<double>(plane_);
        parallel_for(threads_for(work), s_.c,
                     [&](index_t c) { finish(s_.co, sum + c * s_.co, plane_, dw + c * s_.co); });
    }

  private:
    // Weights from channels c0..c1 to channels j0..j1.
    struct Block {
        index_t c0, c1, j0, j1;
    };
    void finish(index_t n, const T* sum, index_t plane, T* dw) const {
        kernels<WinogradKernels, T>().weights_gradient[form()](n, sum, plane, dw, s_.c * s_.co);
    }
    void finish_all(index_t tiles, const Planes<T>& v, const Planes<T>& g, T* dw) const {
        const auto& kernel = kernels<GemmKernels, T>();
        const Columns columns(s_.co, kernel.nr);
        const index_t rows = 4 * kernel.mr, down = (s_.c + rows - 1) / rows;
        const double work = 2.0 * kPoints * static_cast<double>(tiles * s_.c * s_.co);
        parallel_for(threads_for(work), columns.blocks * down, [&](index_t at) {
            const index_t block = at / down, j = block * columns.wide, c = at % down * rows;
            const index_t width = columns.width(block), ce = std::min(c + rows, s_.c);
            const index_t plane = (ce - c) * width + kPad<T>;
            const Scratch<T> sum(kPoints * plane);
            multiply(tiles, v, g, {c, ce, j, j + width}, T(0), sum.get(), plane);
            for (index_t r = c; r < ce; ++r)
                finish(width, sum.get() + (r - c) * width, plane, dw + r * s_.co + j);
        });
    }
    void multiply(index_t tiles, const Planes<T>& v, const Planes<T>& g, const Block& block, T beta,
                  T* sum, index_t plane) const {
        const auto& kernel = kernels<GemmKernels, T>();
        const index_t rows = block.c1 - block.c0, width = block.j1 - block.j0;
        const double work = 2.0 * kPoints * static_cast<double>(tiles * rows * width);
        parallel_for(threads_for(work), kPoints, [&](index_t xi) {
            GemmTask<T> t{};
            t.m = rows;
            t.k = tiles;
            t.rsa = 1;
            t.csa = v.row;
            t.ldb = g.row;
            t.ldc = width;
            t.alpha = T(1);
            t.beta = beta;
            t.a = v.at(xi) + block.c0;
            for (index_t j = 0; j < width; j += kernel.nr) {
                t.n = std::min<index_t>(kernel.nr, width - j);
                t.b = g.at(xi) + block.j0 + j;
                t.c = sum + xi * plane + j;
                kernel.panel(t, false);
            }
        });
    }
    void gradient_tiles(index_t t0, index_t t1, const T* dy, const Planes<T>& g) const {
        const index_t image = s_.out[1] * s_.out[2] * s_.co;
        over_tiles<T>(t1 - t0, s_.co, [&](index_t i, T* room) {
            const Tile tile = tile_at(s_, tiling_, t0 + i);
            const Pixels<T> p = pixels(dy + tile.image * image, s_.out, s_.co, s_.dilation, tile.oh,
                                       tile.ow, tiling_.side, room);
            kernels<WinogradKernels, T>().gradient[form()](s_.co, p.at, p.row, p.pixel, g.at(0, i),
                                                           g.plane);
        });
    }
    int form() const { return static_cast<int>(tiling_.form); }

    ConvShape s_;
    Tiling<T> tiling_;
    index_t plane_;
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
                                bool turned, bool once) {
    return std::make_unique<WinogradMap<float>>(s, w, finish, turned, once);
}
std::unique_ptr<WeightSum<float>> winograd_weight_sum(const ConvShape& s) {
    return std::make_unique<WinogradWeightSum<float>>(s);
}

}  // namespace ranvier
