// Normalization: the single operations.
#include "bindings/bind_ops.hpp"

namespace py = pybind11;

namespace ranvier {

void bind_norm(py::module_&) {}

}  // namespace ranvier
