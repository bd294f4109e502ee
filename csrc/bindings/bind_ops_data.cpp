// Bringing rows in, random numbers, copies and reductions.
#include <cmath>
#include <numeric>
#include <vector>

#include "bindings/bind_ops.hpp"
#include "ranvier/data.hpp"
#include "ranvier/graph.hpp"
#include "ranvier/text.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

constexpr int kMaxAxes = 64;  // NumPy's own limit

template <class F>
decltype(auto) dispatch_name(const char* op, std::string_view dtype, F&& f) {
    if (dtype == "float32") return f(float{});
    if (dtype == "float64") return f(double{});
    throw py::value_error(Text(op) + ": `dtype` must be 'float32' or 'float64'; got '" +
                          std::string(dtype) + "'");
}

void check_rate(const char* op, double rate) {
    if (!(rate >= 0.0 && rate <= 1.0))
        throw py::value_error(Text(op) + ": `rate` must be in [0, 1]; got " +
                              py::str(py::float_(rate)).cast<std::string>());
}

const std::int64_t* row_numbers(const char* op, const py::array& rows, index_t limit) {
    const bool fits = gate::proxy(rows)->nd == 1 && gate::has_flags(rows, gate::kDense) &&
                      gate::native_order(rows) && rows.itemsize() == 8 &&
                      rows.dtype().kind() == 'i';
    if (!fits)
        throw py::type_error(
            Text(op) + ": `rows` must be a contiguous array of int64 with one axis; got dtype " +
            py::str(rows.dtype()).cast<std::string>());
    const auto* p = elements_of<const std::int64_t>(rows);
    for (index_t i = 0, n = elements(rows); i < n; ++i)
        if (p[i] < 0 || p[i] >= limit)
            throw py::index_error(Text(op) + ": row number " + std::to_string(p[i]) +
                                  " is out of range for " + std::to_string(limit) + " rows");
    return p;
}

py::array gather_rows_op(const py::array& x, const py::object& rows_arg, index_t start, index_t n,
                         std::string_view dtype, const py::object& out_arg) {
    constexpr const char* op = "gather_rows";
    const Source source = make_source(op, x, "x");
    const std::int64_t* rows = nullptr;
    if (!rows_arg.is_none()) {
        const py::array r = gate::as_array(op, rows_arg, "rows");
        rows = row_numbers(op, r, source.shape[0]);
        n = elements(r);
    } else if (start < 0 || n < 0 || start > source.shape[0] || n > source.shape[0] - start) {
        throw py::index_error(Text(op) + ": rows [" + std::to_string(start) + ", " +
                              std::to_string(start) + " + " + std::to_string(n) +
                              ") are out of range for " + std::to_string(source.shape[0]));
    }
    return dispatch_name(op, dtype, [&](auto zero) {
        using T = decltype(zero);
        index_t shape[kMaxAxes];
        const int nd = gate::proxy(x)->nd;
        shape[0] = n;
        for (int i = 1; i < nd; ++i) shape[i] = extent(x, i);
        py::array y = py::reinterpret_borrow<py::array>(out_arg);
        if (out_arg.is_none()) {
            y = new_array<T>(nd, shape);
        } else {
            y = gate::as_array(op, out_arg, "out");
            bool fits = gate::proxy(y)->nd == nd;
            for (int i = 0; fits && i < nd; ++i) fits = extent(y, i) == shape[i];
            if (!fits)
                throw py::value_error(Text(op) + ": `out` must have " + std::to_string(n) +
                                      " rows like `x`'s; got shape " +
                                      py::str(y.attr("shape")).cast<std::string>());
        }
        T* yp = out<T>(op, y, "out");
        run_released(2.0 * double(elements(y)),
                     [&] { gather_rows<T>(source, rows, start, n, yp); });
        return y;
    });
}

// A new array of the shape, or the given one, filled by f(n, p).
template <class F>
py::array filled(const char* op, const Shape& shape, std::string_view dtype,
                 const py::object& out_arg, F&& f) {
    for (const index_t e : shape)
        if (e < 0) throw py::value_error(Text(op) + ": an extent of `shape` is negative");
    const index_t n = volume(shape);
    return dispatch_name(op, dtype, [&](auto zero) {
        using T = decltype(zero);
        py::array y = out_arg.is_none() ? new_array<T>(static_cast<int>(shape.size()), shape.data())
                                        : gate::as_array(op, out_arg, "out");
        T* yp = out<T>(op, y, "out");
        if (elements(y) != n)
            throw py::value_error(Text(op) + ": `out` must have " + std::to_string(n) +
                                  " elements; got " + std::to_string(elements(y)));
        run_released(20.0 * double(n), [&] { f(n, yp); });
        return y;
    });
}

py::array scale_shift_op(const py::array& x, double scale, double offset,
                         const py::object& out_arg) {
    return elementwise("scale_shift", "x", x, out_arg, [&](index_t n, auto* xp, auto* yp) {
        scale_shift(n, xp, scale, offset, yp);
    });
}

py::array scale_shift_columns_op(const py::array& x, const py::array& scale,
                                 const py::array& offset, const py::object& out_arg) {
    constexpr const char* op = "scale_shift";
    if (x.ndim() < 1) gate::refuse_shape(op, x, "x", {{"rows"}, {"cols"}});
    return dispatch(op, x, "x", [&](auto zero) {
        using T = decltype(zero);
        const index_t rows = leading(x), cols = extent(x, gate::proxy(x)->nd - 1);
        const T* xp = in<T>(op, x, "x");
        const T* sp = in<T>(op, scale, "scale", {{"cols", cols}});
        const T* op_ = in<T>(op, offset, "offset", {{"cols", cols}});
        const py::array y = output_like<T>(op, out_arg, x, "x");
        T* yp = elements_of<T>(y);
        require_same_or_apart(op, yp, "out", xp, "x", rows * cols);
        require_apart<T>(op, yp, rows * cols, "out", sp, cols, "scale");
        require_apart<T>(op, yp, rows * cols, "out", op_, cols, "offset");
        run_released(2.0 * double(rows * cols),
                     [&] { scale_shift_columns<T>(rows, cols, xp, sp, op_, yp); });
        return y;
    });
}

