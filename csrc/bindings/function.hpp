// Functions and methods of the module, by position and without pybind11's overloads, keywords and
// docstrings: one that pybind11 makes is some kilobytes of code, one of these some hundred bytes,
// and called in half the time.
//
//     def(m, "permute", &permute_op);
//     def(m, "num_threads", [] { return num_threads(); });
//     def(graph, "label", [](Graph<T>& g, std::string_view label) { ... });
//
// What is taken: see take(). TypeError for arguments that are too many, too few or of another type.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "ranvier/types.hpp"

namespace ranvier {
namespace call {

// What a function was called with.
struct Arguments {
    const char* function;
    PyObject* const* at;
    const char* what = "argument";

    [[noreturn]] void refuse(std::size_t i, const char* wanted) const;
    bool flag(std::size_t i) const;
    index_t whole(std::size_t i) const;
    int narrow(std::size_t i) const;
    std::uint64_t natural(std::size_t i) const;
    double number(std::size_t i) const;
    std::string_view text(std::size_t i) const;
    std::vector<index_t> wholes(std::size_t i) const;
    std::vector<int> narrows(std::size_t i) const;
    std::vector<double> numbers(std::size_t i) const;
    std::vector<pybind11::array> arrays(std::size_t i) const;
    std::pair<double, double> two(std::size_t i) const;
    void* instance(std::size_t i, const std::type_info& type) const;

    // Of a Python type: borrowed, as the caller holds them.
    template <class O>
    const O& object(std::size_t i) const {
        static_assert(sizeof(O) == sizeof(PyObject*));
        if constexpr (!std::is_same_v<O, pybind11::object>)
            if (!pybind11::isinstance<O>(at[i])) refuse(i, wanted<O>());
        return reinterpret_cast<const O&>(at[i]);
    }
    template <class O>
    static constexpr const char* wanted() {
        return std::is_same_v<O, pybind11::array>  ? "a numpy.ndarray"
               : std::is_same_v<O, pybind11::dict> ? "a dict"
                                                   : "a list";
    }
};

// Argument i as a parameter of type A takes it.
template <class A>
decltype(auto) take(const Arguments& a, std::size_t i) {
    using V = std::remove_cvref_t<A>;
    if constexpr (std::is_same_v<V, bool>)
        return a.flag(i);
    else if constexpr (std::is_same_v<V, int>)
        return a.narrow(i);
    else if constexpr (std::is_unsigned_v<V>)
        return static_cast<V>(a.natural(i));
    else if constexpr (std::is_integral_v<V>)
        return a.whole(i);
    else if constexpr (std::is_floating_point_v<V>)
        return a.number(i);
    else if constexpr (std::is_same_v<V, std::string_view>)
        return a.text(i);
    else if constexpr (std::is_same_v<V, const char*>)
        return a.text(i).data();
    else if constexpr (std::is_same_v<V, std::vector<index_t>>)
        return a.wholes(i);
    else if constexpr (std::is_same_v<V, std::vector<int>>)
        return a.narrows(i);
    else if constexpr (std::is_same_v<V, std::vector<double>>)
        return a.numbers(i);
    else if constexpr (std::is_same_v<V, std::vector<pybind11::array>>)
        return a.arrays(i);
    else if constexpr (std::is_same_v<V, std::pair<double, double>>)
        return a.two(i);
    else if constexpr (std::is_base_of_v<pybind11::object, V>)
        return a.object<V>(i);
    else if constexpr (std::is_pointer_v<V>)  // or None
        return a.at[i] == Py_None ? nullptr
                                  : static_cast<V>(a.instance(i, typeid(std::remove_pointer_t<V>)));
    else
        return *static_cast<V*>(a.instance(i, typeid(V)));
}

PyObject* give_text(std::string_view text);
PyObject* give_wholes(const std::vector<index_t>& values);
PyObject* give_texts(const std::vector<std::string>& values);

template <class R>
PyObject* give(R&& value) {
    using V = std::remove_cvref_t<R>;
    if constexpr (std::is_base_of_v<pybind11::object, V>)
        return value.release().ptr();
    else if constexpr (std::is_same_v<V, bool>)
        return PyBool_FromLong(value);
    else if constexpr (std::is_unsigned_v<V>)
        return PyLong_FromUnsignedLongLong(value);
    else if constexpr (std::is_integral_v<V>)
        return PyLong_FromLongLong(value);
    else if constexpr (std::is_floating_point_v<V>)
        return PyFloat_FromDouble(static_cast<double>(value));
    else if constexpr (std::is_same_v<V, std::vector<index_t>>)
        return give_wholes(value);
    else if constexpr (std::is_same_v<V, std::vector<std::string>>)
        return give_texts(value);
    else
        return give_text(value);
}

using Any = void (*)();
using Invoke = PyObject* (*)(Any, const Arguments&);

template <class R, class... A, std::size_t... I>
PyObject* invoke(R (*f)(A...), [[maybe_unused]] const Arguments& a, std::index_sequence<I...>) {
    if constexpr (std::is_void_v<R>) {
        f(take<A>(a, I)...);
        return pybind11::none().release().ptr();
    } else {
        return give(f(take<A>(a, I)...));
    }
}
// One for all functions of a type.
template <class R, class... A>
PyObject* invoke_any(Any f, const Arguments& a) {
    return invoke(reinterpret_cast<R (*)(A...)>(f), a, std::index_sequence_for<A...>{});
}

// To Python as `name` of a module, or as a method of a class.
void set(pybind11::handle scope, const char* name, Any f, Invoke invoke, std::size_t count,
         bool property);

template <class R, class... A>
void def(pybind11::handle scope, const char* name, R (*f)(A...), bool property) {
    set(scope, name, reinterpret_cast<Any>(f), &invoke_any<R, A...>, sizeof...(A), property);
}

}  // namespace call

// f: a function, or a lambda that captures nothing.
template <class F>
void def(pybind11::handle scope, const char* name, F f) {
    call::def(scope, name, +f, false);
}
// A read-only attribute of a class.
template <class F>
void def_property(pybind11::handle type, const char* name, F f) {
    call::def(type, name, +f, true);
}

}  // namespace ranvier
