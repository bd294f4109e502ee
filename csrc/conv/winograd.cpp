// Winograd's F(5x5, 2x2), F(4x4, 3x3) and F(2x2, 5x5): blocks of tiles of pixels are transformed,
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
    WinogradMap(const ConvShape& shape, const T* w, const Finish<T>& finish, bool transposed,
                bool once)
        : t_(shape, transposed),
          finish_(finish),
          w_(w),
          transposed_(transposed),
          nr_(kernels<GemmKernels, T>().nr),
          panels_((t_.cog + nr_ - 1) / nr_),
          few_(once && t_.groups * t_.reads * t_.writes == 1 &&
               shape.n * t_.of_image <= kFewTiles && winograd_points(shape) > kFarPoints),
          u_(few_ ? 0 : t_.groups * kPoints * plane(t_.cg, panels_)) {
        if (!few_) transform_all();
    }
    void images(index_t i0, index_t i1, const T* x, T* y) const override {
        run(i0 * t_.of_image, i1 * t_.of_image, x, y);
    }
    void part(index_t image, index_t part, index_t parts, const T* x, T* y) const override {
        const index_t t0 = image * t_.of_image;
        run(t0 + t_.of_image * part / parts, t0 + t_.of_image * (part + 1) / parts, x, y);
    }
    bool divides_itself() const override { return few_; }

  private:
    static constexpr index_t kRows = 48;

    // Elements of a group's weights at one point, [writes, panels, reads, channels, nr].
    index_t plane(index_t channels, index_t panels) const {
        return t_.writes * panels * t_.reads * channels * nr_;
    }
    void transform_all() {
        const index_t jobs = t_.groups * t_.writes * panels_;
        const double work = 250.0 * static_cast<double>(jobs * t_.reads * t_.cg * nr_);
        parallel_for(threads_for(work), jobs, [&](index_t job) {
            const index_t p = job % panels_, write = job / panels_ % t_.writes;
            const index_t g = job / panels_ / t_.writes, all = plane(t_.cg, panels_);
            transform_weights(
                g, write, p, 0, t_.cg,
                u_.get() + g * kPoints * all + (write * panels_ + p) * t_.reads * t_.cg * nr_, all);
        });
    }
    // Rows c0..c1 of panel p of a group's columns to all points, `plane` apart.
    void transform_weights(index_t g, index_t write, index_t p, index_t c0, index_t c1, T* u,
                           index_t plane) const {
        const index_t taps = t_.taps * t_.taps;
        const Scratch<T> room(taps * kRows * nr_);
        for (index_t read = 0; read < t_.reads; ++read)
            for (index_t c = c0; c < c1; c += kRows) {
                const index_t rows = std::min(kRows, c1 - c), tap = rows * nr_;
                for (index_t i = 0; i < taps; ++i)
                    take_tap(g, read + write, i, c, rows, p * nr_, room.get() + i * tap);
                kernels<WinogradKernels, T>().weights[form()](
                    tap, room.get(), tap, u + (read * (c1 - c0) + c - c0) * nr_, plane);
            }
    }
    // A panel of `rows` rows from c on of what is the kernel's i-th tap for a remainder.
    void take_tap(index_t g, index_t remainder, index_t i, index_t c, index_t rows, index_t j,
                  T* to) const {
        const auto& kernel = kernels<GemmKernels, T>();
        const index_t row = t_.of_kernel[1][t_.row(remainder)][i / t_.taps];
        const index_t column = t_.of_kernel[2][t_.column(remainder)][i % t_.taps];
        if (row < 0 || column < 0) return void(std::fill_n(to, rows * nr_, T(0)));
        const index_t tap = row * t_.kernel_width + column, n = std::min(nr_, t_.cog - j);
        if (transposed_)
            kernel.pack_bt(rows, n, w_ + (tap * t_.cog + j) * t_.c + g * t_.cg + c, t_.c, to);
        else
            kernel.pack_b(rows, n, w_ + (tap * t_.cg + c) * t_.co + g * t_.cog + j, t_.co, to);
    }
    void run(index_t t0, index_t t1, const T* x, T* y) const {
        if (few_) return run_few(t0, t1, x, y);
        const index_t block = std::min(t_.block, t1 - t0);
        const Planes<T> v(block, t_.reads * t_.c), m(block, t_.writes * t_.co);
        const index_t calls = t_.groups * kPoints * t_.writes * panels_;
        for (index_t t = t0; t < t1; t += block) {
            const index_t end = std::min(t + block, t1);
            transform_input(t_, t, end, x, v);
            Ahead<T> ahead;
            if (t_.far) {
                const index_t from = t_.read_from(end), to = t_.written_from(t);
                ahead = {calls, x + from, t_.read_from(std::min(end + block, t1)) - from, y + to,
                         t_.written_from(end) - to};
            }
            const T* u = u_.get();
            for (index_t g = 0; g < t_.groups; ++g)
                u = multiply(end - t, v, g * t_.cg, t_.reads * t_.cg, u, panels_, t_.cog, T(0), m,
                             g * t_.cog, ahead, g * (calls / t_.groups));
            for (index_t write = 0; write < t_.writes; ++write)
                output(t, end, m, write, 0, t_.co, y);
        }
    }
    // A block of the weights is transformed, used by all tiles, and forgotten.
    void run_few(index_t t0, index_t t1, const T* x, T* y) const {
        const Planes<T> v(t1 - t0, t_.c);
        transform_input(t_, t0, t1, x, v);
        const Columns columns(t_.co, nr_);
        const double work = 2.0 * kPoints * static_cast<double>((t1 - t0) * t_.c * t_.co);
        parallel_for(threads_for(work), columns.blocks, [&](index_t block) {
            const index_t width = columns.width(block), panels = (width + nr_ - 1) / nr_;
            const index_t p = block * columns.wide / nr_;
            const Planes<T> m(t1 - t0, width);
            const Scratch<T> u(kPoints * panels * kRows * nr_);
            for (index_t c = 0; c < t_.c; c += kRows) {
                const index_t c1 = std::min(c + kRows, t_.c), rows = (c1 - c) * nr_;
                for (index_t i = 0; i < panels; ++i)
                    transform_weights(0, 0, p + i, c, c1, u.get() + i * rows, panels * rows);
                multiply(t1 - t0, v, c, c1 - c, u.get(), panels, width, c > 0 ? T(1) : T(0), m, 0,
                         {}, 0);
            }
            output(t0, t1, m, 0, block * columns.wide, width, y);
        });
    }
    // k channels of v from c on to `width` columns of m from j on, and of each of its remainders;
    // the panels are calls of `ahead` from `call` on. Where the next weights are.
    const T* multiply(index_t tiles, const Planes<T>& v, index_t c, index_t k, const T* u,
                      index_t panels, index_t width, T beta, const Planes<T>& m, index_t j,
                      const Ahead<T>& ahead, index_t call) const {
        GemmTask<T> t{};
        t.m = tiles;
        t.k = k;
        t.rsa = v.row;
        t.csa = 1;
        t.ldb = nr_;
        t.alpha = T(1);
        t.beta = beta;
        t.ldc = m.row;
        t.b = u;
        const index_t blocks = t_.writes * panels;
        for (index_t xi = 0; xi < kPoints; ++xi)
            for (index_t p = 0; p < blocks; ++p) {
                t.n = std::min(nr_, width - p % panels * nr_);
                t.a = v.at(xi) + c;
                t.c = m.at(xi) + p / panels * t_.co + j + p % panels * nr_;
                ahead.share(call++, t);
                kernels<GemmKernels, T>().panel(t, true);
                t.b += t.k * nr_;
            }
        return t.b;
    }
    // `width` channels from j on.
    void output(index_t t0, index_t t1, const Planes<T>& m, index_t write, index_t j, index_t width,
                T* y) const {
        const index_t row = t_.out[2] * t_.co, y0 = t_.row(write), x0 = t_.column(write);
        for (index_t t = t0; t < t1; ++t) {
            const Tile tile = tile_at(t_, t);
            const index_t oh = tile.at[1] * t_.to_step[1] + y0;
            const index_t ow = tile.at[2] * t_.to_step[2] + x0;
            const index_t rows = left(1, oh), cols = left(2, ow);
            if (rows > 0 && cols > 0)
                kernels<WinogradKernels, T>().output[form()](
                    width, m.at(0, t - t0) + write * t_.co, m.plane, rows, cols,
                    y + (tile.image * t_.out[1] + oh) * row + ow * t_.co + j, row * apart(1),
                    t_.co * apart(2), finish_.bias ? finish_.bias + j : nullptr, finish_.relu,
                    finish_.slope);
        }
    }
    index_t apart(int axis) const { return t_.to_step[axis] * t_.dilation[axis]; }
    // Outputs of a tile along an axis, from `first` on.
    index_t left(int axis, index_t first) const {
        const index_t n = (t_.out[axis] - first + apart(axis) - 1) / apart(axis);
        return std::clamp<index_t>(n, 0, t_.side);
    }
    int form() const { return static_cast<int>(t_.form); }

    Tiling<T> t_;
    Finish<T> finish_;
    const T* w_;
    bool transposed_;
    index_t nr_, panels_;
    bool few_;
    Scratch<T> u_;  // [groups, points, writes, panels, reads, channels, nr]
};

}  // namespace

