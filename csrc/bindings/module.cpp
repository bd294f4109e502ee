// ranvier._core: a list of what each family registers.
#include <pybind11/pybind11.h>

#include "bindings/bind.hpp"

PYBIND11_MODULE(_core, m) {
    m.attr("__version__") = RANVIER_VERSION;
    m.doc() = "ranvier's C++ engine. Use the public modules of ranvier instead.";
    ranvier::bind_runtime(m);
    ranvier::bind_ops(m);
    ranvier::bind_graph(m);
    ranvier::bind_trainer(m);
}
