// Embedding, masks, sequences as batches: the nodes of a graph.
#include "bindings/bind_nodes.hpp"
#include "ranvier/nodes_mask.hpp"
#include "ranvier/text.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

template <class T>
NodePtr<T> sequence_node(std::string_view kind, const std::vector<double>& numbers) {
    auto number = [&](std::size_t i) { return numbers.at(i); };
    auto whole = [&](std::size_t i) { return static_cast<index_t>(numbers.at(i)); };
    if (kind == "embedding") return make_embedding<T>(whole(0), whole(1));
    if (kind == "unequal") return make_unequal<T>(number(0), number(1) != 0);
    if (kind == "keep") return make_keep<T>();
    if (kind == "masked_mean") return make_masked_mean<T>(number(0) != 0);
    if (kind == "fold") return make_fold<T>(number(0) != 0);
    if (kind == "unfold") return make_unfold<T>();
    throw std::invalid_argument(Text("unknown node '") + std::string(kind) + "'");
}

}  // namespace

// One method for all: each that pybind11 makes is some kilobytes.
template <class T>
void bind_mask_nodes(GraphClass<T>& graph) {
    def(graph, "set_output", [](Graph<T>& g, int output, int mask) { g.set_output(output, mask); });
    def(graph, "sequence",
        [](Graph<T>& g, std::string_view kind, const std::vector<int>& inputs,
           const std::vector<int>& params, const std::vector<double>& numbers) {
            return g.add(sequence_node<T>(kind, numbers), inputs, params);
        });
}

template void bind_mask_nodes(GraphClass<float>&);
template void bind_mask_nodes(GraphClass<double>&);

}  // namespace ranvier
