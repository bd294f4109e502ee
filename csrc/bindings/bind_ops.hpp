// What bind_ops.cpp calls, one function a family, and the shape that most of their ops share.
#pragma once

#include "bindings/array_args.hpp"
#include "bindings/function.hpp"
#include "ranvier/types.hpp"

namespace ranvier {

void bind_matmul(pybind11::module_& m);
void bind_activation(pybind11::module_& m);
void bind_loss(pybind11::module_& m);
void bind_optim(pybind11::module_& m);
void bind_data(pybind11::module_& m);
void bind_conv(pybind11::module_& m);
void bind_pool(pybind11::module_& m);
void bind_norm(pybind11::module_& m);
void bind_image(pybind11::module_& m);
void bind_rnn(pybind11::module_& m);

// The activation of an op: linear for None, else (name, a, b, c).
struct Activation {
    Act act = Act::linear;
    ActParams params;
};
Activation activation_of(const char* op, const pybind11::object& given);

// The elements of an array that has been through the gate.
template <class T>
T* elements_of(const pybind11::array& a) {
    return reinterpret_cast<T*>(gate::proxy(a)->data);
}

// y = f(x), element for element, y new or given (in place allowed). f(n, x, y) does the work.
template <class F>
pybind11::array elementwise(const char* op, const char* name, const pybind11::array& x,
                            const pybind11::object& out_arg, F&& f) {
    return dispatch(op, x, name, [&](auto zero) {
        using T = decltype(zero);
        const T* xp = in<T>(op, x, name);
        pybind11::array y = output_like<T>(op, out_arg, x, name);
        T* yp = elements_of<T>(y);
        const index_t n = elements(x);
        require_same_or_apart(op, yp, "out", xp, name, n);
        run_released(8.0 * static_cast<double>(n), [&] { f(n, xp, yp); });
        return y;
    });
}

// dx = f(saved, dy), element for element; dx may be dy.
template <class F>
pybind11::array elementwise_backward(const char* op, const char* saved_name,
                                     const pybind11::array& saved, const pybind11::array& dy,
                                     const pybind11::object& out_arg, F&& f) {
    return dispatch(op, dy, "dy", [&](auto zero) {
        using T = decltype(zero);
        const T* dyp = in<T>(op, dy, "dy");
        const T* sp = in<T>(op, saved, saved_name);
        require_same_shape(op, saved, saved_name, dy, "dy");
        pybind11::array dx = output_like<T>(op, out_arg, dy, "dy");
        T* dxp = elements_of<T>(dx);
        const index_t n = elements(dy);
        require_same_or_apart(op, dxp, "out", dyp, "dy", n);
        require_apart(op, dxp, n, "out", sp, n, saved_name);
        run_released(8.0 * static_cast<double>(n), [&] { f(n, sp, dyp, dxp); });
        return dx;
    });
}

}  // namespace ranvier
