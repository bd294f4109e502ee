// Convolution: the single operations.
#include "bindings/bind_ops.hpp"
#include "bindings/names.hpp"
#include "ranvier/conv.hpp"
#include "ranvier/graph.hpp"
#include "ranvier/text.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

Shape shape_of(const py::array& a) { return Shape(a.shape(), a.shape() + a.ndim()); }

ConvSpec spec_of(const char* op, const Shape& w, index_t axes, const Shape& strides,
                 std::string_view padding, const Shape& dilation, index_t groups) {
    if (axes < 1 || axes > 3)
        throw py::value_error(Text(op) + ": `x` must have 3 to 5 axes (N, ..., C)");
    const auto n = static_cast<std::size_t>(axes);
    if (w.size() != n + 2)
        throw py::value_error(Text(op) + ": the kernel must have " + std::to_string(n + 2) +
                              " axes; got shape " + to_string(w));
    if (strides.size() != n || dilation.size() != n)
        throw py::value_error(Text(op) + ": strides and dilation_rate must have " +
                              std::to_string(n) + " entries");
    ConvSpec s;
    s.axes = static_cast<int>(axes);
    s.groups = groups;
    s.kernel = Shape(w.begin(), w.end() - 2);
    s.stride = strides;
    s.dilation = dilation;
    s.padding = conv_padding_named(padding);
    s.c = w[n] * groups;
    s.co = w[n + 1];
    for (std::size_t i = 0; i < n; ++i)
        if (s.kernel[i] < 1 || strides[i] < 1 || dilation[i] < 1)
            throw py::value_error(Text(op) + ": kernel, strides and dilation_rate must be >= 1");
    if (groups < 1 || s.co % groups != 0)
        throw py::value_error(Text(op) + ": groups must divide the number of filters");
    return s;
}

ConvShape checked(const char* op, const ConvSpec& spec, const Shape& x) {
    try {
        return conv_shape(spec, x);
    } catch (const std::invalid_argument& e) {
        throw py::value_error(Text(op) + ": " + e.what());
    }
}

// A new array of that shape, or `out` if it has it.
template <class T>
py::array result(const char* op, const py::object& out_arg, const Shape& shape) {
    volume(shape);  // throws if that many cannot be counted
    if (out_arg.is_none()) return new_array<T>(static_cast<int>(shape.size()), shape.data());
    py::array a = gate::as_array(op, out_arg, "out");
    if (shape_of(a) != shape)
        throw py::value_error(Text(op) + ": `out` must have shape " + to_string(shape) + "; got " +
                              to_string(shape_of(a)));
    out<T>(op, a, "out");
    return a;
}

void require_dy(const char* op, const py::array& dy, const Shape& y) {
    if (shape_of(dy) != y)
        throw py::value_error(Text(op) + ": `dy` must have shape " + to_string(y) + "; got " +
                              to_string(shape_of(dy)));
}

py::array conv(const py::array& x, const py::array& w, const py::object& bias,
               const py::object& activation, const Shape& strides, std::string_view padding,
               const Shape& dilation, index_t groups, const py::object& out_arg) {
    constexpr const char* op = "conv";
    const ConvSpec spec =
        spec_of(op, shape_of(w), x.ndim() - 2, strides, padding, dilation, groups);
    const Activation act = activation_of(op, activation);
    const ConvShape s = checked(op, spec, shape_of(x));
    return dispatch(op, x, "x", [&](auto zero) {
        using T = decltype(zero);
        const T* xp = in<T>(op, x, "x");
        const T* wp = in<T>(op, w, "kernel");
        const T* bp = in_or_null<T>(op, bias, "bias", {{"filters", spec.co}});
        py::array y = result<T>(op, out_arg, output_shape(spec, s));
        T* yp = elements_of<T>(y);
        require_apart<T>(op, yp, elements(y), "out", xp, elements(x), "x");
        require_apart<T>(op, yp, elements(y), "out", wp, elements(w), "kernel");
        require_apart<T>(op, yp, elements(y), "out", bp, spec.co, "bias");
        run_released(s.flops(), [&] {
            conv_forward<T>(s, xp, wp, bp, act.act, act.params, yp, static_cast<T*>(nullptr));
        });
        return y;
    });
}

// The gradient of the input (`x_shape` says of which) for given dy.
py::array conv_backward_input(const py::array& dy, const py::array& w, const Shape& x_shape,
                              const Shape& strides, std::string_view padding, const Shape& dilation,
                              index_t groups, const py::object& out_arg) {
    constexpr const char* op = "conv_backward_input";
    const ConvSpec spec = spec_of(op, shape_of(w), static_cast<index_t>(x_shape.size()) - 2,
                                  strides, padding, dilation, groups);
    const ConvShape s = checked(op, spec, x_shape);
    return dispatch(op, dy, "dy", [&](auto zero) {
        using T = decltype(zero);
        const T* dyp = in<T>(op, dy, "dy");
        const T* wp = in<T>(op, w, "kernel");
        require_dy(op, dy, output_shape(spec, s));
        py::array dx = result<T>(op, out_arg, x_shape);
        T* dxp = elements_of<T>(dx);
        require_apart<T>(op, dxp, elements(dx), "out", dyp, elements(dy), "dy");
        require_apart<T>(op, dxp, elements(dx), "out", wp, elements(w), "kernel");
        run_released(s.flops(),
                     [&] { conv_transpose<T>(s, dyp, wp, static_cast<const T*>(nullptr), dxp); });
        return dx;
    });
}

py::array conv_backward_kernel(const py::array& x, const py::array& dy, const Shape& kernel,
                               const Shape& strides, std::string_view padding,
                               const Shape& dilation, index_t groups, const py::object& out_arg) {
    constexpr const char* op = "conv_backward_kernel";
    const ConvSpec spec = spec_of(op, kernel, x.ndim() - 2, strides, padding, dilation, groups);
    const ConvShape s = checked(op, spec, shape_of(x));
    return dispatch(op, x, "x", [&](auto zero) {
        using T = decltype(zero);
        const T* xp = in<T>(op, x, "x");
        const T* dyp = in<T>(op, dy, "dy");
        require_dy(op, dy, output_shape(spec, s));
        py::array dw = result<T>(op, out_arg, kernel);
        T* dwp = elements_of<T>(dw);
        require_apart<T>(op, dwp, elements(dw), "out", xp, elements(x), "x");
        require_apart<T>(op, dwp, elements(dw), "out", dyp, elements(dy), "dy");
        run_released(s.flops(), [&] { conv_weights<T>(s, xp, dyp, dwp); });
        return dw;
    });
}

}  // namespace

void bind_conv(py::module_& m) {
    def(m, "conv", &conv);
    def(m, "conv_backward_input", &conv_backward_input);
    def(m, "conv_backward_kernel", &conv_backward_kernel);
    def(m, "winograd_enabled", &winograd_enabled);
    def(m, "set_winograd_enabled", &set_winograd_enabled);
}

}  // namespace ranvier
