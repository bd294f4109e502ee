// Image augmentation and resizing: the nodes of a graph.
#include "bindings/bind_nodes.hpp"

namespace py = pybind11;

namespace ranvier {

template <class T>
void bind_image_nodes(GraphClass<T>&) {}

template void bind_image_nodes(GraphClass<float>&);
template void bind_image_nodes(GraphClass<double>&);

}  // namespace ranvier
