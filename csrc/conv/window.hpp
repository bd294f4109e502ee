// What the forward pass and the gradient of the input have in common: every output pixel is the
// product of a window of one image with a matrix. conv.cpp makes windows of a ConvShape.
#pragma once

#include "kernels/gemm.hpp"
#include "ranvier/conv.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier {

// ReLU as the register kernels apply it.
inline bool relu_in_kernel(Act act, const ActParams& p) {
    return act == Act::relu && p.c == 0.0 && p.b > 1e300;
}

// Less than this stays near (measured with 512 KiB and 1 MiB of L2).
inline index_t near_bytes() { return (small_l2() ? 2 : 8) * index_t{1024 * 1024}; }

// Output pixel o reads, for tap t, pixel o * step + t * dilation + origin of the image along each
// axis (outside of it: zero), in each of `groups` groups of `cg` channels.
template <class T>
struct Window {
    index_t images;  // of the whole problem
    index_t in[3], c, groups, cg;
    index_t taps[3], step[3], dilation[3], origin[3];
    index_t out[3];
    index_t to[3];  // output pixel o lies at y + sum of o[i] * to[i]
    index_t co;     // of a group; so is b, the next group's `b_group` further
    const T* b;     // [taps, cg, co], row stride ldb
    index_t ldb, b_group;
    const T* bias = nullptr;
    bool relu = false;
    T slope = T(0);
    bool depthwise = false;  // b is [taps, cg]: every channel by itself, co = cg

    index_t tap_count() const { return taps[0] * taps[1] * taps[2]; }
    index_t k() const { return tap_count() * cg; }
    index_t out_pixels() const { return out[0] * out[1] * out[2]; }
    index_t image() const { return in[0] * in[1] * in[2] * c; }
};

// The taps [first, end) of an axis that lie within the image, for an output whose first is at `at`.
struct TapRange {
    TapRange(index_t at, index_t extent, index_t taps, index_t dilation);
    index_t first, end;
};

// The tiles for so many columns: none that keep half of a vector of 512 bits idle.
template <class T>
const GemmKernels<T>& tiles_for(index_t columns) {
#if RV_X86
    const GemmKernels<T>& narrow = *KernelTables<GemmKernels, T>::list[static_cast<int>(Isa::avx2)];
    if (isa_in_use() == Isa::avx512 && columns <= narrow.lanes) return narrow;
#endif
    return kernels<GemmKernels, T>();
}

// How the product is made: by the register tiles or, for few columns, by dot products, both of
// which read the pixels where they lie; or of patches gathered for it, where rows are too short for
// that.
enum class WindowWay { tiles, dots, patches };
template <class T>
WindowWay window_way(const Window<T>& w);

// A window with its matrix as the kernels read it.
template <class T>
struct WindowRun {
    Window<T> w;
    const T* packed = nullptr;
    index_t packed_group = 0;
    WindowWay way = WindowWay::tiles;

    WindowRun() = default;
    // `room`: packed_size() elements that outlive this.
    WindowRun(const Window<T>& window, T* room);
    static index_t packed_size(const Window<T>& window);

    index_t rows_of_image() const { return w.out[0] * w.out[1]; }
    // Rows r0..r1 of the output, counted over images and their first two axes: image i is at
    // x + i * w.image(), its output at y + i * y_image.
    void run(index_t r0, index_t r1, const T* x, T* y, index_t y_image) const;
};

// A block of one image's rows with zeros around, or the image itself where nothing is missing.
template <class T>
struct Band {
    const T* at;  // pixel (0, 0, 0) of the first output row's window
    index_t plane, row, pixel;
};
// The window of output plane `od`, rows oh0..oh1, of `channels` channels from `first` on. `room`
// holds band_size() elements.
template <class T>
index_t band_size(const Window<T>& w, index_t channels, index_t rows);
template <class T>
Band<T> make_band(const Window<T>& w, index_t first, index_t channels, const T* image, index_t od,
                  index_t oh0, index_t oh1, T* room);
// How many output rows a band is made for at a time.
template <class T>
index_t band_rows(const Window<T>& w, index_t channels);

// Where each run of contiguous summands of a group's window begins; how many there are.
template <class T>
index_t segment_offsets(const Window<T>& w, const Band<T>& band, index_t* offset);

// What each tap along a row reads, without stride, of `rows` rows from (z, y) on of an image of one
// channel: [rows, taps[2], out[2]], zeros outside.
template <class T>
void gather_taps(const Window<T>& w, const T* image, index_t z, index_t y, index_t rows, T* out);

// Group g's part of output pixels p0..p1, counted over images, as rows of a matrix [p1 - p0,
// w.k()].
template <class T>
void gather_patches(const Window<T>& w, index_t g, const T* x, index_t p0, index_t p1, T* out);
// How many at a time.
template <class T>
index_t patch_rows(const Window<T>& w);
// Too few columns or too short rows for the gradient's tiles to read pixels where they lie?
template <class T>
bool gradient_prefers_patches(const Window<T>& w);

}  // namespace ranvier
