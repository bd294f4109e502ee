// Image augmentation and resizing: the nodes of a graph.
#include "ranvier/nodes_image.hpp"

#include "bindings/bind_nodes.hpp"
#include "bindings/image_args.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

using Pair = std::pair<double, double>;

Range range(const Pair& p) { return {p.first, p.second}; }

Motion motion_named(std::string_view name) {
    static constexpr const char* names[] = {"rotation", "translation", "zoom", "even_zoom"};
    return named<Motion>("motion", names, name);
}

}  // namespace

template <class T>
void bind_image_nodes(GraphClass<T>& graph) {
    using G = Graph<T>;
    def(graph, "random_flip",
        [](G& g, int x, bool horizontal, bool vertical, bool channels_first, std::uint64_t seed) {
            return g.add(make_random_flip<T>(horizontal, vertical, channels_first, seed), {x}, {});
        });
    def(graph, "random_affine",
        [](G& g, int x, std::string_view motion, const Pair& first, const Pair& second,
           std::string_view interpolation, std::string_view fill_mode, double fill_value,
           bool channels_first, std::uint64_t seed) {
            return g.add(make_random_affine<T>(motion_named(motion), range(first), range(second),
                                               affine_spec(interpolation, fill_mode, fill_value),
                                               channels_first, seed),
                         {x}, {});
        });
    def(graph, "random_contrast",
        [](G& g, int x, const Pair& factor, const Pair& limits, bool channels_first,
           std::uint64_t seed) {
            return g.add(make_random_contrast<T>(range(factor), limits.first, limits.second,
                                                 channels_first, seed),
                         {x}, {});
        });
    def(graph, "random_brightness",
        [](G& g, int x, const Pair& delta, const Pair& limits, bool channels_first,
           std::uint64_t seed) {
            return g.add(make_random_brightness<T>(range(delta), limits.first, limits.second,
                                                   channels_first, seed),
                         {x}, {});
        });
    def(graph, "random_crop",
        [](G& g, int x, index_t height, index_t width, bool channels_first, std::uint64_t seed) {
            return g.add(make_random_crop<T>(height, width, channels_first, seed), {x}, {});
        });
    def(graph, "center_crop", [](G& g, int x, index_t height, index_t width, bool channels_first) {
        return g.add(make_center_crop<T>(height, width, channels_first), {x}, {});
    });
    def(graph, "resizing",
        [](G& g, int x, index_t height, index_t width, std::string_view interpolation,
           bool antialias, std::string_view aspect, double fill_value, bool channels_first) {
            return g.add(make_resizing<T>(height, width,
                                          resize_spec(interpolation, antialias, aspect, fill_value),
                                          channels_first),
                         {x}, {});
        });
}

template void bind_image_nodes(GraphClass<float>&);
template void bind_image_nodes(GraphClass<double>&);

}  // namespace ranvier
