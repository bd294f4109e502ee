// The one checked gate through which NumPy arrays enter the engine.
//
// Bindings take plain `const py::array&` (or `const py::object&` where None is meant) and pass them
// through here: nothing is converted or copied behind the caller's back, and a check costs a few
// nanoseconds (py::array_t<T, c_style> arguments cost 0.6 us each). ranvier.ops makes arrays of
// other dtypes and layouts fit before it calls; what does not fit here is refused with a message
// that names the op, the argument, what was wanted and what came. NaN and infinities are welcome.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>

#include "bindings/gil.hpp"
#include "ranvier/data.hpp"
#include "ranvier/types.hpp"

namespace ranvier {

// One axis of an expected shape: its letter in messages and its extent, -1 for any.
struct Axis {
    const char* name;
    index_t extent = -1;
};
using Axes = std::initializer_list<Axis>;

namespace gate {

namespace pyd = pybind11::detail;

template <class T>
inline constexpr int kTypeNumber =
    std::is_same_v<T, float> ? int(pyd::npy_api::NPY_FLOAT_) : int(pyd::npy_api::NPY_DOUBLE_);

inline const pyd::PyArray_Proxy* proxy(const pybind11::array& a) {
    return pyd::array_proxy(a.ptr());
}
inline int type_number(const pybind11::array& a) {
    return pyd::array_descriptor_proxy(proxy(a)->descr)->type_num;
}
inline bool native_order(const pybind11::array& a) {
    const char order = pyd::array_descriptor_proxy(proxy(a)->descr)->byteorder;
    return order == '=' || order == '|' ||
           order == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>');
}
inline bool has_flags(const pybind11::array& a, int flags) {
    return (proxy(a)->flags & flags) == flags;
}
inline constexpr int kDense =
    pyd::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | pyd::npy_api::NPY_ARRAY_ALIGNED_;

inline bool fits(const pybind11::array& a, Axes axes) {
    if (proxy(a)->nd != static_cast<int>(axes.size())) return false;
    const Py_ssize_t* extent = proxy(a)->dimensions;
    for (const Axis& axis : axes)
        if (const Py_ssize_t e = *extent++; axis.extent >= 0 && axis.extent != e) return false;
    return true;
}

// The slow half: says what is wrong. `type_number` is the dtype that was wanted.
[[noreturn]] void refuse_layout(const char* op, const pybind11::array& a, const char* name,
                                int wanted_type, bool writable);
[[noreturn]] void refuse_shape(const char* op, const pybind11::array& a, const char* name,
                               Axes axes);
[[noreturn]] void refuse_shape(const char* op, const pybind11::array& a, const char* name,
                               const char* other_name, const pybind11::array& other);
[[noreturn]] void refuse_dtype(const char* op, const pybind11::array& a, const char* name);
[[noreturn]] void refuse_overlap(const char* op, const char* name, const char* other_name,
                                 bool partly);
pybind11::array new_array(int type_number, int ndim, const index_t* shape);
pybind11::array as_array(const char* op, const pybind11::object& o, const char* name);

}  // namespace gate

// True if the array can be used as it is: dtype T in native byte order, C-contiguous, aligned.
template <class T>
bool is_native(const pybind11::array& a) {
    return gate::type_number(a) == gate::kTypeNumber<T> && gate::has_flags(a, gate::kDense) &&
           gate::native_order(a);
}

// The elements of an input: refused unless is_native<T> (and of the shape, if one is given).
template <class T>
const T* in(const char* op, const pybind11::array& a, const char* name) {
    if (!is_native<T>(a)) gate::refuse_layout(op, a, name, gate::kTypeNumber<T>, false);
    return reinterpret_cast<const T*>(gate::proxy(a)->data);
}
template <class T>
const T* in(const char* op, const pybind11::array& a, const char* name, Axes axes) {
    if (!gate::fits(a, axes)) gate::refuse_shape(op, a, name, axes);
    return in<T>(op, a, name);
}

// The same for an array that is written to.
template <class T>
T* out(const char* op, const pybind11::array& a, const char* name) {
    if (!is_native<T>(a) || !gate::has_flags(a, pybind11::detail::npy_api::NPY_ARRAY_WRITEABLE_))
        gate::refuse_layout(op, a, name, gate::kTypeNumber<T>, true);
    return reinterpret_cast<T*>(gate::proxy(a)->data);
}
template <class T>
T* out(const char* op, const pybind11::array& a, const char* name, Axes axes) {
    if (!gate::fits(a, axes)) gate::refuse_shape(op, a, name, axes);
    return out<T>(op, a, name);
}

// An optional input: null for None.
template <class T>
const T* in_or_null(const char* op, const pybind11::object& o, const char* name, Axes axes) {
    if (o.is_none()) return nullptr;
    return in<T>(op, gate::as_array(op, o, name), name, axes);
}

// A new, uninitialised, C-contiguous array.
template <class T>
pybind11::array new_array(int ndim, const index_t* shape) {
    return gate::new_array(gate::kTypeNumber<T>, ndim, shape);
}
template <class T>
pybind11::array new_array(std::initializer_list<index_t> shape) {
    return new_array<T>(static_cast<int>(shape.size()), shape.begin());
}
template <class T>
pybind11::array new_array_like(const pybind11::array& a) {
    return new_array<T>(gate::proxy(a)->nd, gate::proxy(a)->dimensions);
}

inline bool same_shape(const pybind11::array& a, const pybind11::array& b) {
    const auto* p = gate::proxy(a);
    const auto* q = gate::proxy(b);
    if (p->nd != q->nd) return false;
    for (int i = 0; i < p->nd; ++i)
        if (p->dimensions[i] != q->dimensions[i]) return false;
    return true;
}
inline void require_same_shape(const char* op, const pybind11::array& a, const char* name,
                               const pybind11::array& like, const char* like_name) {
    if (!same_shape(a, like)) gate::refuse_shape(op, a, name, like_name, like);
}

// The array that results are written to: `out` itself, or a new one like `like` for None.
template <class T>
pybind11::array output_like(const char* op, const pybind11::object& given,
                            const pybind11::array& like, const char* like_name) {
    if (given.is_none()) return new_array_like<T>(like);
    pybind11::array a = gate::as_array(op, given, "out");
    require_same_shape(op, a, "out", like, like_name);
    out<T>(op, a, "out");
    return a;
}
template <class T>
pybind11::array output(const char* op, const pybind11::object& given, const char* name, Axes axes) {
    if (!given.is_none()) {
        pybind11::array a = gate::as_array(op, given, name);
        out<T>(op, a, name, axes);
        return a;
    }
    index_t shape[8];
    int n = 0;
    for (const Axis& axis : axes) shape[n++] = axis.extent;
    return new_array<T>(n, shape);
}

inline index_t elements(const pybind11::array& a) {
    index_t n = 1;
    for (int i = 0; i < gate::proxy(a)->nd; ++i) n *= gate::proxy(a)->dimensions[i];
    return n;
}
inline index_t extent(const pybind11::array& a, int axis) {
    return gate::proxy(a)->dimensions[axis];
}
// Product of all extents but the last: a [..., cols] array as rows of cols.
inline index_t leading(const pybind11::array& a) {
    index_t n = 1;
    for (int i = 0; i + 1 < gate::proxy(a)->nd; ++i) n *= gate::proxy(a)->dimensions[i];
    return n;
}

// Memory of dense arrays. `require_apart`: no byte in common; `require_same_or_apart`: the same
// array (in place) or no byte in common.
inline bool overlap(const void* p, std::size_t p_bytes, const void* q, std::size_t q_bytes) {
    const auto a = reinterpret_cast<std::uintptr_t>(p), b = reinterpret_cast<std::uintptr_t>(q);
    return p_bytes != 0 && q_bytes != 0 && a < b + q_bytes && b < a + p_bytes;
}
template <class T>
void require_apart(const char* op, const T* p, index_t n, const char* name, const T* q, index_t m,
                   const char* other_name) {
    if (p && q && overlap(p, std::size_t(n) * sizeof(T), q, std::size_t(m) * sizeof(T)))
        gate::refuse_overlap(op, name, other_name, false);
}
template <class T>
void require_same_or_apart(const char* op, const T* p, const char* name, const T* q,
                           const char* other_name, index_t n) {
    if (p && q && p != q && overlap(p, std::size_t(n) * sizeof(T), q, std::size_t(n) * sizeof(T)))
        gate::refuse_overlap(op, name, other_name, true);
}

// A user's array described for gather_rows: any real numeric dtype, strides and byte order, at
// least one axis. The array must outlive the Source.
Source make_source(const char* op, const pybind11::array& a, const char* name);

// Calls f with a T{} of the array's dtype; TypeError unless it is float32 or float64.
template <class F>
decltype(auto) dispatch(const char* op, const pybind11::array& a, const char* name, F&& f) {
    switch (gate::type_number(a)) {
        case gate::kTypeNumber<float>:
            return f(float{});
        case gate::kTypeNumber<double>:
            return f(double{});
        default:
            gate::refuse_dtype(op, a, name);
    }
}

// Lets the GIL go while `f` runs, unless the work is shorter than doing so (~0.1 us; below about
// 2 us other threads gain nothing).
template <class F>
void run_released(double flops, F&& f) {
    if (flops < 2e4) {
        f();
    } else {
        const WithoutGil release;
        f();
    }
}

}  // namespace ranvier
