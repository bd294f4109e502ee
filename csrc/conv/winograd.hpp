// What Winograd's algorithms for the forward pass and for the gradient of the weights have in
// common: tiles of pixels, and planes of them transformed to points.
#pragma once

#include <algorithm>

#include "conv/map.hpp"
#include "gemm/ahead.hpp"
#include "kernels/gemm.hpp"
#include "kernels/winograd.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier::winograd {

inline constexpr index_t kPoints = 36;
// A plane's stride keeps off powers of two, which would fall into one set of the cache.
template <class T>
inline constexpr index_t kPad = 64 / static_cast<index_t>(sizeof(T));
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

// A convolution, or its transpose, by tiles of 6 x 6 pixels, counted over images; how many of them
// are worked on at a time. With a stride what is read is as many pictures as there are remainders,
// whose channels are summed, too; of the transpose what is written is. With dilation an image is as
// many images as there are remainders, interleaved.
template <class T>
struct Tiling {
    Winograd form = Winograd::f4x4_3x3;
    index_t taps = 0, side = 0;      // along an axis
    index_t reads = 1, writes = 1;   // remainders
    index_t c, co, cg, cog, groups;  // channels of a picture that is read, written; of a group
    index_t kernel_width;
    index_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, dilation[3] = {1, 1, 1};
    index_t step[3] = {1, 1, 1}, to_step[3] = {1, 1, 1};  // of a position, in what is read, written
    index_t origin[3];                                    // the window of position 0
    index_t of_kernel[3][2][5];  // the kernel's tap that a remainder's tap is, or -1
    index_t height, width, of_image, block;
    bool far;  // is what is read and written to be fetched ahead? Not with dilation: it does not
               // lie in order

    Tiling(const ConvShape& s, bool transposed)
        : c(transposed ? s.co : s.c), co(transposed ? s.c : s.co), groups(s.groups) {
        cg = c / groups;
        cog = co / groups;
        kernel_width = s.kernel[2];
        for (int i = 1; i < 3; ++i) {
            in[i] = transposed ? s.out[i] : s.in[i];
            out[i] = transposed ? s.in[i] : s.out[i];
            dilation[i] = s.dilation[i];
            (transposed ? to_step : step)[i] = s.stride[i];
            (transposed ? writes : reads) *= s.stride[i];
            taps = std::max(taps, transposed ? find_transposed(s, i) : find(s, i));
        }
        form =
            taps == 2 ? Winograd::f5x5_2x2 : (taps == 3 ? Winograd::f4x4_3x3 : Winograd::f2x2_5x5);
        side = winograd_outputs(form);
        height = tiles(1);
        width = tiles(2);
        of_image = dilation[1] * dilation[2] * height * width;
        const auto& kernel = kernels<GemmKernels, T>();
        const index_t l2 = kernel.lanes * static_cast<index_t>(sizeof(T)) == 64 ? 640 : 176;
        const index_t k = reads * c, n = writes * co;
        const index_t tile = kPoints * (k + n) * static_cast<index_t>(sizeof(T));
        // At least so many that the weights, which all of a block uses, are not most of what moves.
        const index_t least = k * n / groups / (k + n) / 2;
        block = std::clamp<index_t>(std::max(l2 * 1024 / tile, least) / kernel.mr * kernel.mr,
                                    kernel.mr, 8 * kernel.mr);
        block = std::min(block, s.n * of_image);
        const index_t moved = s.n * (s.in_pixels() * s.c + s.out_pixels() * s.co);
        far = dilation[1] * dilation[2] == 1 &&
              moved * static_cast<index_t>(sizeof(T)) > near_bytes();
    }
    // Of remainder i along an axis, for those of what is read and those of what is written.
    index_t row(index_t i) const { return i / (step[2] * to_step[2]); }
    index_t column(index_t i) const { return i % (step[2] * to_step[2]); }

    // Where what tiles from `tile` on read, and tiles before it do not, begins, and what they
    // write. With dilation it is not one after the other.
    index_t read_from(index_t tile) const {
        const index_t shared = std::max<index_t>(0, (6 - side) * step[1] + origin[1]);
        return place(tile, in, step[1], shared) * c;
    }
    index_t written_from(index_t tile) const { return place(tile, out, to_step[1], 0) * co; }

