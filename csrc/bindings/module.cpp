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

PYBIND11_MODULE(_core, m) {
    m.attr("__version__") = RANVIER_VERSION;
    m.doc() = "ranvier's C++ engine. Use the public modules of ranvier instead.";
    pybind11::register_local_exception_translator(translate_bad_alloc);
    ranvier::bind_runtime(m);
    ranvier::bind_ops(m);
    ranvier::bind_graph(m);
    ranvier::bind_trainer(m);
}
