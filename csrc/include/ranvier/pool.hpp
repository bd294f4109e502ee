// Pooling, global pooling, upsampling, zero padding and cropping over [N, D, H, W, C]; what has
// fewer spatial axes has extents of 1 in their place. Arrays are dense and never overlap; outputs
// and gradients are overwritten.
#pragma once

#include "ranvier/types.hpp"

namespace ranvier {

// ---- pooling windows ------------------------------------------------------------------------
// Arrays of three are (depth, height, width).
struct PoolShape {
    index_t n = 0, c = 0;
    index_t in[3] = {1, 1, 1};
    index_t window[3] = {1, 1, 1};
    index_t stride[3] = {1, 1, 1};
    index_t before[3] = {0, 0, 0};  // padding; what lies there is never looked at
    index_t out[3] = {1, 1, 1};
    bool wide_index = false;  // a window may have more than 256 real elements
    bool mean = true;         // average pooling: false adds up instead

    index_t rows() const { return out[0] * out[1]; }   // of one image's output
    index_t in_rows() const { return in[0] * in[1]; }  // of one image's input
    index_t in_image() const { return in_rows() * in[2] * c; }
    index_t out_image() const { return rows() * out[2] * c; }
    // An index is the number of an element among the real ones of its window, in C order:
    // uint8, or uint32 if wide_index.
    index_t index_bytes() const { return wide_index ? 4 : 1; }
};

// Of x [N, (D, (H,)) W, C] with as many spatial axes as `window` and `stride` have entries; `same`
// pads as Keras does. std::invalid_argument if the rank is wrong, an extent of the output would
// not be positive, or a size overflows.
PoolShape pool_shape(const Shape& x, const Shape& window, const Shape& stride, bool same);
Shape pool_output_shape(const PoolShape& s, std::size_t spatial_axes);

// On the calling thread, for the images [image0, image1); pointers are to image 0. `index` null:
// none is written. y is NaN where a window holds one. The index is that of the first maximum; of
// windows with NaN, that of the element that XLA's select-and-scatter picks, which keeps what it
// has if it is >= the next.
template <class T>
void maxpool_forward(const PoolShape& s, index_t image0, index_t image1, const T* x, T* y,
                     void* index);
template <class T>
void maxpool_backward(const PoolShape& s, index_t image0, index_t image1, const T* dy,
                      const void* index, T* dx);
// Sums in C order over the real elements of a window, divided by their number if s.mean.
template <class T>
void avgpool_forward(const PoolShape& s, index_t image0, index_t image1, const T* x, T* y);
template <class T>
void avgpool_backward(const PoolShape& s, index_t image0, index_t image1, const T* dy, T* dx);

// The same for rows of outputs (backward: of inputs), counted through the whole batch.
template <class T>
void maxpool_forward_rows(const PoolShape& s, index_t row0, index_t row1, const T* x, T* y,
                          void* index);
template <class T>
void maxpool_backward_rows(const PoolShape& s, index_t row0, index_t row1, const T* dy,
                           const void* index, T* dx);
template <class T>
void avgpool_forward_rows(const PoolShape& s, index_t row0, index_t row1, const T* x, T* y);
template <class T>
void avgpool_backward_rows(const PoolShape& s, index_t row0, index_t row1, const T* dy, T* dx);

// The same for the whole batch, divided among threads.
template <class T>
void max_pool(const PoolShape& s, const T* x, T* y, void* index);
template <class T>
void max_pool_backward(const PoolShape& s, const T* dy, const void* index, T* dx);
template <class T>
void average_pool(const PoolShape& s, const T* x, T* y);
template <class T>
void average_pool_backward(const PoolShape& s, const T* dy, T* dx);

// ---- global pooling: x [n, positions, c] to y [n, c] ------------------------------------------
// The gradient of a maximum is divided among all elements that have it, as in Keras; if it is NaN,
// so is the gradient of all.
template <class T>
void global_max_pool(index_t n, index_t positions, index_t c, const T* x, T* y);
template <class T>
void global_max_pool_backward(index_t n, index_t positions, index_t c, const T* x, const T* y,
                              const T* dy, T* dx);
template <class T>
void global_average_pool(index_t n, index_t positions, index_t c, const T* x, T* y);
template <class T>
void global_average_pool_backward(index_t n, index_t positions, index_t c, const T* dy, T* dx);

// ---- upsampling -------------------------------------------------------------------------------
// Nearest: the opposite of pooling windows of `size` that do not overlap. The shape is that of a
// sum pooling from y to x; std::invalid_argument as of pool_shape.
PoolShape upsample_shape(const Shape& x, const Shape& size);
template <class T>
void upsample(const PoolShape& s, const T* x, T* y) {
    average_pool_backward(s, x, y);
}
template <class T>
void upsample_backward(const PoolShape& s, const T* dy, T* dx) {
    average_pool(s, dy, dx);
}

// Bilinear, x [n, h, w, c] to y [n, h * size_h, w * size_w, c]: pixels are squares whose centres
// have the values (half-pixel centres), and beyond the outer centres the outer values stay.
struct BilinearShape {
    index_t n, h, w, c, size_h, size_w;
};
template <class T>
void upsample_bilinear(const BilinearShape& s, const T* x, T* y);
template <class T>
void upsample_bilinear_backward(const BilinearShape& s, const T* dy, T* dx);

// ---- zero padding and cropping ----------------------------------------------------------------
// A box of inner[] elements that begins before[] elements inside one of outer[].
struct FrameShape {
    index_t n = 0, c = 0;
    index_t inner[3] = {1, 1, 1};
    index_t before[3] = {0, 0, 0};
    index_t outer[3] = {1, 1, 1};
};
// `grow`: x is the inner box (padding), else the outer one (cropping). std::invalid_argument if
// the rank is wrong, nothing is left or a size overflows.
FrameShape frame_shape(const Shape& x, const Shape& before, const Shape& after, bool grow);
template <class T>
void zero_pad(const FrameShape& s, const T* inner, T* outer);
template <class T>
void crop(const FrameShape& s, const T* outer, T* inner);

}  // namespace ranvier
