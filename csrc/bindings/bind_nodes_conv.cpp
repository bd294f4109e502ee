// Convolution: the nodes of a graph.
#include "bindings/bind_nodes.hpp"
#include "bindings/names.hpp"
#include "ranvier/nodes_conv.hpp"

namespace py = pybind11;

namespace ranvier {

template <class T>
void bind_conv_nodes(GraphClass<T>& graph) {
    using G = Graph<T>;
    def(graph, "conv",
        [](G& g, int x, index_t c, index_t co, index_t groups, const Shape& kernel,
           const Shape& strides, const Shape& dilation, std::string_view padding, int w, int bias,
           std::string_view act, double a, double b, double p) {
            ConvSpec s{static_cast<int>(kernel.size()), c, co, groups, kernel, strides, dilation,
                       conv_padding_named(padding),     {}};
            std::vector<int> params{w};
            if (bias >= 0) params.push_back(bias);
            return g.add(make_conv<T>(s, bias >= 0, act_named(act), {a, b, p}), {x}, params);
        });
    def(graph, "conv_transpose",
        [](G& g, int x, index_t c, index_t co, const Shape& kernel, const Shape& strides,
           const Shape& dilation, std::string_view padding, const Shape& output_padding, int w,
           int bias) {
            ConvSpec s{static_cast<int>(kernel.size()),
                       c,
                       co,
                       1,
                       kernel,
                       strides,
                       dilation,
                       conv_padding_named(padding),
                       output_padding};
            std::vector<int> params{w};
            if (bias >= 0) params.push_back(bias);
            return g.add(make_conv_transpose<T>(s, bias >= 0), {x}, params);
        });
}

template void bind_conv_nodes(GraphClass<float>&);
template void bind_conv_nodes(GraphClass<double>&);

}  // namespace ranvier
