// Pooling, upsampling, padding and cropping: the single operations.
#include "bindings/bind_ops.hpp"
#include "ranvier/graph.hpp"
#include "ranvier/pool.hpp"
#include "ranvier/text.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

Shape shape_of(const py::array& a) {
    const auto* p = gate::proxy(a);
    return Shape(p->dimensions, p->dimensions + p->nd);
}

// The engine's errors, with the op's name.
template <class F>
auto named(const char* op, F&& f) {
    try {
        return f();
    } catch (const std::invalid_argument& error) {
        throw py::value_error(Text(op) + ": " + error.what());
    }
}

// The array of `shape` that results go to: `given`, or a new one.
template <class T>
py::array result(const char* op, const py::object& given, const Shape& shape) {
    if (given.is_none()) return new_array<T>(static_cast<int>(shape.size()), shape.data());
    py::array a = gate::as_array(op, given, "out");
    if (shape_of(a) != shape)
        throw py::value_error(Text(op) + ": `out` must have shape " + to_string(shape) + "; got " +
                              to_string(shape_of(a)));
    out<T>(op, a, "out");
    return a;
}

// y = f(x) of another shape, y new or given, apart from x.
template <class F>
py::array reshaping(const char* op, const char* name, const py::array& x, const Shape& shape,
                    const py::object& out_arg, F&& f) {
    return dispatch(op, x, name, [&](auto zero) {
        using T = decltype(zero);
        const T* xp = in<T>(op, x, name);
        const py::array y = result<T>(op, out_arg, shape);
        T* yp = elements_of<T>(y);
        const index_t n = elements(x), m = elements(y);
        require_apart(op, yp, m, "out", xp, n, name);
        run_released(4.0 * static_cast<double>(n + m), [&] { f(xp, yp); });
        return y;
    });
}

void require_shape(const char* op, const py::array& a, const char* name, const Shape& shape) {
    if (shape_of(a) != shape)
        throw py::value_error(Text(op) + ": `" + name + "` must have shape " + to_string(shape) +
                              "; got " + to_string(shape_of(a)));
}

PoolShape checked(const char* op, const Shape& x, const Shape& window, const Shape& strides,
                  bool same) {
    return named(op, [&] { return pool_shape(x, window, strides, same); });
}

py::array pool(bool average, const py::array& x, const Shape& window, const Shape& strides,
               bool same, const py::object& out_arg) {
    const char* op = average ? "average_pool" : "max_pool";
    const PoolShape s = checked(op, shape_of(x), window, strides, same);
    return reshaping(op, "x", x, pool_output_shape(s, window.size()), out_arg,
                     [&](auto* xp, auto* yp) {
                         if (average)
                             average_pool(s, xp, yp);
                         else
                             max_pool(s, xp, yp, nullptr);
                     });
}

py::tuple max_pool_indexed(const py::array& x, const Shape& window, const Shape& strides, bool same,
                           const py::object& out_arg) {
    constexpr const char* op = "max_pool_indexed";
    const PoolShape s = checked(op, shape_of(x), window, strides, same);
    const Shape shape = pool_output_shape(s, window.size());
    const py::array index(
        s.wide_index ? py::dtype::of<std::uint32_t>() : py::dtype::of<std::uint8_t>(), shape);
    void* at = gate::proxy(index)->data;
    py::array y =
        reshaping(op, "x", x, shape, out_arg, [&](auto* xp, auto* yp) { max_pool(s, xp, yp, at); });
    return py::make_tuple(y, index);
}

py::array max_pool_backward_op(const py::array& dy, const py::array& index, const Shape& x_shape,
                               const Shape& window, const Shape& strides, bool same,
                               const py::object& out_arg) {
    constexpr const char* op = "max_pool_backward";
    const PoolShape s = checked(op, x_shape, window, strides, same);
    const Shape shape = pool_output_shape(s, window.size());
    require_shape(op, dy, "dy", shape);
    require_shape(op, index, "index", shape);
    const py::dtype wanted =
        s.wide_index ? py::dtype::of<std::uint32_t>() : py::dtype::of<std::uint8_t>();
    if (!index.dtype().is(wanted) || !gate::has_flags(index, gate::kDense))
        throw py::value_error(Text(op) + ": `index` must be a C-contiguous array of dtype " +
                              (s.wide_index ? "uint32" : "uint8"));
    const void* at = gate::proxy(index)->data;
    return reshaping(op, "dy", dy, x_shape, out_arg,
                     [&](auto* dyp, auto* dxp) { max_pool_backward(s, dyp, at, dxp); });
}

py::array average_pool_backward_op(const py::array& dy, const Shape& x_shape, const Shape& window,
                                   const Shape& strides, bool same, const py::object& out_arg) {
    constexpr const char* op = "average_pool_backward";
    const PoolShape s = checked(op, x_shape, window, strides, same);
    require_shape(op, dy, "dy", pool_output_shape(s, window.size()));
    return reshaping(op, "dy", dy, x_shape, out_arg,
                     [&](auto* dyp, auto* dxp) { average_pool_backward(s, dyp, dxp); });
}

