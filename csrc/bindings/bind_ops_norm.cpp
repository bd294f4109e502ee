// Normalization: the single operations.
#include "bindings/bind_ops.hpp"
#include "bindings/norm_names.hpp"

#include "ranvier/text.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

// An input that is used beside `out`, which must lie apart from it.
template <class T>
const T* beside(const char* op, const py::object& o, const char* name, Axes axes, const T* out,
                index_t n) {
    const T* p = in_or_null<T>(op, o, name, axes);
    index_t m = 1;
    for (const Axis& axis : axes) m *= axis.extent;
    require_apart<T>(op, out, n, "out", p, m, name);
    return p;
}

// x, dy and dx of a backward op, checked.
template <class T>
struct Backward {
    Backward(const char* op, const py::array& x, const py::array& dy, const py::object& out_arg)
        : xp(in<T>(op, x, "x")), dyp(in<T>(op, dy, "dy")), n(elements(x)) {
        require_same_shape(op, dy, "dy", x, "x");
        dx = output_like<T>(op, out_arg, dy, "dy");
        dxp = elements_of<T>(dx);
        require_same_or_apart(op, dxp, "out", dyp, "dy", n);
        require_apart<T>(op, dxp, n, "out", xp, n, "x");
    }
    py::array dx;
    const T *xp, *dyp;
    T* dxp;
    index_t n;
};

index_t channels_of(const char* op, const py::array& x) {
    if (x.ndim() < 1) gate::refuse_shape(op, x, "x", {{"rows"}, {"channels"}});
    return extent(x, gate::proxy(x)->nd - 1);
}

double positive(const char* op, const char* name, double value) {
    if (!(value >= 0))
        throw py::value_error(Text(op) + ": `" + name + "` must be >= 0; got " +
                              std::to_string(value));
    return value;
}

py::tuple batch_norm(const py::array& x, const py::object& gamma, const py::object& beta,
                     double epsilon, const py::object& out_arg) {
    constexpr const char* op = "batch_norm";
    positive(op, "epsilon", epsilon);
    const index_t cols = channels_of(op, x), rows = leading(x);
    return dispatch(op, x, "x", [&](auto zero) {
        using T = decltype(zero);
        const T* xp = in<T>(op, x, "x");
        if (rows == 0) throw py::value_error("batch_norm: `x` has no rows");
        const py::array y = output_like<T>(op, out_arg, x, "x");
        T* yp = elements_of<T>(y);
        const index_t n = rows * cols;
        require_same_or_apart(op, yp, "out", xp, "x", n);
        const T* gp = beside<T>(op, gamma, "gamma", {{"channels", cols}}, yp, n);
        const T* bp = beside<T>(op, beta, "beta", {{"channels", cols}}, yp, n);
        const py::array mean = new_array<T>({cols}), variance = new_array<T>({cols});
        T *mp = elements_of<T>(mean), *vp = elements_of<T>(variance);
        run_released(8.0 * double(n),
                     [&] { batch_norm_forward<T>(rows, cols, xp, gp, bp, epsilon, yp, mp, vp); });
        return py::make_tuple(y, mean, variance);
    });
}

py::array batch_norm_with(const py::array& x, const py::array& mean, const py::array& variance,
                          const py::object& gamma, const py::object& beta, double epsilon,
                          const py::object& out_arg) {
    constexpr const char* op = "batch_norm_inference";
    positive(op, "epsilon", epsilon);
    const index_t cols = channels_of(op, x), rows = leading(x);
    return dispatch(op, x, "x", [&](auto zero) {
        using T = decltype(zero);
        const T* xp = in<T>(op, x, "x");
        const py::array y = output_like<T>(op, out_arg, x, "x");
        T* yp = elements_of<T>(y);
        const index_t n = rows * cols;
        require_same_or_apart(op, yp, "out", xp, "x", n);
        const T* mp = beside<T>(op, mean, "mean", {{"channels", cols}}, yp, n);
        const T* vp = beside<T>(op, variance, "variance", {{"channels", cols}}, yp, n);
        const T* gp = beside<T>(op, gamma, "gamma", {{"channels", cols}}, yp, n);
        const T* bp = beside<T>(op, beta, "beta", {{"channels", cols}}, yp, n);
        run_released(8.0 * double(n),
                     [&] { batch_norm_inference<T>(rows, cols, xp, mp, vp, gp, bp, epsilon, yp); });
        return y;
    });
}

