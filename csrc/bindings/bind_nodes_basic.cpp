// The nodes of dense networks: layers, activations, shapes, noise.
#include "bindings/bind_nodes.hpp"
#include "bindings/names.hpp"
#include "ranvier/nodes.hpp"

namespace py = pybind11;

namespace ranvier {

template <class T>
void bind_basic_nodes(GraphClass<T>& graph) {
    using G = Graph<T>;
    using I = std::vector<int>;
    def(graph, "dense",
        [](G& g, int x, index_t units_in, index_t units, int kernel, int bias, std::string_view act,
           double a, double b, double c) {
            I params{kernel};
            if (bias >= 0) params.push_back(bias);
            return g.add(make_dense<T>(units_in, units, bias >= 0, act_named(act), {a, b, c}), {x},
                         params);
        });
    def(graph, "activation", [](G& g, int x, std::string_view act, double a, double b, double c) {
        return g.add(make_activation<T>(act_named(act), {a, b, c}), {x}, {});
    });
    def(graph, "softmax",
        [](G& g, int x, int axis, bool log) { return g.add(make_softmax<T>(axis, log), {x}, {}); });
    def(graph, "prelu", [](G& g, int x, const Shape& alpha_shape, int alpha) {
        return g.add(make_prelu<T>(alpha_shape), {x}, {alpha});
    });
    def(graph, "reshape",
        [](G& g, int x, const Shape& target) { return g.add(make_reshape<T>(target), {x}, {}); });
    def(graph, "permute",
        [](G& g, int x, const I& perm) { return g.add(make_permute<T>(perm), {x}, {}); });
    def(graph, "repeat", [](G& g, int x, index_t n) { return g.add(make_repeat<T>(n), {x}, {}); });
    def(graph, "dropout",
        [](G& g, int x, double rate, const Shape& noise_shape, std::uint64_t seed, bool alpha) {
            return g.add(make_dropout<T>(rate, noise_shape, seed, alpha), {x}, {});
        });
    def(graph, "gaussian_noise", [](G& g, int x, double stddev, std::uint64_t seed, bool factor) {
        return g.add(make_gaussian_noise<T>(stddev, seed, factor), {x}, {});
    });
    def(graph, "rescaling",
        [](G& g, int x, const std::vector<double>& scale, const std::vector<double>& offset) {
            return g.add(make_rescaling<T>(scale, offset), {x}, {});
        });
    def(graph, "affine", [](G& g, int x, const Shape& kept, int scale, int offset) {
        return g.add(make_affine<T>(kept), {x}, {scale, offset});
    });
    def(graph, "activity_regularizer", [](G& g, int x, double l1, double l2) {
        return g.add(make_activity_regularizer<T>(l1, l2), {x}, {});
    });
}

template void bind_basic_nodes(GraphClass<float>&);
template void bind_basic_nodes(GraphClass<double>&);

}  // namespace ranvier
