// Recurrence: the nodes of a graph. mask: -1 for none; params as
// csrc/include/ranvier/nodes_rnn.hpp.
#include <pybind11/stl.h>

#include "bindings/bind_nodes.hpp"
#include "ranvier/nodes_rnn.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

std::vector<ValueId> inputs_of(int x, int mask) {
    return mask < 0 ? std::vector<ValueId>{x} : std::vector<ValueId>{x, mask};
}

Merge merge_named(const std::string& name) {
    if (name == "concat") return Merge::concat;
    if (name == "sum") return Merge::sum;
    if (name == "ave") return Merge::ave;
    if (name == "mul") return Merge::mul;
    throw std::invalid_argument("unknown merge mode '" + name + "'");
}

}  // namespace

template <class T>
void bind_rnn_nodes(GraphClass<T>& graph) {
    using G = Graph<T>;
    graph
        .def(
            "recurrent",
            [](G& g, int x, int mask, const RnnPart& spec, const std::vector<int>& params,
               std::uint64_t seed) {
                return g.add(make_rnn<T>(spec, seed), inputs_of(x, mask), params);
            },
            py::arg("x"), py::arg("mask"), py::arg("spec"), py::arg("params"), py::arg("seed"))
        .def(
            "bidirectional",
            [](G& g, int x, int mask, const RnnPart& first, const RnnPart& second,
               const std::string& merge, const std::vector<int>& params, std::uint64_t seed) {
                return g.add(make_bidirectional<T>(first, second, merge_named(merge), seed),
                             inputs_of(x, mask), params);
            },
            py::arg("x"), py::arg("mask"), py::arg("first"), py::arg("second"), py::arg("merge"),
            py::arg("params"), py::arg("seed"));
}

template void bind_rnn_nodes(GraphClass<float>&);
template void bind_rnn_nodes(GraphClass<double>&);

}  // namespace ranvier