// [n, positions, c] of [N, ..., C]
struct Sides {
    index_t n, positions, c;
    Shape pooled;
};
Sides sides(const char* op, const Shape& x) {
    if (x.size() < 3)
        throw py::value_error(Text(op) +
                              ": `x` must be (N, ..., C) with at least 3 axes; "
                              "got shape " +
                              to_string(x));
    const index_t p = volume(Shape(x.begin() + 1, x.end() - 1));
    if (p == 0)
        throw py::value_error(Text(op) + ": nothing to pool in `x` of shape " + to_string(x));
    return {x.front(), p, x.back(), {x.front(), x.back()}};
}

py::array global_pool(bool average, const py::array& x, const py::object& out_arg) {
    const char* op = average ? "global_average_pool" : "global_max_pool";
    const Sides s = sides(op, shape_of(x));
    return reshaping(op, "x", x, s.pooled, out_arg, [&](auto* xp, auto* yp) {
        if (average)
            global_average_pool(s.n, s.positions, s.c, xp, yp);
        else
            global_max_pool(s.n, s.positions, s.c, xp, yp);
    });
}

py::array global_average_pool_backward_op(const py::array& dy, const Shape& x_shape,
                                          const py::object& out_arg) {
    constexpr const char* op = "global_average_pool_backward";
    const Sides s = sides(op, x_shape);
    require_shape(op, dy, "dy", s.pooled);
    return reshaping(op, "dy", dy, x_shape, out_arg, [&](auto* dyp, auto* dxp) {
        global_average_pool_backward(s.n, s.positions, s.c, dyp, dxp);
    });
}

py::array global_max_pool_backward_op(const py::array& x, const py::array& y, const py::array& dy,
                                      const py::object& out_arg) {
    constexpr const char* op = "global_max_pool_backward";
    const Sides s = sides(op, shape_of(x));
    require_shape(op, y, "y", s.pooled);
    require_shape(op, dy, "dy", s.pooled);
    return dispatch(op, x, "x", [&](auto zero) {
        using T = decltype(zero);
        const T *xp = in<T>(op, x, "x"), *yp = in<T>(op, y, "y"), *dyp = in<T>(op, dy, "dy");
        const py::array dx = result<T>(op, out_arg, shape_of(x));
        T* dxp = elements_of<T>(dx);
        const index_t n = elements(x), m = elements(y);
        require_apart(op, dxp, n, "out", xp, n, "x");
        require_apart(op, dxp, n, "out", yp, m, "y");
        require_apart(op, dxp, n, "out", dyp, m, "dy");
        run_released(8.0 * static_cast<double>(n),
                     [&] { global_max_pool_backward(s.n, s.positions, s.c, xp, yp, dyp, dxp); });
        return dx;
    });
}

// backward: x is dy, of the large shape, and the result has the small one.
py::array upsample_op(bool backward, bool bilinear, const py::array& x, const Shape& size,
                      const py::object& out_arg) {
    const char* op = backward ? "upsample_backward" : "upsample";
    Shape small = shape_of(x);
    if (bilinear && size.size() != 2)
        throw py::value_error(Text(op) + ": bilinear interpolation is of two spatial axes");
    if (backward && small.size() == size.size() + 2)
        for (std::size_t i = 0; i < size.size(); ++i) {
            if (size[i] < 1 || small[1 + i] % size[i] != 0)
                throw py::value_error(Text(op) + ": `dy` of shape " + to_string(shape_of(x)) +
                                      " is not a multiple of size " + to_string(size));
            small[1 + i] /= size[i];
        }
    const PoolShape s = named(op, [&] { return upsample_shape(small, size); });
    Shape large = small;
    for (std::size_t i = 0; i < size.size(); ++i) large[1 + i] = s.in[3 - size.size() + i];
    const BilinearShape b{s.n, s.out[1], s.out[2], s.c, s.window[1], s.window[2]};
    return reshaping(
        op, backward ? "dy" : "x", x, backward ? small : large, out_arg, [&](auto* xp, auto* yp) {
            if (bilinear)
                backward ? upsample_bilinear_backward(b, xp, yp) : upsample_bilinear(b, xp, yp);
            else
                backward ? upsample_backward(s, xp, yp) : upsample(s, xp, yp);
        });
}

py::array frame(bool grow, const py::array& x, const Shape& before, const Shape& after,
                const py::object& out_arg) {
    const char* op = grow ? "zero_pad" : "crop";
    const FrameShape s = named(op, [&] { return frame_shape(shape_of(x), before, after, grow); });
    Shape shape = shape_of(x);
    for (std::size_t i = 0; i < before.size(); ++i)
        shape[1 + i] = (grow ? s.outer : s.inner)[3 - before.size() + i];
    return reshaping(op, "x", x, shape, out_arg,
                     [&](auto* xp, auto* yp) { grow ? zero_pad(s, xp, yp) : crop(s, xp, yp); });
}

}  // namespace

void bind_pool(py::module_& m) {
    def(m, "pool", &pool);
    def(m, "max_pool_indexed", &max_pool_indexed);
    def(m, "max_pool_backward", &max_pool_backward_op);
    def(m, "average_pool_backward", &average_pool_backward_op);
    def(m, "global_pool", &global_pool);
    def(m, "global_max_pool_backward", &global_max_pool_backward_op);
    def(m, "global_average_pool_backward", &global_average_pool_backward_op);
    def(m, "upsample", &upsample_op);
    def(m, "frame", &frame);
}

}  // namespace ranvier
