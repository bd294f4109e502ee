// The nodes of dense networks: layers, activations, shapes, noise.
#include <pybind11/stl.h>

#include "bindings/bind_nodes.hpp"
#include "bindings/names.hpp"
#include "ranvier/nodes.hpp"

namespace py = pybind11;

namespace ranvier {

template <class T>
void bind_basic_nodes(GraphClass<T>& graph) {
    using G = Graph<T>;
    using I = std::vector<int>;
    graph
        .def(
            "dense",
            [](G& g, int x, index_t units_in, index_t units, int kernel, int bias,
               const std::string& act, double a, double b, double c) {
                I params{kernel};
                if (bias >= 0) params.push_back(bias);
                return g.add(make_dense<T>(units_in, units, bias >= 0, act_named(act), {a, b, c}),
                             {x}, params);
            },
            py::arg("x"), py::arg("units_in"), py::arg("units"), py::arg("kernel"), py::arg("bias"),
            py::arg("act"), py::arg("a") = 0.0, py::arg("b") = 0.0, py::arg("c") = 0.0)
        .def(
            "activation",
            [](G& g, int x, const std::string& act, double a, double b, double c) {
                return g.add(make_activation<T>(act_named(act), {a, b, c}), {x}, {});
            },
            py::arg("x"), py::arg("act"), py::arg("a") = 0.0, py::arg("b") = 0.0,
            py::arg("c") = 0.0)
        .def(
            "softmax",
            [](G& g, int x, int axis, bool log) {
                return g.add(make_softmax<T>(axis, log), {x}, {});
            },
            py::arg("x"), py::arg("axis"), py::arg("log"))
        .def(
            "prelu",
            [](G& g, int x, const Shape& alpha_shape, int alpha) {
                return g.add(make_prelu<T>(alpha_shape), {x}, {alpha});
            },
            py::arg("x"), py::arg("alpha_shape"), py::arg("alpha"))
        .def(
            "reshape",
            [](G& g, int x, const Shape& target) {
                return g.add(make_reshape<T>(target), {x}, {});
            },
            py::arg("x"), py::arg("target"))
        .def(
            "permute",
            [](G& g, int x, const I& perm) { return g.add(make_permute<T>(perm), {x}, {}); },
            py::arg("x"), py::arg("perm"))
        .def(
            "repeat", [](G& g, int x, index_t n) { return g.add(make_repeat<T>(n), {x}, {}); },
            py::arg("x"), py::arg("n"))
        .def(
            "dropout",
            [](G& g, int x, double rate, const Shape& noise_shape, std::uint64_t seed) {
                return g.add(make_dropout<T>(rate, noise_shape, seed), {x}, {});
            },
            py::arg("x"), py::arg("rate"), py::arg("noise_shape"), py::arg("seed"))
        .def(
            "gaussian_noise",
            [](G& g, int x, double stddev, std::uint64_t seed) {
                return g.add(make_gaussian_noise<T>(stddev, seed), {x}, {});
            },
            py::arg("x"), py::arg("stddev"), py::arg("seed"))
        .def(
            "rescaling",
            [](G& g, int x, const std::vector<double>& scale, const std::vector<double>& offset) {
                return g.add(make_rescaling<T>(scale, offset), {x}, {});
            },
            py::arg("x"), py::arg("scale"), py::arg("offset"))
        .def(
            "affine",
            [](G& g, int x, const Shape& kept, int scale, int offset) {
                return g.add(make_affine<T>(kept), {x}, {scale, offset});
            },
            py::arg("x"), py::arg("kept_shape"), py::arg("scale"), py::arg("offset"))
        .def(
            "activity_regularizer",
            [](G& g, int x, double l1, double l2) {
                return g.add(make_activity_regularizer<T>(l1, l2), {x}, {});
            },
            py::arg("x"), py::arg("l1"), py::arg("l2"));
}

template void bind_basic_nodes(GraphClass<float>&);
template void bind_basic_nodes(GraphClass<double>&);

}  // namespace ranvier