py::tuple batch_norm_gradient(const py::array& x, const py::array& mean, const py::array& variance,
                              const py::object& gamma, const py::array& dy, double epsilon,
                              bool of_batch, const py::object& out_arg) {
    constexpr const char* op = "batch_norm_backward";
    positive(op, "epsilon", epsilon);
    const index_t cols = channels_of(op, x), rows = leading(x);
    return dispatch(op, dy, "dy", [&](auto zero) {
        using T = decltype(zero);
        const Backward<T> b(op, x, dy, out_arg);
        const T* mp = beside<T>(op, mean, "mean", {{"channels", cols}}, b.dxp, b.n);
        const T* vp = beside<T>(op, variance, "variance", {{"channels", cols}}, b.dxp, b.n);
        const T* gp = beside<T>(op, gamma, "gamma", {{"channels", cols}}, b.dxp, b.n);
        const py::array dgamma = new_array<T>({cols}), dbeta = new_array<T>({cols});
        T *dgp = elements_of<T>(dgamma), *dbp = elements_of<T>(dbeta);
        run_released(12.0 * double(b.n), [&] {
            batch_norm_backward<T>(rows, cols, b.xp, mp, vp, gp, epsilon, of_batch, b.dyp, b.dxp,
                                   dgp, dbp);
        });
        return py::make_tuple(b.dx, dgamma, dbeta);
    });
}

// [samples, rows, channels] of an array of two or more axes.
struct Grouped {
    Grouped(const char* op, const py::array& x, index_t groups_) : groups(groups_) {
        if (x.ndim() < 2) gate::refuse_shape(op, x, "x", {{"samples"}, {"channels"}});
        samples = extent(x, 0);
        cols = channels_of(op, x);
        for (int i = 1; i + 1 < gate::proxy(x)->nd; ++i) rows *= extent(x, i);
        if (groups < 1 || cols % groups != 0)
            throw py::value_error(Text(op) + ": `groups` must divide the " + std::to_string(cols) +
                                  " channels; got " + std::to_string(groups));
    }
    index_t samples, rows = 1, cols, groups;
};

py::tuple group_norm(const py::array& x, index_t groups, const py::object& gamma,
                     const py::object& beta, double epsilon, const py::object& out_arg) {
    constexpr const char* op = "group_norm";
    positive(op, "epsilon", epsilon);
    const Grouped s(op, x, groups);
    return dispatch(op, x, "x", [&](auto zero) {
        using T = decltype(zero);
        const T* xp = in<T>(op, x, "x");
        if (s.rows == 0) throw py::value_error("group_norm: a sample of `x` has no rows");
        const py::array y = output_like<T>(op, out_arg, x, "x");
        T* yp = elements_of<T>(y);
        const index_t n = elements(x);
        require_same_or_apart(op, yp, "out", xp, "x", n);
        const T* gp = beside<T>(op, gamma, "gamma", {{"channels", s.cols}}, yp, n);
        const T* bp = beside<T>(op, beta, "beta", {{"channels", s.cols}}, yp, n);
        const py::array mean = new_array<T>({s.samples, groups}), inverse = new_array_like<T>(mean);
        T *mp = elements_of<T>(mean), *ip = elements_of<T>(inverse);
        run_released(8.0 * double(n), [&] {
            group_norm_forward<T>(s.samples, s.rows, s.cols, groups, xp, gp, bp, epsilon, yp, mp,
                                  ip);
        });
        return py::make_tuple(y, mean, inverse);
    });
}

py::tuple group_norm_gradient(const py::array& x, const py::array& mean, const py::array& inverse,
                              const py::object& gamma, const py::array& dy, index_t groups,
                              const py::object& out_arg) {
    constexpr const char* op = "group_norm_backward";
    const Grouped s(op, x, groups);
    return dispatch(op, dy, "dy", [&](auto zero) {
        using T = decltype(zero);
        const Backward<T> b(op, x, dy, out_arg);
        const Axes kept = {{"samples", s.samples}, {"groups", groups}};
        const T* mp = beside<T>(op, mean, "mean", kept, b.dxp, b.n);
        const T* ip = beside<T>(op, inverse, "inverse", kept, b.dxp, b.n);
        const T* gp = beside<T>(op, gamma, "gamma", {{"channels", s.cols}}, b.dxp, b.n);
        const py::array dgamma = new_array<T>({s.cols}), dbeta = new_array<T>({s.cols});
        T *dgp = elements_of<T>(dgamma), *dbp = elements_of<T>(dbeta);
        run_released(12.0 * double(b.n), [&] {
            group_norm_backward<T>(s.samples, s.rows, s.cols, groups, b.xp, mp, ip, gp, b.dyp,
                                   b.dxp, dgp, dbp);
        });
        return py::make_tuple(b.dx, dgamma, dbeta);
    });
}

