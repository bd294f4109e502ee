// Pooling, upsampling, padding and cropping: the nodes of a graph.
#include <pybind11/stl.h>

#include "bindings/bind_nodes.hpp"
#include "ranvier/nodes_pool.hpp"

namespace py = pybind11;

namespace ranvier {

template <class T>
void bind_pool_nodes(GraphClass<T>& graph) {
    using G = Graph<T>;
    auto kind = [](bool average) { return average ? Pool::average : Pool::max; };
    graph
        .def(
            "pool",
            [kind](G& g, int x, bool average, const Shape& window, const Shape& strides,
                   bool same) {
                return g.add(make_pool<T>(kind(average), window, strides, same), {x}, {});
            },
            py::arg("x"), py::arg("average"), py::arg("window"), py::arg("strides"),
            py::arg("same"))
        .def(
            "global_pool",
            [kind](G& g, int x, bool average, std::size_t axes, bool keepdims) {
                return g.add(make_global_pool<T>(kind(average), axes, keepdims), {x}, {});
            },
            py::arg("x"), py::arg("average"), py::arg("axes"), py::arg("keepdims"))
        .def(
            "upsample",
            [](G& g, int x, const Shape& size, bool bilinear) {
                return g.add(make_upsample<T>(size, bilinear), {x}, {});
            },
            py::arg("x"), py::arg("size"), py::arg("bilinear"))
        .def(
            "frame",
            [](G& g, int x, const Shape& before, const Shape& after, bool grow) {
                return g.add(make_frame<T>(before, after, grow), {x}, {});
            },
            py::arg("x"), py::arg("before"), py::arg("after"), py::arg("grow"));
}

template void bind_pool_nodes(GraphClass<float>&);
template void bind_pool_nodes(GraphClass<double>&);

}  // namespace ranvier
