// The gradient of the weights, summed over images: by the register tiles, which read the pixels
// where they lie or put together by tap, over gathered patches, or a channel at a time.
#include <algorithm>
#include <type_traits>

#include "conv/depthwise.hpp"
#include "conv/map.hpp"
#include "ranvier/gemm.hpp"

namespace ranvier {
namespace {

// So many pixels at a time: their dy stays in L1 while all taps use it.
constexpr index_t kPixels = 224;
// Where so many rows of dw use columns of dy, those are put together first: not those of one
// vector, which would be half zeros.
constexpr index_t kRowsForPacking = 100;
// So many rows of four vectors of 256 bits are as many sums as tiles of two vectors keep.
constexpr index_t kRowsOfWide = 3;
// Where taps are put together: so much of dy at a time, and what the taps read takes so much at
// most.
constexpr index_t kTapPixelBytes = 28 * 1024;
constexpr index_t kTapBytes = 128 * 1024;
template <class T>
class WindowWeightSum final : public WeightSum<T> {
  public:
    explicit WindowWeightSum(const ConvShape& s)
        : s_(s), depthwise_(s.groups > 1 && s.groups == s.c && s.co == s.c) {
        for (int i = 0; i < 3; ++i) {
            w_.in[i] = s.in[i];
            w_.taps[i] = s.kernel[i];
            w_.step[i] = s.stride[i];
            w_.dilation[i] = s.dilation[i];
            w_.origin[i] = -s.pad[i];
            w_.out[i] = s.out[i];
        }
        w_.c = s.c;
        w_.cg = depthwise_ ? s.c : s.c_of_group();
        w_.co = depthwise_ ? s.c : s.co_of_group();
        w_.groups = depthwise_ ? 1 : s.groups;
        w_.depthwise = depthwise_;
    }
    index_t size() const override { return s_.weights(); }
    void add(index_t i0, index_t i1, index_t, const T* x, const T* dy, bool first, bool, T*,
             T* sum) const override {
        if (first) std::fill_n(sum, s_.weights(), T(0));
        if (depthwise_) return add_depthwise(w_, i0, i1, x, dy, sum);
        if (prefers_turned(w_)) return add_turned(w_, i0, i1, x, dy, sum);
        const bool patches = gradient_prefers_patches(w_);
        for (index_t g = 0; g < s_.groups; ++g) {
            if (patches)
                add_patches(w_, g, i0, i1, x, dy + g * w_.co, sum + g * w_.co);
            else
                add_bands(w_, g, i0, i1, x, dy + g * w_.co, sum + g * w_.co);
        }
    }