py::tuple row_norm(std::string_view name, const char* op, const py::array& x,
                   const py::object& gamma, const py::object& beta, double epsilon,
                   const py::object& out_arg) {
    const RowNorm kind = row_norm_named(name);
    positive(op, "epsilon", epsilon);
    const index_t cols = channels_of(op, x), rows = leading(x);
    return dispatch(op, x, "x", [&](auto zero) {
        using T = decltype(zero);
        const T* xp = in<T>(op, x, "x");
        if (cols == 0) throw py::value_error(Text(op) + ": the last axis of `x` is empty");
        const py::array y = output_like<T>(op, out_arg, x, "x");
        T* yp = elements_of<T>(y);
        const index_t n = rows * cols;
        require_same_or_apart(op, yp, "out", xp, "x", n);
        const T* gp = beside<T>(op, gamma, "gamma", {{"channels", cols}}, yp, n);
        const T* bp = beside<T>(op, beta, "beta", {{"channels", cols}}, yp, n);
        const py::array mean = new_array<T>(gate::proxy(x)->nd - 1, gate::proxy(x)->dimensions);
        const py::array inverse = new_array_like<T>(mean);
        T *mp = elements_of<T>(mean), *ip = elements_of<T>(inverse);
        run_released(8.0 * double(n), [&] {
            row_norm_forward<T>(kind, rows, cols, xp, gp, bp, epsilon, yp, mp, ip);
        });
        return py::make_tuple(y, mean, inverse);
    });
}

py::tuple row_norm_gradient(std::string_view name, const char* op, const py::array& x,
                            const py::array& mean, const py::array& inverse,
                            const py::object& gamma, const py::array& dy, double epsilon,
                            const py::object& out_arg) {
    const RowNorm kind = row_norm_named(name);
    const index_t cols = channels_of(op, x), rows = leading(x);
    return dispatch(op, dy, "dy", [&](auto zero) {
        using T = decltype(zero);
        const Backward<T> b(op, x, dy, out_arg);
        const T *mp = in<T>(op, mean, "mean"), *ip = in<T>(op, inverse, "inverse");
        for (const auto& [name_of, array] : {std::pair{"mean", &mean}, {"inverse", &inverse}}) {
            if (elements(*array) != rows || array->ndim() + 1 != x.ndim())
                throw py::value_error(Text(op) + ": `" + name_of +
                                      "` must have x's shape without its last axis; got " +
                                      py::str(array->attr("shape")).cast<std::string>());
            require_apart<T>(op, b.dxp, b.n, "out", elements_of<T>(*array), rows, name_of);
        }
        const T* gp = beside<T>(op, gamma, "gamma", {{"channels", cols}}, b.dxp, b.n);
        const py::array dgamma = new_array<T>({cols}), dbeta = new_array<T>({cols});
        T *dgp = elements_of<T>(dgamma), *dbp = elements_of<T>(dbeta);
        run_released(12.0 * double(b.n), [&] {
            row_norm_backward<T>(kind, rows, cols, b.xp, mp, ip, gp, epsilon, b.dyp, b.dxp, dgp,
                                 dbp);
        });
        return py::make_tuple(b.dx, dgamma, dbeta);
    });
}

}  // namespace

void bind_norm(py::module_& m) {
    def(m, "batch_norm", &batch_norm);
    def(m, "batch_norm_inference", &batch_norm_with);
    def(m, "batch_norm_backward", &batch_norm_gradient);
    def(m, "group_norm", &group_norm);
    def(m, "group_norm_backward", &group_norm_gradient);
    def(m, "row_norm", &row_norm);
    def(m, "row_norm_backward", &row_norm_gradient);
}

}  // namespace ranvier
