// The gradient of the weights by Winograd's algorithms: a product over tiles at each point.
#include <algorithm>

#include "conv/winograd.hpp"
#include "gemm/blocking.hpp"

namespace ranvier {
namespace {

using namespace winograd;

// Either the sums at all points go through memory, or all tiles of a
// part do, and a block of the weights is finished while its points are near.
constexpr index_t kTilesAtOnce = 96;
constexpr index_t kBytesAtOnce = 20 * 1024 * 1024;

template <class T>
class WinogradWeightSum final : public WeightSum<T> {
  public:
    explicit WinogradWeightSum(const ConvShape& shape)
        : s_(shape), t_(shape, false), rows_(t_.reads * t_.c), plane_(rows_ * t_.cog + kPad<T>) {}

    index_t size() const override { return kPoints * plane_; }
    bool wants_all(index_t images) const override {
        if (t_.groups * t_.reads > 1) return false;
        const index_t tiles = images * t_.of_image, channels = tiles * (s_.c + s_.co);
        if (kPoints * channels * static_cast<index_t>(sizeof(T)) > kBytesAtOnce) return false;
        return tiles <= kTilesAtOnce || channels <= plane_;
    }
    index_t scratch(index_t images) const override { return wants_all(images) ? 0 : size(); }

    void add(index_t i0, index_t i1, index_t more, const T* x, const T* dy, bool first, bool last,
             T* sum, T* dw) const override {
        const bool all = first && last && wants_all(i1 - i0);
        const index_t of_image = t_.of_image, end = i1 * of_image, tiles = end - i0 * of_image;
        // Each block goes through all sums, which come from further away than its tiles.
        constexpr index_t kTiles = 60;
        const index_t block =
            all ? tiles : gemm_blocking::even_part(tiles, std::max(t_.block, kTiles), 1);
        const Planes<T> v(block, rows_), g(block, t_.co);
        const index_t nr = kernels<GemmKernels, T>().nr, panels = (t_.cog + nr - 1) / nr;
        const index_t fetched = end + more * of_image;
        for (index_t t = i0 * of_image; t < end; t += block) {
            const index_t t1 = std::min(t + block, end);
            transform_input(t_, t, t1, x, v);
            gradient_tiles(t, t1, dy, g);
            if (all) return finish_all(tiles, v, g, dw);
            Ahead<T> ahead;
            if (t_.far) {
                const index_t t2 = std::min(t1 + block, fetched);
                const index_t of_x = t_.read_from(t1), of_dy = t_.written_from(t1);
                ahead = {t_.groups * kPoints * panels, x + of_x, t_.read_from(t2) - of_x,
                         dy + of_dy, t_.written_from(t2) - of_dy};
            }
            for (index_t i = 0; i < t_.groups; ++i) {
                const index_t c = i * t_.cg, j = i * t_.cog;
                multiply(t1 - t, v, g, {c, c + t_.reads * t_.cg, j, j + t_.cog},
                         first ? T(0) : T(1), sum + c * t_.cog, plane_, ahead,
                         i * kPoints * panels);
            }
            first = false;
        }
        if (!last) return;
        const double work = 100.0 * static_cast<double>(plane_);
        parallel_for(threads_for(work), rows_,
                     [&](index_t row) { finish_row(row, sum + row * t_.cog, dw); });
    }

  private:
    // Weights from channels c0..c1 to channels j0..j1.
    struct Block {
        index_t c0, c1, j0, j1;
    };
    void finish(index_t n, const T* sum, index_t plane, T* dw, index_t tap) const {
        kernels<WinogradKernels, T>().weights_gradient[form()](n, sum, plane, dw, tap);
    }
    // The weights of a channel that is read, as one of a remainder, to its group.
    void finish_row(index_t row, const T* sum, T* dw) const {
        const index_t read = row / t_.c, c = row % t_.c, tap = t_.cg * t_.co;
        T* to = dw + c % t_.cg * t_.co + c / t_.cg * t_.cog;
        if (t_.reads == 1) return finish(t_.cog, sum, plane_, to, tap);
        // A remainder need not have all taps.
        const index_t taps = t_.taps * t_.taps;
        const Scratch<T> room(taps * t_.cog);
        finish(t_.cog, sum, plane_, room.get(), t_.cog);
        for (index_t i = 0; i < taps; ++i) {
            const index_t y = t_.of_kernel[1][t_.row(read)][i / t_.taps];
            const index_t x = t_.of_kernel[2][t_.column(read)][i % t_.taps];
            if (y >= 0 && x >= 0)
                std::copy_n(room.get() + i * t_.cog, t_.cog, to + (y * t_.kernel_width + x) * tap);
        }
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
            multiply(tiles, v, g, {c, ce, j, j + width}, T(0), sum.get(), plane, {}, 0);
            for (index_t r = c; r < ce; ++r)
                finish(width, sum.get() + (r - c) * width, plane, dw + r * s_.co + j, s_.c * s_.co);
        });
    }
    // Its panels are calls of `ahead` from `call` on.
    void multiply(index_t tiles, const Planes<T>& v, const Planes<T>& g, const Block& block, T beta,
                  T* sum, index_t plane, const Ahead<T>& ahead, index_t call) const {
        const auto& kernel = kernels<GemmKernels, T>();
        const index_t rows = block.c1 - block.c0, width = block.j1 - block.j0;
        const index_t panels = (width + kernel.nr - 1) / kernel.nr;
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
                ahead.share(call + xi * panels + j / kernel.nr, t);
                kernel.panel(t, false);
            }
        });
    }
    void gradient_tiles(index_t t0, index_t t1, const T* dy, const Planes<T>& g) const {
        const index_t image = s_.out[1] * s_.out[2] * s_.co;
        over_tiles<T>(t1 - t0, s_.co, [&](index_t i, T* room) {
            const Tile tile = tile_at(t_, t0 + i);
            const Pixels<T> p = pixels(dy + tile.image * image, s_.out, s_.co, s_.dilation,
                                       tile.at[1], tile.at[2], t_.side, room);
            kernels<WinogradKernels, T>().gradient[form()](s_.co, p.at, p.row, p.pixel, g.at(0, i),
                                                           g.plane);
        });
    }
    int form() const { return static_cast<int>(t_.form); }

    ConvShape s_;
    Tiling<T> t_;
    index_t rows_, plane_;
};

}  // namespace

std::unique_ptr<WeightSum<float>> winograd_weight_sum(const ConvShape& s) {
    return std::make_unique<WinogradWeightSum<float>>(s);
}

}  // namespace ranvier
