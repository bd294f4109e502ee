// Winograd's F(4x4, 3x3) and F(2x2, 5x5): blocks of tiles of output pixels are transformed,
// multiplied at 36 points, and transformed back while they are in L2.
#include <algorithm>
#include <atomic>

#include "conv/winograd.hpp"

namespace ranvier {
namespace {

using namespace winograd;

std::atomic<bool> enabled{true};

// So few tiles are not worth a pass of more weights' points than this through memory, to and fro.
constexpr index_t kFewTiles = 64;
constexpr index_t kFarPoints = index_t{1} << 22;

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

}  // namespace ranvier