  private:
    // y[o] = sum of x[o * stride + stride * u + r - pad] w[stride * u + r]
    index_t find(const ConvShape& s, int axis) {
        const index_t k = s.kernel[axis], stride = s.stride[axis], n = (k + stride - 1) / stride;
        origin[axis] = -s.pad[axis];
        for (index_t r = 0; r < stride; ++r)
            for (index_t u = 0; u < 5; ++u)
                of_kernel[axis][r][u] = stride * u + r < k ? stride * u + r : -1;
        return n;
    }
    // x[p * stride + e] = sum of y[p + shift - v] w[stride * v + r], stride * shift + r = e + pad
    index_t find_transposed(const ConvShape& s, int axis) {
        const index_t k = s.kernel[axis], stride = s.stride[axis],
                      pad = stride > 1 ? s.pad[axis] : 0;
        index_t first = 0, last = 0;
        for (index_t e = 0; e < stride; ++e) {
            const index_t r = (e + pad) % stride, shift = (e + pad) / stride;
            const index_t from = shift - (k - r - 1) / stride;
            first = e == 0 ? from : std::min(first, from);
            last = e == 0 ? shift : std::max(last, shift);
        }
        for (index_t e = 0; e < stride; ++e)
            for (index_t u = 0; u < 5; ++u) {
                const index_t v = (e + pad) / stride - first - u,
                              tap = stride * v + (e + pad) % stride;
                of_kernel[axis][e][u] = v >= 0 && tap < k ? tap : -1;
            }
        origin[axis] = stride > 1 ? first : s.pad[axis] - (k - 1) * s.dilation[axis];
        return last - first + 1;
    }
    index_t place(index_t tile, const index_t (&extent)[3], index_t apart, index_t shared) const {
        const index_t row = tile % of_image / width;
        const index_t at = row > 0 ? std::min(row * side * apart + shared, extent[1]) : 0;
        return (tile / of_image * extent[1] + at) * extent[2];
    }
    index_t tiles(int axis) const {
        const index_t positions = (out[axis] + to_step[axis] - 1) / to_step[axis];
        return ((positions + dilation[axis] - 1) / dilation[axis] + side - 1) / side;
    }
};

// Position of a tile's first output along each axis; the next ones are `dilation` apart.
struct Tile {
    index_t image, at[3];
};
template <class T>
Tile tile_at(const Tiling<T>& t, index_t index) {
    Tile tile;
    tile.image = index / t.of_image;
    index_t at = index % t.of_image;
    const index_t column = at % t.width;
    at /= t.width;
    const index_t row = at % t.height, phase = at / t.height;
    tile.at[1] = phase / t.dilation[2] + row * t.side * t.dilation[1];
    tile.at[2] = phase % t.dilation[2] + column * t.side * t.dilation[2];
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
    // Pixels of 512 bytes and more, a power of two apart or nearly so, are transformed sooner from
    // a copy (measured: 1 to 4 % of the convolution).
    const bool far = c * static_cast<index_t>(sizeof(T)) >= 512;
    if (!far && y0 >= 0 && x0 >= 0 && y0 + (size - 1) * dy < extent[1] &&
        x0 + (size - 1) * dx < extent[2])
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
void transform_input(const Tiling<T>& t, index_t t0, index_t t1, const T* x, const Planes<T>& v) {
    const index_t image = t.in[1] * t.in[2] * t.c;
    const index_t apart[3] = {1, t.step[1] * t.dilation[1], t.step[2] * t.dilation[2]};
    index_t first[4][2];
    for (index_t r = 0; r < t.reads; ++r) {
        first[r][0] = t.origin[1] + t.row(r);
        first[r][1] = t.origin[2] + t.column(r);
    }
    over_tiles<T>(t1 - t0, t.reads * t.c, [&](index_t i, T* room) {
        const Tile tile = tile_at(t, t0 + i);
        const T* from = x + tile.image * image;
        for (index_t r = 0; r < t.reads; ++r) {
            const Pixels<T> p = pixels(from, t.in, t.c, apart, tile.at[1] * t.step[1] + first[r][0],
                                       tile.at[2] * t.step[2] + first[r][1], index_t{6}, room);
            kernels<WinogradKernels, T>().input(t.c, p.at, p.row, p.pixel, v.at(0, i) + r * t.c,
                                                v.plane);
        }
    });
}

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

}  // namespace ranvier::winograd
