// Convolutions of images that lie channels last.
#pragma once

#include <string>
#include <string_view>

#include "ranvier/activation.hpp"
#include "ranvier/pool.hpp"
#include "ranvier/types.hpp"

namespace ranvier {

// A convolution over three axes (depth, height, width); of fewer, the first ones are 1 long.
//   y[n, o, j] = sum over taps t and channels c of x[n, o * stride + t * dilation - pad, c] w[t, c,
//   j]
// x is [n, in..., c], w is [kernel..., c / groups, co], y is [n, out..., co], all contiguous.
// What lies beyond x is zero. Group g reads the g-th part of the channels of x and writes that of
// y.
struct ConvShape {
    index_t n = 0;
    index_t in[3] = {1, 1, 1};
    index_t c = 0;
    index_t kernel[3] = {1, 1, 1};
    index_t co = 0;
    index_t groups = 1;
    index_t stride[3] = {1, 1, 1};
    index_t dilation[3] = {1, 1, 1};
    index_t pad[3] = {0, 0, 0};  // before; how many lie behind follows from `out`
    index_t out[3] = {1, 1, 1};

    index_t in_pixels() const { return in[0] * in[1] * in[2]; }
    index_t out_pixels() const { return out[0] * out[1] * out[2]; }
    index_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
    index_t c_of_group() const { return c / groups; }
    index_t co_of_group() const { return co / groups; }
    index_t weights() const { return taps() * c_of_group() * co; }
    double flops() const {
        return 2.0 * static_cast<double>(n) * static_cast<double>(out_pixels()) *
               static_cast<double>(weights());
    }
};

// What a layer says about its convolution; lists have `axes` (1 to 3) entries.
enum class ConvPadding : int { valid, same, causal };
ConvPadding conv_padding_named(std::string_view name);  // std::invalid_argument if unknown
struct ConvSpec {
    int axes = 2;
    index_t c = 0, co = 0, groups = 1;
    Shape kernel, stride, dilation;
    ConvPadding padding = ConvPadding::valid;
    Shape output_padding;  // of a transposed convolution; empty: Keras' own choice
};
// The convolution of a batch of that shape, [n, ...axes, c]; of a transposed one the convolution
// whose transpose it is, so that its x and y are exchanged. std::invalid_argument if they do not
// fit or nothing would be left.
ConvShape conv_shape(const ConvSpec& spec, const Shape& x);
ConvShape transposed_conv_shape(const ConvSpec& spec, const Shape& x);
// [n, ...axes, channels] of y, and of x.
Shape output_shape(const ConvSpec& spec, const ConvShape& s);
Shape input_shape(const ConvSpec& spec, const ConvShape& s);

// Winograd's F(4x4, 3x3) and F(2x2, 5x5) for kernels with stride 1: fewer multiplications, errors 2
// to 4 times those of the direct sum (docs/convolution.md). On by default.
bool winograd_enabled();
void set_winograd_enabled(bool enabled);

// y = act(conv(x, w) + bias); bias may be null. With `pre` the value before the activation goes
// there, as large as y.
template <class T>
void conv_forward(const ConvShape& s, const T* x, const T* w, const T* bias, Act act,
                  const ActParams& p, T* y, T* pre);

// The backward pass of the above, each image's part of it while the image is in cache. Outputs that
// are null are not wanted; all are overwritten.
template <class T>
struct ConvBackward {
    const T* x = nullptr;
    const T* w = nullptr;
    Act act = Act::linear;
    ActParams params{};
    const T* saved = nullptr;  // y, or `pre`, as act_backward_reads_input says
    T* dy = nullptr;           // becomes dy * act'
    T* dx = nullptr;
    T* dw = nullptr;
    T* db = nullptr;  // [co]
};
template <class T>
void conv_backward(const ConvShape& s, const ConvBackward<T>& b);

// The transpose of the linear map x -> conv(x, w), and so the forward pass of a transposed
// convolution: x = conv^T(y) + bias (bias, [c], may be null).
template <class T>
void conv_transpose(const ConvShape& s, const T* y, const T* w, const T* bias, T* x);
// dw of y = conv(x, w) for given dy.
template <class T>
void conv_weights(const ConvShape& s, const T* x, const T* dy, T* dw);

// A convolution followed by max pooling of what it gives, some images at a time, so that the
// convolution's own output never leaves the cache: y = act(maxpool(conv(x, w) + bias)), which for
// a monotonic act is maxpool(act(...)). `index` as of maxpool_forward, null: not wanted.
template <class T>
struct ConvPool {
    ConvShape conv;
    PoolShape pool;
    bool relu = false;  // else linear
    T slope = T(0);     // of relu, >= 0
};
template <class T>
void conv_pool_forward(const ConvPool<T>& s, const T* x, const T* w, const T* bias, T* y,
                       void* index);
// b.saved is y; b.dy is that of the pooled output; b.act is not read.
template <class T>
void conv_pool_backward(const ConvPool<T>& s, const ConvBackward<T>& b, const void* index);

}  // namespace ranvier