  private:
    // Few output channels to many: the sums are made the other way round, with x's channels as the
    // columns. Tap x, output channel o of a row of the kernel is row (taps - 1 - x) * co + o, whose
    // elements lie one after the other in a row of dy with zeros around. Rows of fewer than eight
    // pixels would be mostly zeros and turns of a loop.
    static bool prefers_turned(const Window<T>& w) {
        const index_t lanes = kernels<GemmKernels, T>().lanes;
        const index_t vectors = (w.c + lanes - 1) / lanes, others = (w.co + lanes - 1) / lanes;
        return w.cg == w.c && w.in[2] >= 8 && w.step[0] * w.step[1] * w.step[2] == 1 &&
               w.dilation[2] == 1 && 4 * w.co * vectors < 3 * w.c * others;
    }
    void add_turned(const Window<T>& w, index_t i0, index_t i1, const T* x, const T* dy,
                    T* sum) const {
        const auto& kernel = kernels<GemmKernels, T>();
        const index_t m = w.taps[2] * w.co, block = m * w.c, reach = w.taps[2] - 1;
        const index_t width = (w.in[2] + reach) * w.co, row = w.in[2] * w.c;
        const index_t most = std::max<index_t>(1, kPixels / w.in[2]);
        const Scratch<T> sums(w.taps[0] * w.taps[1] * block);
        const Scratch<T> rows(most * width);
        const Scratch<index_t> offset(most);
        std::fill_n(sums.get(), w.taps[0] * w.taps[1] * block, T(0));
        // What lies outside of dy stays zero.
        std::fill_n(rows.get(), most * width, T(0));
        const index_t at = std::max<index_t>(0, reach + w.origin[2]);
        const index_t from = std::max<index_t>(0, -(reach + w.origin[2]));
        const index_t count = std::clamp<index_t>(w.in[2] + reach - at, 0, w.out[2] - from);
        for (index_t r = 0; r < most; ++r) offset[r] = r * width;
        GemmTask<T> t{};
        t.m = m;
        t.k = w.in[2];
        t.offsets = offset.get();
        t.rsa = 1;
        t.csa = w.co;
        t.ldb = t.ldc = w.c;
        t.alpha = t.beta = T(1);
        for (index_t i = i0; i < i1; ++i)
            for (index_t od = 0; od < w.out[0]; ++od)
                for (index_t oh = 0; oh < w.out[1]; oh += most) {
                    const index_t end = std::min(oh + most, w.out[1]);
                    const T* from_dy =
                        dy + (((i * w.out[0] + od) * w.out[1] + oh) * w.out[2] + from) * w.co;
                    for (index_t r = 0; r < end - oh; ++r)
                        std::copy_n(from_dy + r * w.out[2] * w.co, count * w.co,
                                    rows.get() + r * width + at * w.co);
                    for (index_t tap = 0; tap < w.taps[0] * w.taps[1]; ++tap) {
                        const index_t z = od + tap / w.taps[1] * w.dilation[0] + w.origin[0];
                        const index_t shift = tap % w.taps[1] * w.dilation[1] + w.origin[1];
                        const index_t y0 = std::max<index_t>(0, oh + shift);
                        const index_t y1 = std::min(w.in[1], end + shift);
                        if (z < 0 || z >= w.in[0] || y0 >= y1) continue;
                        t.segments = y1 - y0;
                        t.a = rows.get() + (y0 - shift - oh) * width;
                        for (index_t j = 0; j < w.c; j += kernel.nr) {
                            t.n = std::min<index_t>(kernel.nr, w.c - j);
                            t.b = x + i * w.image() + (z * w.in[1] + y0) * row + j;
                            t.c = sums.get() + tap * block + j;
                            kernel.panel(t, false);
                        }
                    }
                }
        for (index_t tap = 0; tap < w.tap_count(); ++tap)
            for (index_t c = 0; c < w.c; ++c)
                for (index_t o = 0; o < w.co; ++o)
                    sum[(tap * w.c + c) * w.co + o] +=
                        sums[tap / w.taps[2] * block +
                             ((reach - tap % w.taps[2]) * w.co + o) * w.c + c];
    }
    void add_patches(const Window<T>& w, index_t g, index_t i0, index_t i1, const T* x, const T* dy,
                     T* sum) const {
        const index_t k = w.k(), end = i1 * w.out_pixels();
        const index_t most = std::min(patch_rows(w), end - i0 * w.out_pixels());
        const Scratch<T> patches(most * k);
        for (index_t p = i0 * w.out_pixels(); p < end; p += most) {
            const index_t rows = std::min(most, end - p);
            gather_patches(w, g, x, p, p + rows, patches.get());
            gemm<T>(Trans::yes, Trans::no, k, w.co, rows, T(1), patches.get(), k, dy + p * s_.co,
                    s_.co, T(1), sum, s_.co);
        }
    }
    // Rows of dw as the tiles add to them.
    struct Rows {
        T* at;
        index_t ld, columns;
    };
    // A group's channels alone make longer runs.
    void add_bands(const Window<T>& w, index_t g, index_t i0, index_t i1, const T* x, const T* dy,
                   T* sum) const {
        const bool wide = in_wide_tiles(w);
        index_t most = rows_of_pixels(w, kPixels);
        const index_t with_taps = rows_of_pixels(
            w, std::max(kPixels, kTapPixelBytes / (w.co * static_cast<index_t>(sizeof(T)))));
        const bool by_taps = !wide && gathers_taps(w, with_taps);
        if (by_taps) most = with_taps;
        const Scratch<T> room(by_taps ? rows_of_band(w, most) * w.taps[2] * w.out[2]
                                      : band_size(w, w.cg, most));
        const Scratch<index_t> offset(w.tap_count() + most);
        const index_t row = w.out[2] * s_.co;
        // Whole vectors are read and summed, whose last columns are the next pixel's and nobody's:
        // tiles that mask take longer. Nothing is read behind the last image.
        const index_t lanes = tiles_for<T>(w.co).lanes, vectors = (w.co + lanes - 1) / lanes;
        const bool padded = w.co % lanes != 0 && w.k() < kRowsForPacking;
        const Scratch<T> sums(padded ? w.k() * vectors * lanes : 0);
        const Scratch<T> last(padded ? most * row + lanes : 0);
        const index_t end = i1 * w.out_pixels() * s_.co;
        Rows rows_of_dw{sum, s_.co, w.co};
        if (padded) {
            rows_of_dw = {sums.get(), vectors * lanes, vectors * lanes};
            std::fill_n(sums.get(), w.k() * rows_of_dw.ld, T(0));
        }
        for (index_t i = i0; i < i1; ++i)
            for (index_t od = 0; od < w.out[0]; ++od)
                for (index_t oh = 0, rows; oh < w.out[1]; oh += rows) {
                    rows = std::min(most, w.out[1] - oh);
                    const index_t first = ((i * w.out[0] + od) * w.out[1] + oh) * row;
                    const index_t size = rows * row - s_.co + w.co;
                    const T* at = dy + first;
                    if (padded && g * w.co + first + size - w.co + rows_of_dw.columns > end) {
                        std::copy_n(at, size, last.get());
                        std::fill_n(last.get() + size, lanes, T(0));
                        at = last.get();
                    }
                    const T* image = x + i * w.image();
                    if (by_taps) {
                        add_taps(w, image, od, oh, rows, at, offset.get(), room.get(), rows_of_dw);
                        continue;
                    }
                    const Band<T> band =
                        make_band(w, g * w.cg, w.cg, image, od, oh, oh + rows, room.get());
                    add_band(w, band, od, oh, rows, at, offset.get(), rows_of_dw, wide);
                }
        for (index_t r = 0; padded && r < w.k(); ++r)
            for (index_t j = 0; j < w.co; ++j) sum[r * s_.co + j] += sums[r * rows_of_dw.ld + j];
    }
    // Rows of dy of more than a panel's columns that are not packed: a panel at a time they would
    // be read in pieces of 64 bytes, in which the hardware sees no stream (measured with vectors of
    // 256 bits).
    static bool in_wide_tiles(const Window<T>& w) {
        const auto& kernel = kernels<GemmKernels, T>();
        return kernel.lanes * static_cast<index_t>(sizeof(T)) == 32 && w.co > kernel.nr &&
               w.co % kernel.lanes == 0 && w.k() < kRowsForPacking;
    }
    // In cycles a pixel and tap. Tiles of so few rows take the latency of a multiply-add, four, for
    // each step if not more, those of all taps what their multiply-adds take: half a cycle, one of
    // 512 bits on most processors. Copying a row of pixels takes six and 1.5 a vector, and
    // serves all rows of the kernel. SSE2 and NEON have as few rows anyway.
    static bool gathers_taps(const Window<T>& w, index_t rows) {
        const auto& kernel = tiles_for<T>(w.co);
        const auto item = static_cast<index_t>(sizeof(T));
        const index_t taps = w.taps[2], row = w.out[2], bytes = kernel.lanes * item;
        const index_t copied = rows_of_band(w, rows);
        if (w.c != 1 || w.taps[1] == 1 || w.step[2] > 1 || w.dilation[1] > 1) return false;
        if (bytes < 32 || copied * taps * row * item > kTapBytes) return false;
        const double multiply = bytes == 32 ? 0.5 : 1;
        double saved = 0;
        for (index_t j = 0; j < w.co; j += kernel.nr) {
            const double tile = w.co - j > kernel.lanes ? 2 * multiply : multiply;
            saved += std::max(4.0 / static_cast<double>(taps) - tile, 0.0);
        }
        const double copies = static_cast<double>(copied) / static_cast<double>(rows * w.taps[1]);
        return saved >
               copies * (6.0 / static_cast<double>(row) + 1.5 / static_cast<double>(kernel.lanes));
    }
    static index_t rows_of_pixels(const Window<T>& w, index_t pixels) {
        return std::min(band_rows(w, w.cg), (pixels + w.out[2] - 1) / w.out[2]);
    }
    // What so many rows of dy read.
    static index_t rows_of_band(const Window<T>& w, index_t rows) {
        return (rows - 1) * w.step[1] + w.taps[1];
    }
    // One channel, few taps a row: tiles of so few rows would wait for their own sums. The pixels
    // of each tap are put together, so that tiles are of all taps of a plane.
    void add_taps(const Window<T>& w, const T* image, index_t od, index_t oh, index_t rows,
                  const T* dy, index_t* offset, T* taps, Rows dw) const {
        const auto& kernel = tiles_for<T>(w.co);
        for (index_t r = 0; r < rows; ++r) offset[r] = r * w.step[1] * w.taps[2] * w.out[2];
        GemmTask<T> t = task_of(w, rows, dy);
        t.m = w.taps[1] * w.taps[2];
        t.offsets = offset;
        t.rsa = w.out[2];
        t.csa = 1;
        t.a = taps;
        t.ldc = dw.ld;
        for (index_t d = 0; d < w.taps[0]; ++d, dw.at += t.m * t.ldc) {
            gather_taps(w, image, od * w.step[0] + w.origin[0] + d * w.dilation[0],
                        oh * w.step[1] + w.origin[1], rows_of_band(w, rows), taps);
            for (index_t j = 0; j < dw.columns; j += kernel.nr) {
                t.n = std::min<index_t>(kernel.nr, dw.columns - j);
                t.b = dy + j;
                t.c = dw.at + j;
                kernel.panel(t, false);
            }
        }
    }
    // What the tiles of some rows of pixels have in common.
    GemmTask<T> task_of(const Window<T>& w, index_t rows, const T* dy) const {
        GemmTask<T> t{};
        t.k = w.out[2];
        t.segments = rows;
        t.b = dy;
        t.ldb = t.ldc = s_.co;
        t.alpha = t.beta = T(1);
        return t;
    }
    // The same where the pixels are read in place: a run of summands of the forward pass is a block
    // of rows of dw here.
    GemmTask<T> task_in_place(const Window<T>& w, const Band<T>& band, index_t rows, const T* dy,
                              index_t blocks, index_t* offset) const {
        for (index_t r = 0; r < rows; ++r) offset[r] = r * w.step[1] * band.row;
        GemmTask<T> t = task_of(w, rows, dy);
        t.m = w.k() / blocks;
        t.offsets = offset;
        t.rsa = 1;
        t.csa = w.step[2] * band.pixel;
        return t;
    }
    // The rows of pixels for which block i of rows of dw lies within the image: elsewhere are
    // zeros.
    static TapRange rows_within(const Window<T>& w, index_t od, index_t oh, index_t rows, index_t i,
                                index_t blocks) {
        const index_t tap = i * w.taps[0] * w.taps[1] / blocks;
        const index_t z = od * w.step[0] + w.origin[0] + tap / w.taps[1] * w.dilation[0];
        const index_t y = oh * w.step[1] + w.origin[1] + tap % w.taps[1] * w.dilation[1];
        return {y, z < 0 || z >= w.in[0] ? 0 : w.in[1], rows, w.step[1]};
    }
    // wide: in tiles of kRowsOfWide rows and all columns.
    void add_band(const Window<T>& w, const Band<T>& band, index_t od, index_t oh, index_t rows,
                  const T* dy, index_t* offset, const Rows& dw, bool wide) const {
        const auto& kernel = tiles_for<T>(w.co);
        const index_t blocks = segment_offsets(w, band, offset);
        GemmTask<T> t = task_in_place(w, band, rows, dy, blocks, offset + blocks);
        t.ldc = dw.ld;
        const index_t run = t.m, height = wide ? kRowsOfWide : run;
        const index_t pixels = rows * w.out[2], columns = wide ? w.co : kernel.nr;
        const bool packs = w.k() >= kRowsForPacking && w.co > kernel.lanes;
        const Scratch<T> packed(packs ? pixels * kernel.nr : 0);
        if (packs) t.ldb = kernel.nr;
        for (index_t j = 0; j < dw.columns; j += columns) {
            t.n = std::min<index_t>(columns, dw.columns - j);
            const T* b = dy + j;
            if (packs) {
                kernel.pack_b(pixels, t.n, dy + j, s_.co, packed.get());
                b = packed.get();
            }
            for (index_t i = 0; i < blocks; ++i) {
                const TapRange within = rows_within(w, od, oh, rows, i, blocks);
                t.segments = within.end - within.first;
                if (t.segments == 0) continue;
                t.offsets = offset + blocks + within.first;
                t.b = b + within.first * w.out[2] * t.ldb;
                for (index_t row = 0; row < run; row += height) {
                    t.m = std::min(height, run - row);
                    t.a = band.at + offset[i] + row;
                    t.c = dw.at + (i * run + row) * t.ldc + j;
                    if (wide)
                        kernel.skinny(t);
                    else
                        kernel.panel(t, packs);
                }
            }
        }
    }
    void add_depthwise(const Window<T>& w, index_t i0, index_t i1, const T* x, const T* dy,
                       T* sum) const {
        const auto& kernel = kernels<DepthwiseKernels, T>();
        DepthwiseRows<T> walk(w, 4096);  // it takes fewer pixels at a time
        const index_t rows = w.out[0] * w.out[1], row = w.out[2] * s_.co, end = i1 * rows;
        for (index_t r = i0 * rows, lines; r < end; r += lines) {
            lines = walk.alike(r % rows, row);
            walk.rows(x + r / rows * w.image(), r % rows, lines, x + i1 * w.image(),
                      [&](DepthwiseTask<T>& t, index_t ow, index_t tap) {
                          t.y = const_cast<T*>(dy) + r * row + ow * s_.co;
                          t.ldy = s_.co;
                          t.line_y = row;
                          const bool more = walk.fetches() && t.pixels > 1;
                          t.ahead_y = dy + (r + lines) * row;
                          t.ahead_y_size = more ? std::min(lines, end - r - lines) * row : 0;
                          kernel.weights(t, sum + tap * w.c);
                      });
        }
    }

