// Windows times a matrix, in each of the ways of window.hpp.
#include "conv/window.hpp"

#include <algorithm>

#include "conv/depthwise.hpp"
#include "gemm/ahead.hpp"
#include "ranvier/gemm.hpp"

namespace ranvier {
namespace {

// Matrices of all columns that take so little stay in L1: then all columns of a row of pixels are
// written before the next row, one line of y after the other.
constexpr index_t kNearMatrices = 16 * 1024;
// With so few summands a tile's rows of y would be fetched too late: it fetches those of a tile so
// many pixels further. Measured with vectors of 256 bits, the others fetch in steps.
constexpr index_t kShortSums = 32, kPixelsAhead = 24;

// With a stride a tile reads now this pixel and now that one, in which the hardware sees no stream.
// Measured with floats where L2 is small. Pixels that no window has are not fetched.
template <class T>
bool fetches_band(const WindowRun<T>& run) {
    const Window<T>& w = run.w;
    return sizeof(T) == 4 && small_l2() && fetches_streams() && run.way == WindowWay::tiles &&
           w.k() > kShortSums && w.in[0] == 1 && w.step[1] * w.step[2] > 1 &&
           w.taps[1] >= w.step[1] && w.taps[2] >= w.step[2] &&
           w.images * w.image() * static_cast<index_t>(sizeof(T)) >= near_bytes();
}

// Output rows of plane `od` from `oh` on. `next`: so many elements from there on are fetched.
template <class T>
void run_band(const WindowRun<T>& run, const Band<T>& band, index_t od, index_t oh, index_t rows,
              const T* next, index_t size, index_t* offset, T* y) {
    const Window<T>& w = run.w;
    const bool dots = run.way == WindowWay::dots;
    const auto& kernel = dots ? kernels<GemmKernels, T>() : tiles_for<T>(w.co);
    const index_t k = w.k(), columns = dots ? w.co : kernel.nr;
    GemmTask<T> t{};
    t.m = w.out[2];
    const index_t segments = segment_offsets(w, band, offset);
    t.k = k / segments;
    t.rsa = w.step[2] * band.pixel;
    t.csa = 1;
    t.ldb = dots ? k : kernel.nr;
    t.alpha = T(1);
    t.ldc = w.to[2];
    t.relu = w.relu;
    t.slope = w.slope;
    const auto item = static_cast<index_t>(sizeof(T));
    if (k <= kShortSums && kernel.lanes * item == 32 && w.co >= columns)
        t.c_ahead = kPixelsAhead * w.to[2];
    const Ahead<T> ahead(rows * w.groups * ((w.co + columns - 1) / columns), next, size);
    index_t call = 0;
    // Of the first axis along which there are several taps those outside of the image, zeros all,
    // are left out.
    const int axis = w.taps[0] > 1 ? 0 : 1;
    const index_t of_tap = segments / w.taps[axis];
    const bool near = w.groups * run.packed_group * item <= kNearMatrices;
    for (index_t r0 = 0, r1; r0 < rows; r0 = r1) {
        r1 = near ? r0 + 1 : rows;
        for (index_t g = 0; g < w.groups; ++g)
            for (index_t j = 0; j < w.co; j += columns) {
                const index_t at = g * w.co + j;
                t.n = std::min(columns, w.co - j);
                const T* b = run.packed + g * run.packed_group + j * k;
                t.bias = w.bias ? w.bias + at : nullptr;
                for (index_t r = r0; r < r1; ++r) {
                    const TapRange taps((axis == 0 ? od : oh + r) * w.step[axis] + w.origin[axis],
                                        w.in[axis], w.taps[axis], w.dilation[axis]);
                    const index_t first = std::min(taps.first, w.taps[axis] - 1) * of_tap;
                    t.segments = std::max(taps.end * of_tap - first, of_tap);
                    t.offsets = offset + first;
                    t.b = b + first * t.k * (dots ? 1 : kernel.nr);
                    t.a = band.at + r * w.step[1] * band.row + g * w.cg;
                    t.c = y + r * w.to[1] + at;
                    ahead.share(call++, t);
                    if (dots)
                        kernel.dots(t);
                    else
                        kernel.panel(t, true);
                }
            }
    }
}

template <class T>
void run_depthwise(const Window<T>& w, index_t r0, index_t r1, const T* x, T* y, index_t y_image) {
    const auto& kernel = kernels<DepthwiseKernels, T>();
    DepthwiseRows<T> walk(w, 1024);
    const index_t rows = w.out[0] * w.out[1];
    const T* end = x + ((r1 - 1) / rows + 1) * w.image();
    const auto row = [&](index_t r) {
        return y + r / rows * y_image + r % rows / w.out[1] * w.to[0] + r % w.out[1] * w.to[1];
    };
    for (index_t r = r0, lines; r < r1; r += lines) {
        lines = std::min(walk.alike(r % rows, w.out[2] * w.to[2]), r1 - r);
        walk.rows(x + r / rows * w.image(), r % rows, lines, end,
                  [&](DepthwiseTask<T>& t, index_t ow, index_t tap) {
                      t.fetches = walk.fetches();
                      t.w = w.b + tap * w.c;
                      t.y = row(r) + ow * w.to[2];
                      t.ldy = w.to[2];
                      t.line_y = w.to[1];
                      const bool more = walk.fetches() && t.pixels > 1 && r + lines < r1;
                      t.ahead_y = more ? row(r + lines) : t.y;
                      t.ahead_y_size = more ? w.out[2] * w.to[2] : 0;
                      t.bias = w.bias;
                      t.relu = w.relu;
                      t.slope = w.slope;
                      kernel.forward(t);
                  });
    }
}

template <class T>
void run_bands(const WindowRun<T>& run, index_t r0, index_t r1, const T* x, T* y, index_t y_image) {
    const Window<T>& w = run.w;
    const index_t most = band_rows(w, w.c);
    const Scratch<T> room(band_size(w, w.c, most));
    const Scratch<index_t> offset(w.taps[0] * w.taps[1] * w.taps[2]);
    const bool fetches = fetches_band(run);
    const index_t reach = (w.taps[1] - 1) * w.dilation[1] + 1;
    const T* end = x + ((r1 - 1) / run.rows_of_image() + 1) * w.image();
    for (index_t r = r0, rows; r < r1; r += rows) {
        const index_t image = r / run.rows_of_image(), at = r % run.rows_of_image();
        const index_t od = at / w.out[1], oh = at % w.out[1];
        rows = std::min({most, w.out[1] - oh, r1 - r});
        const Band<T> band =
            make_band(w, index_t{0}, w.c, x + image * w.image(), od, oh, oh + rows, room.get());
        T* to = y + image * y_image + od * w.to[0] + oh * w.to[1];
        // Behind the last row that has been read, or the next image.
        const index_t read = (oh + rows - 1) * w.step[1] + w.origin[1] + reach;
        const bool last = oh + rows == w.out[1];
        const T* next = x + (image + last) * w.image() +
                        (last ? 0 : std::clamp<index_t>(read, 0, w.in[1])) * w.in[2] * w.c;
        const index_t size = std::min<index_t>(most * w.step[1] * w.in[2] * w.c, end - next);
        run_band(run, band, od, oh, rows, next, fetches ? size : 0, offset.get(), to);
    }
}

// Rows of a group's patches times its matrix, then to where they belong.
template <class T>
void run_patches(const WindowRun<T>& run, index_t g, index_t r0, index_t r1, const T* x, T* y,
                 index_t y_image) {
    const Window<T>& w = run.w;
    const index_t k = w.k(), pixels = w.out_pixels(), end = r1 * w.out[2];
    const index_t most = std::min(patch_rows(w), end - r0 * w.out[2]);
    const bool dense = w.to[2] * w.out[2] == w.to[1] && w.to[1] * w.out[1] == w.to[0] &&
                       w.to[0] * w.out[0] == y_image;
    const Scratch<T> patches(most * k);
    const Scratch<T> product(dense ? 0 : most * w.co);
    Epilogue<T> e;
    e.bias = w.bias ? w.bias + g * w.co : nullptr;
    y += g * w.co;
    if (w.relu) {
        e.act = Act::relu;
        e.params = {static_cast<double>(w.slope), __builtin_inf(), 0.0};
    }
    for (index_t p = r0 * w.out[2]; p < end; p += most) {
        const index_t rows = std::min(most, end - p);
        gather_patches(w, g, x, p, p + rows, patches.get());
        T* to = dense ? y + p * w.to[2] : product.get();
        gemm<T>(Trans::no, Trans::no, rows, w.co, k, T(1), patches.get(), k, w.b + g * w.b_group,
                w.ldb, T(0), to, dense ? w.to[2] : w.co, e, w.images * pixels);
        for (index_t i = 0; !dense && i < rows; ++i) {
            const index_t at = (p + i) % pixels, row = at / w.out[2];
            std::copy_n(to + i * w.co, w.co,
                        y + (p + i) / pixels * y_image + row / w.out[1] * w.to[0] +
                            row % w.out[1] * w.to[1] + at % w.out[2] * w.to[2]);
        }
    }
}

}  // namespace

TapRange::TapRange(index_t at, index_t extent, index_t taps, index_t dilation)
    : first(0), end(taps) {
    if (at >= 0 && at + (taps - 1) * dilation < extent) return;  // most: without a division
    first = std::min(at < 0 ? (-at + dilation - 1) / dilation : 0, taps);
    end = std::clamp<index_t>(at < extent ? (extent - 1 - at) / dilation + 1 : 0, first, taps);
}

template <class T>
index_t WindowRun<T>::packed_size(const Window<T>& w) {
    const WindowWay way = window_way(w);
    if (w.depthwise || way == WindowWay::patches) return 0;
    const index_t nr = way == WindowWay::dots ? 1 : tiles_for<T>(w.co).nr;
    return w.groups * ((w.co + nr - 1) / nr * nr * w.k());
}

template <class T>
WindowRun<T>::WindowRun(const Window<T>& window, T* room) : w(window), way(window_way(window)) {
    if (w.depthwise || way == WindowWay::patches) return;
    const auto& kernel = tiles_for<T>(w.co);
    const index_t k = w.k();
    packed = room;
    packed_group = packed_size(w) / w.groups;
    for (index_t g = 0; g < w.groups; ++g, room += packed_group) {
        const T* b = w.b + g * w.b_group;
        if (way == WindowWay::dots)
            for (index_t j = 0; j < w.co; ++j)
                for (index_t p = 0; p < k; ++p) room[j * k + p] = b[p * w.ldb + j];
        else
            for (index_t j = 0; j < w.co; j += kernel.nr)
                kernel.pack_b(k, std::min<index_t>(kernel.nr, w.co - j), b + j, w.ldb,
                              room + j * k);
    }
}

template <class T>
void WindowRun<T>::run(index_t r0, index_t r1, const T* x, T* y, index_t y_image) const {
    if (r0 >= r1) return;
    if (w.depthwise)
        run_depthwise(w, r0, r1, x, y, y_image);
    else if (way == WindowWay::patches)
        for (index_t g = 0; g < w.groups; ++g) run_patches(*this, g, r0, r1, x, y, y_image);
    else
        run_bands(*this, r0, r1, x, y, y_image);
}

template struct WindowRun<float>;
template struct WindowRun<double>;

}  // namespace ranvier
