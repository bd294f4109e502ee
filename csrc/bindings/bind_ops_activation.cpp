// Activations, softmax, PReLU, vector maths and the sums that backward passes need.
#include "bindings/bind_ops.hpp"
#include "bindings/names.hpp"
#include "ranvier/activation.hpp"
#include "ranvier/text.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

// [outer, n, inner] around one axis, which may count from the end.
struct Middle {
    index_t outer = 1, n = 1, inner = 1;
};

Middle around(const char* op, const py::array& x, int axis) {
    const int nd = gate::proxy(x)->nd;
    if (axis < -nd || axis >= nd)
        throw py::value_error(Text(op) + ": `axis` must be in [" + std::to_string(-nd) + ", " +
                              std::to_string(nd) + "); got " + std::to_string(axis));
    if (axis < 0) axis += nd;
    Middle s;
    for (int i = 0; i < axis; ++i) s.outer *= extent(x, i);
    s.n = extent(x, axis);
    for (int i = axis + 1; i < nd; ++i) s.inner *= extent(x, i);
    return s;
}

py::array activation(std::string_view act, double a, double b, double c, const py::array& x,
                     const py::object& out_arg) {
    const Act kind = act_named(act);
    const ActParams p{a, b, c};
    return elementwise("activation", "x", x, out_arg,
                       [&](index_t n, auto* xp, auto* yp) { act_forward(kind, p, n, xp, yp); });
}

py::array activation_backward(std::string_view act, double a, double b, double c,
                              const py::array& saved, const py::array& dy,
                              const py::object& out_arg) {
    const Act kind = act_named(act);
    const ActParams p{a, b, c};
    return elementwise_backward(
        "activation_backward", "saved", saved, dy, out_arg,
        [&](index_t n, auto* sp, auto* dyp, auto* dxp) { act_backward(kind, p, n, sp, dyp, dxp); });
}

py::array activation_derivative(std::string_view act, double a, double b, double c,
                                const py::array& x, const py::object& out_arg) {
    const Act kind = act_named(act);
    const ActParams p{a, b, c};
    return elementwise("activation_derivative", "x", x, out_arg,
                       [&](index_t n, auto* xp, auto* dp) { act_derivative(kind, p, n, xp, dp); });
}

py::tuple bias_activation_backward(std::string_view act, double a, double b, double c,
                                   const py::array& saved, const py::array& dy,
                                   const py::object& out_arg, const py::object& db_arg) {
    constexpr const char* op = "bias_activation_backward";
    const Act kind = act_named(act);
    const ActParams p{a, b, c};
    return dispatch(op, dy, "dy", [&](auto zero) {
        using T = decltype(zero);
        const T* dyp = in<T>(op, dy, "dy");
        const T* sp = in<T>(op, saved, "saved");
        if (dy.ndim() < 1) gate::refuse_shape(op, dy, "dy", {{"rows"}, {"cols"}});
        require_same_shape(op, saved, "saved", dy, "dy");
        const py::array dx = output_like<T>(op, out_arg, dy, "dy");
        const index_t rows = leading(dy), cols = extent(dy, gate::proxy(dy)->nd - 1);
        const py::array db = output<T>(op, db_arg, "db", {{"cols", cols}});
        T *dxp = elements_of<T>(dx), *dbp = elements_of<T>(db);
        const index_t n = rows * cols;
        require_same_or_apart(op, dxp, "out", dyp, "dy", n);
        require_apart<T>(op, dxp, n, "out", sp, n, "saved");
        require_apart<T>(op, dbp, cols, "db", dxp, n, "out");
        require_apart<T>(op, dbp, cols, "db", dyp, n, "dy");
        require_apart<T>(op, dbp, cols, "db", sp, n, "saved");
        run_released(9.0 * double(n),
                     [&] { act_backward_bias<T>(kind, p, rows, cols, sp, dyp, dxp, dbp); });
        return py::make_tuple(dx, db);
    });
}

template <class F>
py::array softmax_like(const char* op, const py::array& x, int axis, const py::object& out_arg,
                       F&& f) {
    const Middle s = around(op, x, axis);
    return elementwise(op, "x", x, out_arg,
                       [&](index_t, auto* xp, auto* yp) { f(s.outer, s.n, s.inner, xp, yp); });
}
template <class F>
py::array softmax_like_backward(const char* op, const py::array& y, const py::array& dy, int axis,
                                const py::object& out_arg, F&& f) {
    const Middle s = around(op, dy, axis);
    return elementwise_backward(
        op, "y", y, dy, out_arg,
        [&](index_t, auto* yp, auto* dyp, auto* dxp) { f(s.outer, s.n, s.inner, yp, dyp, dxp); });
}

