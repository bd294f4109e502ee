// ranvier._core: a list of what each family registers.
#include <pybind11/pybind11.h>

#include <new>

#include "bindings/bind.hpp"

static void translate_bad_alloc(std::exception_ptr error) {
    try {
        if (error) std::rethrow_exception(error);
    } catch (const std::bad_alloc&) {
        PyErr_SetString(PyExc_MemoryError, "not enough memory for arrays of this size");
    }
}

// NumPy's and pybind11's state is that of the first interpreter; see PyInit__core.
static constexpr const char* kSubinterpreter =
    "ranvier._core does not support loading in subinterpreters; import it in the main one";
static bool in_subinterpreter() { return PyInterpreterState_Get() != PyInterpreterState_Main(); }

// Not PyInit__core itself, which has to look before pybind11 does.
PYBIND11_MODULE(_core_, m) {
    // CPython 3.13 calls PyInit__core in the main interpreter, and only this in the other one.
    if (in_subinterpreter()) throw pybind11::import_error(kSubinterpreter);
    m.attr("__version__") = RANVIER_VERSION;
    m.doc() = "ranvier's C++ engine. Use the public modules of ranvier instead.";
    pybind11::register_local_exception_translator(translate_bad_alloc);
    ranvier::bind_runtime(m);
    ranvier::bind_ops(m);
    ranvier::bind_graph(m);
    ranvier::bind_trainer(m);
}

// In a subinterpreter of CPython 3.11 pybind11 waits for the GIL that this very thread holds: the
// import would never end.
extern "C" PYBIND11_EXPORT PyObject* PyInit__core() {
    if (!in_subinterpreter()) return PyInit__core_();
    PyErr_SetString(PyExc_ImportError, kSubinterpreter);
    return nullptr;
}
