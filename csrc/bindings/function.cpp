#include "bindings/function.hpp"

#include <climits>
#include <memory>
#include <new>
#include <stdexcept>

namespace py = pybind11;

namespace ranvier::call {
namespace {

struct Function {
    PyMethodDef method;
    Any f;
    Invoke invoke;
    std::size_t count;
    bool of_class;
};

// What pybind11 makes of C++ exceptions. Called in a handler.
void translate() noexcept {
    try {
        throw;
    } catch (py::error_already_set& e) {
        e.restore();
    } catch (const py::builtin_exception& e) {
        e.set_error();
    } catch (const std::bad_alloc&) {
        PyErr_SetString(PyExc_MemoryError, "not enough memory for arrays of this size");
    } catch (const std::out_of_range& e) {
        PyErr_SetString(PyExc_IndexError, e.what());
    } catch (const std::logic_error& e) {  // invalid_argument, domain_error, length_error
        PyErr_SetString(PyExc_ValueError, e.what());
    } catch (const std::range_error& e) {
        PyErr_SetString(PyExc_ValueError, e.what());
    } catch (const std::overflow_error& e) {
        PyErr_SetString(PyExc_OverflowError, e.what());
    } catch (const std::exception& e) {
        PyErr_SetString(PyExc_RuntimeError, e.what());
    } catch (...) {
        PyErr_SetString(PyExc_RuntimeError, "unknown C++ exception");
    }
}

PyObject* run(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
    const auto& f = *static_cast<const Function*>(PyCapsule_GetPointer(self, nullptr));
    if (static_cast<std::size_t>(count) != f.count) {
        const auto own = static_cast<Py_ssize_t>(f.of_class);
        PyErr_Format(PyExc_TypeError, "%s takes %zd arguments; got %zd", f.method.ml_name,
                     static_cast<Py_ssize_t>(f.count) - own, count - own);
        return nullptr;
    }
    try {
        return f.invoke(f.f, {f.method.ml_name, arguments});
    } catch (...) {
        translate();
        return nullptr;
    }
}

// The elements of a list, a tuple, or whatever else but text can be walked through.
template <class T>
std::vector<T> elements(const Arguments& a, std::size_t i, const char* wanted,
                        T (Arguments::*element)(std::size_t) const) {
    PyObject* given = a.at[i];
    py::object all;
    if (!PyUnicode_Check(given) && !PyBytes_Check(given))
        all = py::reinterpret_steal<py::object>(PySequence_Fast(given, ""));
    if (!all) {
        PyErr_Clear();
        a.refuse(i, wanted);
    }
    const Arguments inner{a.function, PySequence_Fast_ITEMS(all.ptr()), "element"};
    std::vector<T> values(static_cast<std::size_t>(PySequence_Fast_GET_SIZE(all.ptr())));
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = (inner.*element)(k);
    return values;
}

}  // namespace

void Arguments::refuse(std::size_t i, const char* wanted) const {
    PyErr_Format(PyExc_TypeError, "%s: expected %s; got %s as %s %zd", function, wanted,
                 Py_TYPE(at[i])->tp_name, what, static_cast<Py_ssize_t>(i) + 1);
    throw py::error_already_set();
}

bool Arguments::flag(std::size_t i) const {
    PyObject* o = at[i];
    if (o == Py_True) return true;
    if (o == Py_False) return false;
    const PyNumberMethods* as_number = Py_TYPE(o)->tp_as_number;  // a numpy.bool, say
    const int truth = as_number && as_number->nb_bool ? PyObject_IsTrue(o) : -1;
    if (truth >= 0) return truth != 0;
    PyErr_Clear();
    refuse(i, "a bool");
}

index_t Arguments::whole(std::size_t i) const {
    const auto o = py::reinterpret_steal<py::object>(PyNumber_Index(at[i]));
    const long long value = o ? PyLong_AsLongLong(o.ptr()) : -1;
    if (value == -1 && PyErr_Occurred()) {
        PyErr_Clear();
        refuse(i, "an integer of 64 bits");
    }
    return value;
}

int Arguments::narrow(std::size_t i) const {
    const index_t value = whole(i);
    if (value < INT_MIN || value > INT_MAX) refuse(i, "an integer of 32 bits");
    return static_cast<int>(value);
}

std::uint64_t Arguments::natural(std::size_t i) const {
    const auto o = py::reinterpret_steal<py::object>(PyNumber_Index(at[i]));
    const unsigned long long value = o ? PyLong_AsUnsignedLongLong(o.ptr()) : -1ull;
    if (value == -1ull && PyErr_Occurred()) {
        PyErr_Clear();
        refuse(i, "an integer >= 0 of 64 bits");
    }
    return value;
}

double Arguments::number(std::size_t i) const {
    const double value = PyFloat_AsDouble(at[i]);
    if (value == -1.0 && PyErr_Occurred()) {
        PyErr_Clear();
        refuse(i, "a number");
    }
    return value;
}

std::string_view Arguments::text(std::size_t i) const {
    Py_ssize_t size = 0;
    const char* p = PyUnicode_Check(at[i]) ? PyUnicode_AsUTF8AndSize(at[i], &size) : nullptr;
    if (p == nullptr) {
        PyErr_Clear();
        refuse(i, "a str");
    }
    return {p, static_cast<std::size_t>(size)};
}

std::vector<index_t> Arguments::wholes(std::size_t i) const {
    return elements(*this, i, "a sequence of integers", &Arguments::whole);
}
std::vector<int> Arguments::narrows(std::size_t i) const {
    return elements(*this, i, "a sequence of integers", &Arguments::narrow);
}
std::vector<double> Arguments::numbers(std::size_t i) const {
    return elements(*this, i, "a sequence of numbers", &Arguments::number);
}
std::vector<py::array> Arguments::arrays(std::size_t i) const {
    const auto all = object<py::list>(i);
    std::vector<py::array> values;
    for (const py::handle& o : all) {
        PyObject* const element = o.ptr();
        values.push_back(Arguments{function, &element, "element"}.object<py::array>(0));
    }
    return values;
}
std::pair<double, double> Arguments::two(std::size_t i) const {
    const std::vector<double> values = numbers(i);
    if (values.size() != 2) refuse(i, "two numbers");
    return {values[0], values[1]};
}

void* Arguments::instance(std::size_t i, const std::type_info& type) const {
    py::detail::type_caster_generic caster(type);
    if (!caster.load(at[i], false) || caster.value == nullptr)
        refuse(i, "an object of another class");
    return caster.value;
}

PyObject* give_text(std::string_view text) {
    return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}
PyObject* give_wholes(const std::vector<index_t>& values) {
    py::list all(values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        PyList_SET_ITEM(all.ptr(), static_cast<Py_ssize_t>(i), PyLong_FromLongLong(values[i]));
    return all.release().ptr();
}
PyObject* give_texts(const std::vector<std::string>& values) {
    py::list all(values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        PyList_SET_ITEM(all.ptr(), static_cast<Py_ssize_t>(i), give_text(values[i]));
    return all.release().ptr();
}

void set(py::handle scope, const char* name, Any f, Invoke invoke, std::size_t count,
         bool property) {
    const bool of_class = PyType_Check(scope.ptr());
    auto made = std::make_unique<Function>();
    made->method = {name, reinterpret_cast<PyCFunction>(reinterpret_cast<Any>(&run)), METH_FASTCALL,
                    nullptr};
    made->f = f;
    made->invoke = invoke;
    made->count = count;
    made->of_class = of_class;
    const py::capsule self(made.get(), [](void* p) { delete static_cast<Function*>(p); });
    PyMethodDef* method = &made.release()->method;
    const py::object module = of_class ? scope.attr("__module__") : scope.attr("__name__");
    auto made_function =
        py::reinterpret_steal<py::object>(PyCFunction_NewEx(method, self.ptr(), module.ptr()));
    if (of_class)  // which binds its first argument, as a function written in Python does
        made_function =
            py::reinterpret_steal<py::object>(PyInstanceMethod_New(made_function.ptr()));
    if (property)
        made_function = py::handle(reinterpret_cast<PyObject*>(&PyProperty_Type))(made_function);
    if (!made_function) throw py::error_already_set();
    scope.attr(name) = made_function;
}

}  // namespace ranvier::call
