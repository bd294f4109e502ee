// Normalization: the nodes of a graph. -1 for a parameter that there is not.
#include "bindings/bind_nodes.hpp"
#include "bindings/norm_names.hpp"
#include "ranvier/nodes_norm.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

std::vector<int> present(std::initializer_list<int> params) {
    std::vector<int> found;
    for (int p : params)
        if (p >= 0) found.push_back(p);
    return found;
}

}  // namespace

template <class T>
void bind_norm_nodes(GraphClass<T>& graph) {
    using G = Graph<T>;
    def(graph, "batch_norm",
        [](G& g, int x, index_t channels, int gamma, int beta, int mean, int variance,
           double momentum, double epsilon, bool frozen, int mask) {
            return g.add(make_batch_norm<T>(channels, gamma >= 0, beta >= 0, momentum, epsilon,
                                            frozen, mask >= 0),
                         mask >= 0 ? std::vector<int>{x, mask} : std::vector<int>{x},
                         present({gamma, beta, mean, variance}));
        });
    def(graph, "group_norm",
        [](G& g, int x, index_t channels, index_t groups, int gamma, int beta, double epsilon) {
            return g.add(make_group_norm<T>(channels, groups, gamma >= 0, beta >= 0, epsilon), {x},
                         present({gamma, beta}));
        });
    def(graph, "row_norm",
        [](G& g, int x, std::string_view kind, const Shape& shape, int gamma, int beta,
           double epsilon) {
            return g.add(
                make_row_norm<T>(row_norm_named(kind), shape, gamma >= 0, beta >= 0, epsilon), {x},
                present({gamma, beta}));
        });
}

template void bind_norm_nodes(GraphClass<float>&);
template void bind_norm_nodes(GraphClass<double>&);

}  // namespace ranvier
