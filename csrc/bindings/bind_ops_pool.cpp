// Pooling, upsampling, padding and cropping: the single operations.
#include "bindings/bind_ops.hpp"

namespace py = pybind11;

namespace ranvier {

void bind_pool(py::module_&) {}

}  // namespace ranvier
