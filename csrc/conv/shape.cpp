// From a layer's arguments and an input's shape to the numbers of one convolution.
#include <algorithm>
#include <stdexcept>

#include "ranvier/conv.hpp"
#include "ranvier/graph.hpp"
#include "ranvier/text.hpp"

namespace ranvier {
namespace {

struct Axis {
    index_t pad, out;
};

index_t reach_of(index_t kernel, index_t dilation) {
    index_t reach = 0;
    if (__builtin_mul_overflow(kernel - 1, dilation, &reach) || reach > PTRDIFF_MAX / 64)
        throw std::invalid_argument("kernel_size and dilation_rate are too large");
    return reach + 1;
}

Axis forward_axis(ConvPadding padding, index_t in, index_t reach, index_t stride) {
    if (padding == ConvPadding::same) {
        const index_t out = (in + stride - 1) / stride;
        return {std::max<index_t>(0, (out - 1) * stride + reach - in) / 2, out};
    }
    const index_t pad = padding == ConvPadding::causal ? reach - 1 : 0;
    return {pad, in + pad < reach ? 0 : (in + pad - reach) / stride + 1};
}

// As Keras on JAX: how much of the full transpose is cut off at the beginning, and what is left.
Axis transposed_axis(ConvPadding padding, index_t in, index_t reach, index_t stride,
                     index_t output_padding) {
    index_t before = reach - 1, after = reach - 1;
    if (padding == ConvPadding::valid) {
        after += output_padding >= 0 ? output_padding : std::max<index_t>(stride - reach, 0);
    } else {
        const index_t total =
            output_padding >= 0 ? reach + reach % 2 - 2 + output_padding : stride + reach - 2;
        before = std::min(total / 2 + total % 2, reach - 1);
        after = total - before;
    }
    return {reach - 1 - before, (in - 1) * stride + 2 - reach + before + after};
}

// Axes of a spec are the last ones of three.
int slot(const ConvSpec& spec, int axis) { return 3 - spec.axes + axis; }

void check(const ConvSpec& spec, const Shape& x, index_t channels) {
    const auto axes = static_cast<std::size_t>(spec.axes);
    if (x.size() != axes + 2)
        throw std::invalid_argument(Text("expected input of ") + std::to_string(axes + 2) +
                                    " axes (batch, " + std::to_string(axes) +
                                    " of space, channels); got shape " + to_string(x));
    if (x.back() != channels)
        throw std::invalid_argument(Text("expected ") + std::to_string(channels) +
                                    " input channels; got shape " + to_string(x));
    if (channels < 1)
        throw std::invalid_argument("there is no channel in input of shape " + to_string(x));
}

ConvShape begin(const ConvSpec& spec, const Shape& x) {
    ConvShape s;
    s.n = x[0];
    s.groups = spec.groups;
    for (int i = 0; i < spec.axes; ++i) {
        const auto k = static_cast<std::size_t>(i);
        const int at = slot(spec, i);
        s.kernel[at] = spec.kernel[k];
        s.stride[at] = spec.stride[k];
        s.dilation[at] = spec.dilation[k];
        if (s.stride[at] > 1 && s.dilation[at] > 1)
            throw std::invalid_argument("strides > 1 cannot be combined with dilation_rate > 1");
    }
    return s;
}

Shape with_axes(const ConvSpec& spec, index_t n, const index_t (&extents)[3], index_t channels) {
    Shape shape{n};
    for (int i = 0; i < spec.axes; ++i) shape.push_back(extents[slot(spec, i)]);
    shape.push_back(channels);
    return shape;
}

}  // namespace

ConvPadding conv_padding_named(std::string_view name) {
    if (name == "valid") return ConvPadding::valid;
    if (name == "same") return ConvPadding::same;
    if (name == "causal") return ConvPadding::causal;
    throw std::invalid_argument(Text("padding must be 'valid', 'same' or 'causal'; got '") +
                                std::string(name) + "'");
}

ConvShape conv_shape(const ConvSpec& spec, const Shape& x) {
    check(spec, x, spec.c);
    ConvShape s = begin(spec, x);
    s.c = spec.c;
    s.co = spec.co;
    for (int i = 0; i < spec.axes; ++i) {
        const int at = slot(spec, i);
        s.in[at] = x[static_cast<std::size_t>(i) + 1];
        const index_t reach = reach_of(s.kernel[at], s.dilation[at]);
        const Axis axis = forward_axis(spec.padding, s.in[at], reach, s.stride[at]);
        if (axis.out <= 0)
            throw std::invalid_argument(Text("the kernel, with dilation ") + std::to_string(reach) +
                                        " long along axis " + std::to_string(i + 1) +
                                        ", does not fit into input of shape " + to_string(x));
        s.pad[at] = axis.pad;
        s.out[at] = axis.out;
    }
    return s;
}

ConvShape transposed_conv_shape(const ConvSpec& spec, const Shape& x) {
    check(spec, x, spec.c);
    ConvShape s = begin(spec, x);
    s.c = spec.co;
    s.co = spec.c;
    for (int i = 0; i < spec.axes; ++i) {
        const auto k = static_cast<std::size_t>(i);
        const int at = slot(spec, i);
        s.out[at] = x[k + 1];
        const Axis axis = transposed_axis(
            spec.padding, s.out[at], reach_of(s.kernel[at], s.dilation[at]), s.stride[at],
            spec.output_padding.empty() ? -1 : spec.output_padding[k]);
        if (axis.out <= 0 || s.out[at] <= 0)
            throw std::invalid_argument(Text("nothing would be left of input of shape ") +
                                        to_string(x));
        s.pad[at] = axis.pad;
        s.in[at] = axis.out;
    }
    return s;
}

Shape output_shape(const ConvSpec& spec, const ConvShape& s) {
    return with_axes(spec, s.n, s.out, s.co);
}
Shape input_shape(const ConvSpec& spec, const ConvShape& s) {
    return with_axes(spec, s.n, s.in, s.c);
}

}  // namespace ranvier
