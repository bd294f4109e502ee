// Matrix products with their epilogue.
#include <algorithm>
#include <cmath>
#include <vector>

#include "bindings/bind_ops.hpp"
#include "bindings/names.hpp"
#include "ranvier/gemm.hpp"
#include "ranvier/text.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

constexpr const char* kOp = "matmul";

// A matrix as gemm takes it: rows `ld` apart, perhaps stored transposed. `rows` and `cols` are
// those the user sees.
template <class T>
struct Matrix {
    const T* data;
    index_t rows, cols, ld;
    bool transposed;
    index_t span() const {  // elements from the first to the last
        if (rows == 0 || cols == 0) return 0;
        return transposed ? (cols - 1) * ld + rows : (rows - 1) * ld + cols;
    }
};

// Takes, beside C-contiguous matrices, Fortran-contiguous ones and slices of either, without a
// copy. Whatever else comes is refused.
template <class T>
Matrix<T> matrix(const py::array& a, const char* name, index_t rows, index_t cols) {
    if (is_native<T>(a)) return {elements_of<T>(a), rows, cols, std::max<index_t>(cols, 1), false};
    constexpr auto size = static_cast<py::ssize_t>(sizeof(T));
    const bool native = gate::type_number(a) == gate::kTypeNumber<T> && gate::native_order(a) &&
                        gate::has_flags(a, py::detail::npy_api::NPY_ARRAY_ALIGNED_);
    if (native && a.ndim() == 2) {
        const py::ssize_t down = a.strides(0), right = a.strides(1);
        if ((right == size || cols == 1) && down >= cols * size && down % size == 0)
            return {elements_of<T>(a), rows, cols, down / size, false};
        if ((down == size || rows == 1) && right >= rows * size && right % size == 0)
            return {elements_of<T>(a), rows, cols, right / size, true};
    }
    gate::refuse_layout(kOp, a, name, gate::kTypeNumber<T>, false);
}

std::string shape_of(const py::array& a) { return py::str(a.attr("shape")).cast<std::string>(); }

// `a` is [..., M, K] ([..., K, M] if transposed): a stack of `batch` matrices, which is one tall
// matrix unless they are transposed.
struct Extents {
    index_t batch, m, n, k;
    index_t a_rows, a_cols;
};

Extents extents(const py::array& a, const py::array& b, bool ta, bool tb) {
    const auto fail = [&](const char* why) {
        throw py::value_error(Text(kOp) + ": " + why + "; got a " + shape_of(a) +
                              (ta ? " transposed" : "") + " and b " + shape_of(b) +
                              (tb ? " transposed" : ""));
    };
    if (b.ndim() != 2) fail("`b` must have two axes (K, N)");
    if (a.ndim() < (ta ? 2 : 1))
        fail(ta ? "`a` must have axes (..., K, M)" : "`a` must have axes (..., K)");
    Extents e{1, 1, extent(b, tb ? 0 : 1), 0, 1, 0};
    const int last = gate::proxy(a)->nd - 1;
    e.a_cols = extent(a, last);
    if (ta) {
        for (int i = 0; i + 1 < last; ++i) e.batch *= extent(a, i);
        e.a_rows = extent(a, last - 1);
        e.m = e.a_cols;
        e.k = e.a_rows;
    } else {
        e.a_rows = e.m = leading(a);
        e.k = e.a_cols;
    }
    if (extent(b, tb ? 1 : 0) != e.k) fail("K, over which is summed, differs");
    return e;
}

template <class T>
py::array result(const char* name, const py::object& given, const py::array& a, const Extents& e,
                 bool ta) {
    index_t shape[64];
    const int nd = gate::proxy(a)->nd;
    for (int i = 0; i + 1 < nd; ++i) shape[i] = extent(a, i);
    if (ta) shape[nd - 2] = e.m;
    shape[nd - 1] = e.n;
    if (given.is_none()) return new_array<T>(nd, shape);
    py::array c = gate::as_array(kOp, given, name);
    if (gate::proxy(c)->nd != nd || !std::equal(shape, shape + nd, gate::proxy(c)->dimensions)) {
        std::string wanted;
        for (int i = 0; i < nd; ++i) wanted += (i ? ", " : "") + std::to_string(shape[i]);
        throw py::value_error(Text(kOp) + ": `" + name + "` must have shape (" + wanted +
                              (nd == 1 ? ",)" : ")") + "; got " + shape_of(c));
    }
    out<T>(kOp, c, name);
    return c;
}

template <class T>
py::array matmul(const py::array& a, const py::array& b, const py::object& bias,
                 const Activation& act, bool ta, bool tb, double alpha, double beta,
                 const py::object& out_arg, const py::object& pre_arg) {
    const Extents e = extents(a, b, ta, tb);
    const Matrix<T> am = matrix<T>(a, "a", e.a_rows, e.a_cols);
    const Matrix<T> bm = matrix<T>(b, "b", extent(b, 0), extent(b, 1));
    if (beta != 0.0 && out_arg.is_none())
        throw py::value_error("matmul: `beta` is not 0, so `out` must be given");
    Epilogue<T> epilogue;
    epilogue.bias = in_or_null<T>(kOp, bias, "bias", {{"N", e.n}});
    epilogue.act = act.act;
    epilogue.params = act.params;
    const py::array c = result<T>("out", out_arg, a, e, ta);
    T* cp = elements_of<T>(c);
    const index_t total = elements(c);
    if (!pre_arg.is_none()) {
        epilogue.pre = elements_of<T>(result<T>("pre", pre_arg, a, e, ta));
        epilogue.ldpre = std::max<index_t>(e.n, 1);
        require_apart<T>(kOp, epilogue.pre, total, "pre", cp, total, "out");
        require_apart<T>(kOp, epilogue.pre, total, "pre", am.data, am.span() * e.batch, "a");
        require_apart<T>(kOp, epilogue.pre, total, "pre", bm.data, bm.span(), "b");
    }
    require_apart<T>(kOp, cp, total, "out", am.data, am.span() * e.batch, "a");
    require_apart<T>(kOp, cp, total, "out", bm.data, bm.span(), "b");
    require_apart<T>(kOp, cp, total, "out", epilogue.bias, e.n, "bias");
    const Trans opa = ta != am.transposed ? Trans::yes : Trans::no;
    const Trans opb = tb != bm.transposed ? Trans::yes : Trans::no;
    const double flops = 2.0 * double(e.batch) * double(e.m) * double(e.n) * double(e.k);
    run_released(flops + double(total), [&] {
        for (index_t i = 0; i < e.batch; ++i) {
            gemm<T>(opa, opb, e.m, e.n, e.k, T(alpha), am.data + i * e.a_rows * e.a_cols, am.ld,
                    bm.data, bm.ld, T(beta), cp + i * e.m * e.n, std::max<index_t>(e.n, 1),
                    epilogue);
            if (epilogue.pre) epilogue.pre += e.m * e.n;
        }
    });
    return c;
}

}  // namespace

void bind_matmul(py::module_& m) {
    def(m, "matmul",
        [](const py::array& a, const py::array& b, const py::object& bias,
           const py::object& activation, bool ta, bool tb, double alpha, double beta,
           const py::object& out_arg, const py::object& pre_arg) {
            const Activation act = activation_of(kOp, activation);
            return dispatch(kOp, a, "a", [&](auto zero) {
                return matmul<decltype(zero)>(a, b, bias, act, ta, tb, alpha, beta, out_arg,
                                              pre_arg);
            });
        });
}

}  // namespace ranvier