    ConvShape s_;
    bool depthwise_;
    Window<T> w_{};
};

// One tap, no stride: x^T dy.
template <class T>
class PointwiseWeightSum final : public WeightSum<T> {
  public:
    explicit PointwiseWeightSum(const ConvShape& s) : s_(s) {}
    index_t size() const override { return s_.weights(); }
    void add(index_t i0, index_t i1, index_t, const T* x, const T* dy, bool first, bool, T*,
             T* sum) const override {
        const index_t p = i0 * s_.in_pixels(), rows = (i1 - i0) * s_.in_pixels();
        gemm<T>(Trans::yes, Trans::no, s_.c, s_.co, rows, T(1), x + p * s_.c, s_.c, dy + p * s_.co,
                s_.co, T(!first), sum, s_.co, {}, 0, s_.n * s_.in_pixels());
    }

  private:
    ConvShape s_;
};

}  // namespace

template <class T>
std::unique_ptr<WeightSum<T>> weight_sum(const ConvShape& s) {
    if (is_pointwise(s)) return std::make_unique<PointwiseWeightSum<T>>(s);
    if constexpr (std::is_same_v<T, float>)
        if (winograd_pays(s, false)) return winograd_weight_sum(s);
    return std::make_unique<WindowWeightSum<T>>(s);
}

template std::unique_ptr<WeightSum<float>> weight_sum(const ConvShape&);
template std::unique_ptr<WeightSum<double>> weight_sum(const ConvShape&);

}  // namespace ranvier
