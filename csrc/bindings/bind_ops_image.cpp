// Image augmentation and resizing: the single operations.
#include "bindings/bind_ops.hpp"

namespace py = pybind11;

namespace ranvier {

void bind_image(py::module_&) {}

}  // namespace ranvier
