// Pooling, upsampling, padding and cropping: the nodes of a graph.
#include "bindings/bind_nodes.hpp"
#include "ranvier/nodes_pool.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

Pool pool_kind(bool average) { return average ? Pool::average : Pool::max; }

}  // namespace

template <class T>
void bind_pool_nodes(GraphClass<T>& graph) {
    using G = Graph<T>;
    def(graph, "pool",
        [](G& g, int x, bool average, const Shape& window, const Shape& strides, bool same) {
            return g.add(make_pool<T>(pool_kind(average), window, strides, same), {x}, {});
        });
    def(graph, "global_pool", [](G& g, int x, bool average, std::size_t axes, bool keepdims) {
        return g.add(make_global_pool<T>(pool_kind(average), axes, keepdims), {x}, {});
    });
    def(graph, "adaptive_pool", [](G& g, int x, bool average, std::size_t axis, index_t size) {
        return g.add(make_adaptive_pool<T>(pool_kind(average), axis, size), {x}, {});
    });
    def(graph, "upsample", [](G& g, int x, const Shape& size, bool bilinear) {
        return g.add(make_upsample<T>(size, bilinear), {x}, {});
    });
    def(graph, "frame", [](G& g, int x, const Shape& before, const Shape& after, bool grow) {
        return g.add(make_frame<T>(before, after, grow), {x}, {});
    });
}

template void bind_pool_nodes(GraphClass<float>&);
template void bind_pool_nodes(GraphClass<double>&);

}  // namespace ranvier
