// Parts of an image as the kernels read them: bands with zeros around, patches as rows of a matrix.
#include <algorithm>
#include <cstring>

#include "conv/window.hpp"

namespace ranvier {
namespace {

constexpr index_t kBandBytes = 96 * 1024;
constexpr index_t kPatchBytes = 1024 * 1024;

// The extent along axis i that `outputs` outputs read.
template <class T>
index_t reach(const Window<T>& w, int i, index_t outputs) {
    return (outputs - 1) * w.step[i] + (w.taps[i] - 1) * w.dilation[i] + 1;
}

// In steps of a size that the compiler knows; the last one ends with the run.
template <std::size_t kStep>
void copy_in_steps(const char* from, std::size_t n, char* to) {
    for (std::size_t i = 0;;) {
        std::memcpy(to + i, from + i, kStep);
        i += kStep;
        if (i + kStep <= n) continue;
        if (i >= n) return;
        i = n - kStep;
    }
}
// Mostly a few pixels: a call of memcpy takes longer.
template <class T>
void copy(const T* from, index_t n, T* to) {
    const std::size_t bytes = static_cast<std::size_t>(n) * sizeof(T);
    if (bytes > 512)
        std::memcpy(to, from, bytes);
    else if (bytes >= 64)
        copy_in_steps<64>(reinterpret_cast<const char*>(from), bytes, reinterpret_cast<char*>(to));
    else if (bytes >= 16)
        copy_in_steps<16>(reinterpret_cast<const char*>(from), bytes, reinterpret_cast<char*>(to));
    else
        for (index_t i = 0; i < n; ++i) to[i] = from[i];
}
template <class T>
void zero(index_t n, T* to) {
    if (n > 0) std::memset(to, 0, static_cast<std::size_t>(n) * sizeof(T));
}

// Channels first..first + n of `count` pixels of a row from pixel x0 on, every `step`-th, zeros
// where the row has none.
template <class T>
void copy_pixels(const Window<T>& w, const T* row, index_t first, index_t n, index_t x0,
                 index_t step, index_t count, T* to) {
    const index_t lack = std::clamp<index_t>((-x0 + step - 1) / step, 0, count);
    index_t end = x0 >= w.in[2] ? 0 : (w.in[2] - x0 + step - 1) / step;
    end = std::clamp<index_t>(end, lack, count);
    zero(lack * n, to);
    zero((count - end) * n, to + end * n);
    row += first;
    if (step == 1 && n == w.c) return copy(row + (x0 + lack) * n, (end - lack) * n, to + lack * n);
    for (index_t i = lack; i < end; ++i) copy(row + (x0 + i * step) * w.c, n, to + i * n);
}

template <class T>
index_t tap_offsets(const Window<T>& w, const Band<T>& band, index_t* offset) {
    index_t n = 0;
    for (index_t d = 0; d < w.taps[0]; ++d)
        for (index_t h = 0; h < w.taps[1]; ++h)
            for (index_t x = 0; x < w.taps[2]; ++x)
                offset[n++] =
                    d * band.plane + h * w.dilation[1] * band.row + x * w.dilation[2] * band.pixel;
    return n;
}

}  // namespace

template <class T>
index_t band_size(const Window<T>& w, index_t channels, index_t rows) {
    return w.taps[0] * reach(w, 1, rows) * reach(w, 2, w.out[2]) * channels;
}

template <class T>
index_t band_rows(const Window<T>& w, index_t channels) {
    const index_t row = band_size(w, channels, index_t{1}) / reach(w, 1, index_t{1}) *
                        static_cast<index_t>(sizeof(T));
    const index_t extra = (w.taps[1] - 1) * w.dilation[1];
    const index_t rows = (kBandBytes / row - extra) / w.step[1];
    return std::clamp<index_t>(rows, std::min<index_t>(4, w.out[1]), w.out[1]);
}

template <class T>
Band<T> make_band(const Window<T>& w, index_t first, index_t channels, const T* image, index_t od,
                  index_t oh0, index_t oh1, T* room) {
    index_t lo[3] = {od, oh0, 0}, n[3] = {1, oh1 - oh0, w.out[2]};
    bool inside = true;
    for (int i = 0; i < 3; ++i) {
        lo[i] = lo[i] * w.step[i] + w.origin[i];
        n[i] = reach(w, i, n[i]);
        inside = inside && lo[i] >= 0 && lo[i] + n[i] <= w.in[i];
    }
    const index_t row = w.in[2] * w.c, plane = w.in[1] * row;
    if (inside)
        return {image + lo[0] * plane + lo[1] * row + lo[2] * w.c + first, plane * w.dilation[0],
                row, w.c};
    const index_t width = n[2] * channels;
    for (index_t d = 0; d < w.taps[0]; ++d)
        for (index_t h = 0; h < n[1]; ++h) {
            T* to = room + (d * n[1] + h) * width;
            const index_t z = lo[0] + d * w.dilation[0], y = lo[1] + h;
            if (z < 0 || z >= w.in[0] || y < 0 || y >= w.in[1])
                zero(width, to);
            else
                copy_pixels(w, image + z * plane + y * row, first, channels, lo[2], index_t{1},
                            n[2], to);
        }
    return {room, n[1] * width, width, channels};
}

template <class T>
index_t segment_offsets(const Window<T>& w, const Band<T>& band, index_t* offset) {
    if (w.taps[2] > 1 && (w.dilation[2] > 1 || band.pixel != w.cg))
        return tap_offsets(w, band, offset);
    index_t n = 0;
    for (index_t d = 0; d < w.taps[0]; ++d)
        for (index_t h = 0; h < w.taps[1]; ++h)
            offset[n++] = d * band.plane + h * w.dilation[1] * band.row;
    return n;
}

template <class T>
void gather_taps(const Window<T>& w, const T* image, index_t z, index_t y, index_t rows, T* out) {
    const index_t n = w.out[2];
    zero(rows * w.taps[2] * n, out);
    if (z < 0 || z >= w.in[0]) return;
    const T* row = image + (z * w.in[1] + y) * w.in[2];
    for (const index_t end = std::min(y + rows, w.in[1]); y < end; ++y, row += w.in[2]) {
        T* to = out;
        out += w.taps[2] * n;
        index_t x = w.origin[2];
        for (index_t tap = y < 0 ? w.taps[2] : 0; tap < w.taps[2]; ++tap, to += n) {
            const index_t first = std::max<index_t>(0, -x), last = std::min(n, w.in[2] - x);
            if (first < last) copy(row + x + first, last - first, to + first);
            x += w.dilation[2];
        }
    }
}

template <class T>
index_t patch_rows(const Window<T>& w) {
    const index_t rows = kPatchBytes / (w.k() * static_cast<index_t>(sizeof(T)));
    return std::clamp<index_t>(rows, 512, 4096);
}

constexpr index_t kShortRow = 5;
// The tiles read the whole matrix for each band: where so much of it serves a pixel, patches of
// many bands are better.
constexpr index_t kMatrixOfPixel = 128 * 1024;

// In sixths of cycles a pixel: tiles of one vector take four for each summand, however few columns
// there are; dot products three for each vector of summands, and end with sums over lanes.
template <class T>
WindowWay window_way(const Window<T>& w) {
    if (w.out[2] < kShortRow) return WindowWay::patches;
    const index_t lanes = kernels<GemmKernels, T>().lanes;
    const index_t pixels = band_rows(w, w.c) * w.out[2];
    if (w.k() * w.co * static_cast<index_t>(sizeof(T)) > kMatrixOfPixel * pixels)
        return WindowWay::patches;
    if (w.co >= lanes) return WindowWay::tiles;
    const index_t run = w.dilation[2] == 1 && w.cg == w.c ? w.taps[2] * w.cg : w.cg;
    const index_t vectors = w.k() / run * ((run + lanes - 1) / lanes);
    return 3 * w.co * (vectors + 16) < 4 * w.k() ? WindowWay::dots : WindowWay::tiles;
}

// In cycles a pixel: the tiles take one for each summand and vector of columns, however few there
// are; patches are copied, run by run, and their dot products end with sums over lanes.
template <class T>
bool gradient_prefers_patches(const Window<T>& w) {
    if (w.out[2] < kShortRow) return true;
    const index_t lanes = kernels<GemmKernels, T>().lanes, k = w.k();
    const index_t runs = w.taps[0] * w.taps[1] * (w.dilation[2] > 1 ? w.taps[2] : 1);
    const index_t tiles = k * ((w.co + lanes - 1) / lanes);
    return w.co * (k / lanes + 8) + 2 * k / lanes + 12 * runs < tiles;
}

template <class T>
void gather_patches(const Window<T>& w, index_t g, const T* x, index_t p0, index_t p1, T* out) {
    const index_t row = w.in[2] * w.c, plane = w.in[1] * row, pixels = w.out_pixels();
    const index_t run = w.taps[2] * w.cg;
    for (index_t p = p0; p < p1; ++p) {
        const T* image = x + p / pixels * w.image();
        const index_t at = p % pixels, ow = at % w.out[2], oh = at / w.out[2] % w.out[1];
        const index_t z0 = at / w.out[2] / w.out[1] * w.step[0] + w.origin[0];
        const index_t y0 = oh * w.step[1] + w.origin[1], x0 = ow * w.step[2] + w.origin[2];
        for (index_t d = 0; d < w.taps[0]; ++d)
            for (index_t h = 0; h < w.taps[1]; ++h, out += run) {
                const index_t z = z0 + d * w.dilation[0], y = y0 + h * w.dilation[1];
                if (z < 0 || z >= w.in[0] || y < 0 || y >= w.in[1])
                    zero(run, out);
                else
                    copy_pixels(w, image + z * plane + y * row, g * w.cg, w.cg, x0, w.dilation[2],
                                w.taps[2], out);
            }
    }
}

#define RV_INSTANTIATE(T)                                                                      \
    template index_t band_size(const Window<T>&, index_t, index_t);                            \
    template index_t band_rows(const Window<T>&, index_t);                                     \
    template Band<T> make_band(const Window<T>&, index_t, index_t, const T*, index_t, index_t, \
                               index_t, T*);                                                   \
    template index_t tap_offsets(const Window<T>&, const Band<T>&, index_t*);                  \
    template index_t segment_offsets(const Window<T>&, const Band<T>&, index_t*);              \
    template void gather_taps(const Window<T>&, const T*, index_t, index_t, index_t, T*);      \
    template index_t patch_rows(const Window<T>&);                                             \
    template WindowWay window_way(const Window<T>&);                                           \
    template bool gradient_prefers_patches(const Window<T>&);                                  \
    template void gather_patches(const Window<T>&, index_t, const T*, index_t, index_t, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