bool winograd_enabled() { return enabled.load(std::memory_order_relaxed); }
void set_winograd_enabled(bool on) { enabled.store(on, std::memory_order_relaxed); }

// Multiply-adds of vectors, as measured relative to each other: the 36 products run a little below
// the speed of the direct sum, the transforms are bound by loads and stores.
bool winograd_pays(const ConvShape& s, bool transposed) {
    using T = float;
    if (isa_in_use() == Isa::baseline) return false;  // it has no kernels: 12 KB of the wheel
    if (!winograd_enabled() || s.kernel[0] != 1 || s.in[0] != 1 || s.out[0] != 1) return false;
    const index_t size = s.kernel[1], stride = s.stride[1];
    if (s.kernel[2] != size || s.stride[2] != stride || stride > 2 || size > 5 * stride)
        return false;
    if (stride > 1 && (s.groups > 1 || s.dilation[1] > 1 || s.dilation[2] > 1)) return false;
    if (std::min(s.c_of_group(), s.co_of_group()) < kWinogradChannels) return false;
    const Tiling<T> t(s, transposed);
    if (t.taps != 2 && t.taps != 3 && t.taps != 5) return false;
    const index_t of_point = t.reads * t.writes * s.c_of_group() * s.co;
    // With a stride there are up to 16 points for each weight: they must not be most of the memory.
    if (kPoints * of_point > (stride > 1 ? kFarPoints + kFarPoints / 4 : index_t{1} << 24))
        return false;
    const auto lanes = static_cast<double>(kernels<GemmKernels, T>().lanes);
    // The direct sum is as fast or faster: with 256 bits and a small L2 1.02 to 1.25 times for most
    // channels, in the gradient of the input with 512 bits on Intel's processors up to 1.1 times.
    if (size == 3 && stride > 1 &&
        ((lanes == 8 && small_l2()) || (lanes == 16 && transposed && !fetches_streams())))
        return false;
    const double products = static_cast<double>(of_point) / lanes;
    const auto transforms = static_cast<double>(t.reads * t.c + t.writes * t.co) / lanes;
    const auto tiles = static_cast<double>(s.n * t.of_image);
    // The points of a strided kernel are far, and few tiles share them.
    const double once = (stride > 1 && small_l2() ? 1000 : 250) * products;
    // Pixels that lie apart are fetched later.
    const double apart = s.dilation[1] * s.dilation[2] > 1 ? 1.25 : 1;
    const double of_tile = apart * (36 * 1.2 * products + 450 * transforms + 200);
    return once + tiles * of_tile < s.flops() / 2 / lanes;
}

ImageMapPtr<float> winograd_map(const ConvShape& s, const float* w, const Finish<float>& finish,
                                bool transposed, bool once) {
    return std::make_unique<WinogradMap<float>>(s, w, finish, transposed, once);
}

}  // namespace ranvier