py::array permute_op(const py::array& x, const std::vector<int>& perm, const py::object& out_arg) {
    constexpr const char* op = "permute";
    const int nd = gate::proxy(x)->nd;
    std::vector<char> seen(static_cast<std::size_t>(nd), 0);
    bool valid = static_cast<int>(perm.size()) == nd;
    for (std::size_t i = 0; valid && i < perm.size(); ++i)
        valid = perm[i] >= 0 && perm[i] < nd && !seen[std::size_t(perm[i])]++;
    if (!valid)
        throw py::value_error(Text(op) + ": `perm` must name each of the " + std::to_string(nd) +
                              " axes once; got " + py::str(py::cast(perm)).cast<std::string>());
    return dispatch(op, x, "x", [&](auto zero) {
        using T = decltype(zero);
        const T* xp = in<T>(op, x, "x");
        index_t shape[kMaxAxes];
        for (int i = 0; i < nd; ++i) shape[i] = extent(x, perm[std::size_t(i)]);
        const py::array fresh = new_array<T>(nd, shape);
        const py::array y = output_like<T>(op, out_arg, fresh, "x permuted");
        T* yp = elements_of<T>(y);
        const index_t n = elements(x);
        require_apart<T>(op, yp, n, "out", xp, n, "x");
        const Shape in_shape(gate::proxy(x)->dimensions, gate::proxy(x)->dimensions + nd);
        run_released(2.0 * double(n), [&] { permute<T>(in_shape, perm, xp, yp); });
        return y;
    });
}

template <class F>
py::object reduction(const char* op, const py::array& x, F&& f) {
    return dispatch(op, x, "x", [&](auto zero) -> py::object {
        const auto* xp = in<decltype(zero)>(op, x, "x");
        const index_t n = elements(x);
        decltype(f(n, xp)) result{};
        run_released(double(n), [&] { result = f(n, xp); });
        return py::cast(result);
    });
}

void bind_reductions(py::module_& m) {
    def(m, "reduce_sum", [](const py::array& x) {
        return reduction("reduce_sum", x, [](index_t n, auto* p) { return reduce_sum(n, p); });
    });
    def(m, "reduce_sumsq", [](const py::array& x) {
        return reduction("reduce_sumsq", x, [](index_t n, auto* p) { return reduce_sumsq(n, p); });
    });
    def(m, "reduce_sumabs", [](const py::array& x) {
        return reduction("reduce_sumabs", x,
                         [](index_t n, auto* p) { return reduce_sumabs(n, p); });
    });
    def(m, "all_finite", [](const py::array& x) {
        return reduction("all_finite", x, [](index_t n, auto* p) { return all_finite(n, p); });
    });
}

}  // namespace

void bind_data(py::module_& m) {
    def(m, "gather_rows", &gather_rows_op);
    def(m, "dropout",
        [](const py::array& x, double rate, std::uint64_t seed, std::uint64_t stream,
           const py::object& out_arg) {
            check_rate("dropout", rate);
            return elementwise("dropout", "x", x, out_arg, [&](index_t n, auto* xp, auto* yp) {
                dropout(RandomKey{seed, stream}, rate, n, xp, yp);
            });
        });
    def(m, "dropout_mask",
        [](const Shape& shape, double rate, std::uint64_t seed, std::uint64_t stream,
           std::string_view dtype, const py::object& out_arg) {
            check_rate("dropout_mask", rate);
            return filled("dropout_mask", shape, dtype, out_arg, [&](index_t n, auto* p) {
                dropout_mask(RandomKey{seed, stream}, rate, n, p);
            });
        });
    def(m, "random_uniform",
        [](const Shape& shape, std::uint64_t seed, std::uint64_t stream, std::string_view dtype,
           const py::object& out_arg) {
            return filled("random_uniform", shape, dtype, out_arg, [&](index_t n, auto* p) {
                random_uniform(RandomKey{seed, stream}, n, p);
            });
        });
    def(m, "permutation", [](const py::array& order, std::uint64_t seed, std::uint64_t stream) {
        using A = py::array_t<std::int64_t>;
        if (!py::isinstance<A>(order) || order.ndim() != 1 || !order.writeable() ||
            (order.size() > 1 &&
             order.strides(0) != static_cast<py::ssize_t>(sizeof(std::int64_t))))
            throw py::type_error("permutation: `out` must be a contiguous vector of int64");
        auto* p = static_cast<std::int64_t*>(const_cast<void*>(order.data()));
        const index_t n = order.shape(0);
        run_released(10.0 * static_cast<double>(n), [&] {
            std::iota(p, p + n, std::int64_t{0});
            shuffle(RandomKey{seed, stream}, n, p);
        });
    });
    def(m, "random_normal",
        [](const Shape& shape, double mean, double stddev, std::uint64_t seed, std::uint64_t stream,
           std::string_view dtype, const py::object& out_arg) {
            return filled("random_normal", shape, dtype, out_arg, [&](index_t n, auto* p) {
                random_normal(RandomKey{seed, stream}, mean, stddev, n, p);
            });
        });
    def(m, "scale_shift", &scale_shift_op);
    def(m, "scale_shift_columns", &scale_shift_columns_op);
    def(m, "permute", &permute_op);
    bind_reductions(m);
}

}  // namespace ranvier
