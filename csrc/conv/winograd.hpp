// What Winograd's algorithms for the forward pass and for the gradient of the weights have in
// common: tiles of pixels, and planes of them transformed to points.
#pragma once

#include <algorithm>

#include "conv/map.hpp"
#include "kernels/gemm.hpp"
#include "kernels/winograd.hpp"

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
