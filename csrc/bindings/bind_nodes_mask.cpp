// Embedding, masks, sequences as batches: the nodes of a graph.
#include "bindings/bind_nodes.hpp"
#include "ranvier/nodes_mask.hpp"

#include <pybind11/stl.h>

namespace py = pybind11;

namespace ranvier {

template <class T>
void bind_mask_nodes(GraphClass<T>& graph) {
    using G = Graph<T>;
    graph.def("mask_input", &G::set_mask_input)
        .def("set_output", &G::set_output)
        .def("embedding",
             [](G& g, int x, index_t input_dim, index_t output_dim, int table) {
                 return g.add(make_embedding<T>(input_dim, output_dim), {x}, {table});
             })
        .def("unequal",
             [](G& g, int x, double value, bool over_last) {
                 return g.add(make_unequal<T>(value, over_last), {x}, {});
             })
        .def("keep", [](G& g, int x, int mask) { return g.add(make_keep<T>(), {x, mask}, {}); })
        .def("masked_mean",
             [](G& g, int x, int mask, bool keepdims) {
                 return g.add(make_masked_mean<T>(keepdims), {x, mask}, {});
             })
        .def("fold", [](G& g, int x, bool looks) { return g.add(make_fold<T>(looks), {x}, {}); })
        .def("unfold",
             [](G& g, int x, int like) { return g.add(make_unfold<T>(), {x, like}, {}); });
}

template void bind_mask_nodes(GraphClass<float>&);
template void bind_mask_nodes(GraphClass<double>&);

}  // namespace ranvier
