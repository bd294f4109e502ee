// Convolution: the single operations.
#include "bindings/bind_ops.hpp"

namespace py = pybind11;

namespace ranvier {

void bind_conv(py::module_&) {}

}  // namespace ranvier