void bind_softmax(py::module_& m) {
    def(m, "softmax", [](const py::array& x, int axis, const py::object& out_arg) {
        return softmax_like("softmax", x, axis, out_arg,
                            [](index_t o, index_t n, index_t i, auto* xp, auto* yp) {
                                softmax_forward(o, n, i, xp, yp);
                            });
    });
    def(m, "log_softmax", [](const py::array& x, int axis, const py::object& out_arg) {
        return softmax_like("log_softmax", x, axis, out_arg,
                            [](index_t o, index_t n, index_t i, auto* xp, auto* yp) {
                                log_softmax_forward(o, n, i, xp, yp);
                            });
    });
    def(m, "softmax_backward",
        [](const py::array& y, const py::array& dy, int axis, const py::object& out_arg) {
            return softmax_like_backward(
                "softmax_backward", y, dy, axis, out_arg,
                [](index_t o, index_t n, index_t i, auto* yp, auto* dyp, auto* dxp) {
                    softmax_backward(o, n, i, yp, dyp, dxp);
                });
        });
    def(m, "log_softmax_backward",
        [](const py::array& y, const py::array& dy, int axis, const py::object& out_arg) {
            return softmax_like_backward(
                "log_softmax_backward", y, dy, axis, out_arg,
                [](index_t o, index_t n, index_t i, auto* yp, auto* dyp, auto* dxp) {
                    log_softmax_backward(o, n, i, yp, dyp, dxp);
                });
        });
}

// alpha has the shape of x's last axes; the axes before them are rows.
index_t alpha_columns(const char* op, const py::array& x, const char* name,
                      const py::array& alpha) {
    const auto *xs = gate::proxy(x), *as = gate::proxy(alpha);
    bool fits = as->nd >= 1 && as->nd <= xs->nd;
    for (int i = 0; fits && i < as->nd; ++i)
        fits = as->dimensions[i] == xs->dimensions[xs->nd - as->nd + i];
    if (!fits)
        throw py::value_error(Text(op) + ": `alpha` must have the shape of the last axes of `" +
                              name + "`, " + py::str(x.attr("shape")).cast<std::string>() +
                              "; got " + py::str(alpha.attr("shape")).cast<std::string>());
    return elements(alpha);
}

index_t rows_of(index_t total, index_t cols) { return cols == 0 ? 0 : total / cols; }

py::array prelu(const py::array& x, const py::array& alpha, const py::object& out_arg) {
    constexpr const char* op = "prelu";
    const index_t cols = alpha_columns(op, x, "x", alpha);
    return dispatch(op, x, "x", [&](auto zero) {
        using T = decltype(zero);
        const T* ap = in<T>(op, alpha, "alpha");
        return elementwise(op, "x", x, out_arg, [&](index_t n, auto* xp, auto* yp) {
            if constexpr (std::is_same_v<std::remove_pointer_t<decltype(yp)>, T>)
                prelu_forward<T>(rows_of(n, cols), cols, xp, ap, yp);
        });
    });
}

py::tuple prelu_backward_op(const py::array& x, const py::array& alpha, const py::array& dy,
                            const py::object& out_arg) {
    constexpr const char* op = "prelu_backward";
    const index_t cols = alpha_columns(op, x, "x", alpha);
    return dispatch(op, dy, "dy", [&](auto zero) {
        using T = decltype(zero);
        const T* xp = in<T>(op, x, "x");
        const T* ap = in<T>(op, alpha, "alpha");
        const T* dyp = in<T>(op, dy, "dy");
        require_same_shape(op, dy, "dy", x, "x");
        const py::array dx = output_like<T>(op, out_arg, dy, "dy");
        const py::array da = new_array_like<T>(alpha);
        T *dxp = elements_of<T>(dx), *dap = elements_of<T>(da);
        const index_t n = elements(x);
        require_same_or_apart(op, dxp, "out", dyp, "dy", n);
        require_apart<T>(op, dxp, n, "out", xp, n, "x");
        require_apart<T>(op, dxp, n, "out", ap, cols, "alpha");
        run_released(8.0 * double(n),
                     [&] { prelu_backward<T>(rows_of(n, cols), cols, xp, ap, dyp, dxp, dap); });
        return py::make_tuple(dx, da);
    });
}

}  // namespace

void bind_activation(py::module_& m) {
    def(m, "activation", &activation);
    def(m, "activation_backward", &activation_backward);
    def(m, "activation_derivative", &activation_derivative);
    def(m, "activation_reads_input", [](std::string_view act, double a, double b, double c) {
        return act_backward_reads_input(act_named(act), {a, b, c});
    });
    def(m, "bias_activation_backward", &bias_activation_backward);
    bind_softmax(m);
    def(m, "prelu", &prelu);
    def(m, "prelu_backward", &prelu_backward_op);
    def(m, "vector_math", [](const char* f, const py::array& x, const py::object& out_arg) {
        const Math kind = math_named(f);
        return elementwise(f, "x", x, out_arg,
                           [&](index_t n, auto* xp, auto* yp) { vector_math(kind, n, xp, yp); });
    });
    def(m, "column_sums", [](const py::array& x, const py::object& out_arg) {
        constexpr const char* op = "column_sums";
        if (x.ndim() < 1) gate::refuse_shape(op, x, "x", {{"rows"}, {"cols"}});
        return dispatch(op, x, "x", [&](auto zero) {
            using T = decltype(zero);
            const T* xp = in<T>(op, x, "x");
            const index_t rows = leading(x), cols = extent(x, gate::proxy(x)->nd - 1);
            const py::array y = output<T>(op, out_arg, "out", {{"cols", cols}});
            T* yp = elements_of<T>(y);
            require_apart<T>(op, yp, cols, "out", xp, rows * cols, "x");
            run_released(double(rows * cols), [&] { column_sums<T>(rows, cols, xp, yp); });
            return y;
        });
    });
}

}  // namespace ranvier
