// Images: affine sampling, resizing and cropping, flips, contrast and brightness.
//
// All functions take a batch of images either way round: NHWC is n images of one plane with c
// interleaved channels, NCHW is n images of C planes with one channel each. Input and output are
// dense and must not overlap, except where said. Backward passes overwrite dx.
#pragma once

#include "ranvier/types.hpp"

namespace ranvier {

struct ImageShape {
    index_t n = 0;       // images
    index_t planes = 1;  // of each image
    index_t h = 0, w = 0;
    index_t c = 1;  // interleaved channels

    index_t plane() const { return h * w * c; }
    index_t elements() const { return n * planes * plane(); }
};
// Sides longer than this are refused by image_shape: the kernels count pixels in 32 bits.
inline constexpr index_t kMaxImageSide = index_t{1} << 29;
// Of a batch (N, H, W, C), or (N, C, H, W). std::invalid_argument unless it has four axes.
ImageShape image_shape(const Shape& batch, bool channels_first);
Shape batch_shape(const ImageShape& s, bool channels_first);

enum class Interpolation : int { nearest, bilinear, bicubic, lanczos3, lanczos5 };
// What lies outside of an image: a constant, or for pixels a b c d
//   nearest a a a|a b c d|d d d    wrap b c d|a b c d|a b c
//   mirror  d c b|a b c d|c b a    reflect c b a|a b c d|d c b
enum class FillMode : int { constant, nearest, wrap, mirror, reflect };

// y at (row i, column j) = x at (b0 j + b1 i + b2, a0 j + a1 i + a2), interpolated.
// transforms [n, 8]: a0 a1 a2 b0 b1 b2 and two numbers that must be 0 (no perspective).
// Interpolation: nearest (halves away from zero) or bilinear.
struct AffineSpec {
    Interpolation interpolation = Interpolation::bilinear;
    FillMode fill = FillMode::reflect;
    double fill_value = 0;
};
template <class T>
void affine_transform(const ImageShape& s, const double* transforms, const AffineSpec& spec,
                      const T* x, T* y);
template <class T>
void affine_transform_backward(const ImageShape& s, const double* transforms,
                               const AffineSpec& spec, const T* dy, T* dx);

enum class Aspect : int { stretch, crop, pad };
struct ResizeSpec {
    Interpolation interpolation = Interpolation::bilinear;
    bool antialias = false;
    Aspect aspect = Aspect::stretch;
    double fill_value = 0;
};
// What is resized: a window of the image, or the image (the window then) inside a wider frame of
// `full_h` x `full_w` pixels, `pad_y` and `pad_x` from its edges, the rest of it the fill value.
struct Frame {
    index_t y = 0, x = 0, h = 0, w = 0;
    index_t pad_y = 0, pad_x = 0;
    index_t full_h = 0, full_w = 0;
};
Frame window(index_t y, index_t x, index_t h, index_t w);
// Keras' choice: everything, or the greatest window of the output's aspect ratio, or the image
// padded to that ratio.
Frame frame_of(Aspect aspect, index_t h, index_t w, index_t out_h, index_t out_w);

// Half-pixel centres; weights are normalised at the edges. An axis whose size does not change is
// copied. y is [n, planes, out_h, out_w, c].
template <class T>
void resize(const ImageShape& s, const Frame& frame, const ResizeSpec& spec, index_t out_h,
            index_t out_w, const T* x, T* y);
template <class T>
void resize_backward(const ImageShape& s, const Frame& frame, const ResizeSpec& spec, index_t out_h,
                     index_t out_w, const T* dy, T* dx);

// Image i is mirrored (left-right, top-bottom) where chosen[i] is less than or equal to 0.5. Its
// own backward pass.
template <class T>
void flip(const ImageShape& s, bool horizontal, bool vertical, const double* chosen, const T* x,
          T* y);

// y = clip((x - m) f_i + m, low, high), m the mean of the image's channel.
template <class T>
void adjust_contrast(const ImageShape& s, const double* factor, double low, double high, const T* x,
                     T* y);
template <class T>
void adjust_contrast_backward(const ImageShape& s, const double* factor, double low, double high,
                              const T* x, const T* dy, T* dx);
// y = clip(x + d_i, low, high)
template <class T>
void adjust_brightness(const ImageShape& s, const double* delta, double low, double high,
                       const T* x, T* y);
template <class T>
void adjust_brightness_backward(const ImageShape& s, const double* delta, double low, double high,
                                const T* x, const T* dy, T* dx);

}  // namespace ranvier
