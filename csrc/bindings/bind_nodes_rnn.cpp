// Recurrence: the nodes of a graph. mask: -1 for none; params as
// csrc/include/ranvier/nodes_rnn.hpp.
#include "bindings/bind_nodes.hpp"
#include "ranvier/nodes_rnn.hpp"
#include "ranvier/text.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

std::vector<ValueId> inputs_of(int x, int mask) {
    return mask < 0 ? std::vector<ValueId>{x} : std::vector<ValueId>{x, mask};
}

Merge merge_named(std::string_view name) {
    if (name == "concat") return Merge::concat;
    if (name == "sum") return Merge::sum;
    if (name == "ave") return Merge::ave;
    if (name == "mul") return Merge::mul;
    throw std::invalid_argument(Text("unknown merge mode '") + std::string(name) + "'");
}

}  // namespace

template <class T>
void bind_rnn_nodes(GraphClass<T>& graph) {
    using G = Graph<T>;
    def(graph, "recurrent",
        [](G& g, int x, int mask, const RnnPart& spec, const std::vector<int>& params,
           std::uint64_t seed) {
            return g.add(make_rnn<T>(spec, seed), inputs_of(x, mask), params);
        });
    def(graph, "bidirectional",
        [](G& g, int x, int mask, const RnnPart& first, const RnnPart& second,
           std::string_view merge, const std::vector<int>& params, std::uint64_t seed) {
            return g.add(make_bidirectional<T>(first, second, merge_named(merge), seed),
                         inputs_of(x, mask), params);
        });
}

template void bind_rnn_nodes(GraphClass<float>&);
template void bind_rnn_nodes(GraphClass<double>&);

}  // namespace ranvier
