// Graph: built node by node from Python; Runner: a graph with its numbers.
#include "ranvier/nodes.hpp"
#include "ranvier/text.hpp"

#include <algorithm>
#include <cmath>

#include "bindings/array_args.hpp"
#include "bindings/bind.hpp"
#include "bindings/bind_nodes.hpp"
#include "bindings/names.hpp"
#include "bindings/runner.hpp"

namespace py = pybind11;

namespace ranvier {

template <class T>
void Runner<T>::bind(const std::vector<py::array>& values, const py::array& grad,
                     const std::vector<index_t>& offsets) {
    const auto& sizes = graph->param_sizes();
    if (values.size() != sizes.size() || offsets.size() != sizes.size())
        throw py::value_error(Text("bind: expected ") + std::to_string(sizes.size()) +
                              " parameters; got " + std::to_string(values.size()));
    auto made = std::make_shared<Binding<T>>();
    Params<T>& p = made->params;
    T* g = out<T>("bind", grad, "gradient");
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        if (values[i].size() != sizes[i])
            throw py::value_error(Text("bind: parameter ") + std::to_string(i) + " has " +
                                  std::to_string(values[i].size()) + " elements, not " +
                                  std::to_string(sizes[i]));
        p.value.push_back(out<T>("bind", values[i], "values"));
        if (offsets[i] >= 0 && offsets[i] + sizes[i] > grad.size())
            throw py::value_error("bind: gradient is too short");
        p.gradient.push_back(offsets[i] < 0 ? nullptr : g + offsets[i]);
    }
    made->values = values;
    made->gradient = grad;
    const LockWithoutGil lock(session_mutex);
    for (std::size_t i = 0; i < sizes.size(); ++i)
        graph->set_trainable(static_cast<int>(i), offsets[i] >= 0);
    binding_ = std::move(made);
    session.reset();
}

namespace {

// The input's mask, checked: null if the graph takes none.
template <class T>
const T* mask_in(const Runner<T>& r, const char* name, const Shape& input, const py::object& mask) {
    if (mask.is_none() != !r.graph->has_mask_input())
        throw py::value_error(Text(name) + ": a mask is missing, or there is one too many");
    if (mask.is_none()) return nullptr;
    const auto given = mask.cast<py::array>();
    const T* p = in<T>(name, given, "mask");
    if (sample_and_batch(given) != r.graph->given_shapes(input)[1])
        throw py::value_error(Text(name) + ": a mask of shape " +
                              to_string(sample_and_batch(given)) + " does not fit input of shape " +
                              to_string(input));
    return p;
}

// All rows, in pieces after which Ctrl-C is heard: whole chunks for every thread, of a tenth of a
// second or, if a chunk takes longer, one for each.
template <class T>
void predict_pieces(Runner<T>& r, const Params<T>& params, Source rest, index_t chunk, T* y,
                    Masks<T> masks) {
    constexpr double kFlops = 2e9;  // of a thread, in a piece
    const index_t rows = rest.shape[0];
    index_t piece = rows;
    if (rows > chunk && r.graph->fixed_batch() == 0) {
        Shape shape = rest.shape;
        shape[0] = chunk;
        const double flops = r.plans.get(*r.graph, shape, Mode::infer)->flops;
        const double chunks = num_threads() * std::max(1.0, std::floor(kFlops / (flops + 1)));
        piece = chunks * static_cast<double>(chunk) < static_cast<double>(rows)
                    ? static_cast<index_t>(chunks) * chunk
                    : rows;
    }
    Shape shape = rest.shape;
    const auto size = [&](const Shape& of) { return rows ? volume(of) / rows : 0; };
    const index_t in_row = masks.in ? size(r.graph->given_shapes(shape)[1]) : 0;
    const index_t out_row = size(r.graph->output_shape(shape));
    const index_t mask_row = masks.out ? size(r.plans.get(*r.graph, shape, Mode::infer)->mask) : 0;
    for (index_t start = 0; start < rows; start += piece) {
        rest.shape[0] = std::min(piece, rows - start);
        {
            const WithoutGil release;
            infer_rows(*r.graph, r.plans, params, rest, chunk, y, masks);
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        rest.data = static_cast<const char*>(rest.data) + piece * rest.strides[0];
        y += piece * out_row;
        if (masks.in) masks.in += piece * in_row;
        if (masks.out) masks.out += piece * mask_row;
    }
}

// (output, its mask or None)
template <class T>
py::tuple runner_predict(Runner<T>& r, const py::array& x, index_t chunk, const py::object& mask) {
    const auto bound = r.bound();
    if (!fits(*r.graph, x))
        throw py::value_error(Text("predict: input of shape ") + to_string(sample_and_batch(x)) +
                              " does not fit the model's " + to_string(r.graph->input_shape()));
    const Source source = make_source("predict", x, "x");
    const Shape shape = r.graph->output_shape(source.shape);
    volume(shape);  // more than memory can hold is refused here
    py::array_t<T> y(shape);
    T* yp = y.mutable_data();
    Masks<T> masks{mask_in(r, "predict", source.shape, mask), nullptr};
    py::object y_mask = py::none();
    if (r.graph->output_mask() >= 0 && source.shape[0] > 0) {
        const auto plan = r.plans.get(*r.graph, source.shape, Mode::infer);
        const py::array_t<T> made(plan->mask);
        masks.out = const_cast<T*>(made.data());
        y_mask = made;
    }
    predict_pieces(r, bound->params, source, chunk, yp, masks);
    return py::make_tuple(y, y_mask);
}

// Training passes over a part of a model, for models with layers written in Python.
template <class T>
py::tuple runner_forward(Runner<T>& r, const py::array& x, bool training, std::uint64_t stream,
                         bool want_input_gradient, const py::object& mask) {
    const T* xp = in<T>("forward", x, "x");
    const T* mp = mask_in(r, "forward", sample_and_batch(x), mask);
    const LockWithoutGil lock(r.session_mutex);
    if (r.session_mutex.was_lost()) r.session.reset();
    const auto bound = r.bound();
    r.session.prepare(sample_and_batch(x), want_input_gradient);
    py::array_t<T> y(r.session.plan().output);
    T* yp = y.mutable_data();
    {
        const WithoutGil release;
        r.session.forward(bound->params, xp, training, stream, -1, mp);
    }
    std::copy_n(r.session.output(), y.size(), yp);
    return py::make_tuple(y, output_mask(r.session));
}

template <class T>
py::object runner_backward(Runner<T>& r, const py::array& x, const py::array& dy) {
    const T* xp = in<T>("backward", x, "x");
    const T* dyp = in<T>("backward", dy, "dy");
    const LockWithoutGil lock(r.session_mutex);
    if (r.session_mutex.was_lost()) r.session.reset();
    const auto bound = r.bound();
    if (!r.session.is_forward_done())
        throw py::value_error(
            "backward: no forward pass has been run since the last backward pass");
    const Plan<T>& plan = r.session.plan();
    if (sample_and_batch(dy) != plan.output || sample_and_batch(x) != plan.input)
        throw py::value_error("backward: shapes are not those of the last forward pass");
    (void)xp;
    std::copy_n(dyp, dy.size(), r.session.output_gradient());
    {
        const WithoutGil release;
        r.session.backward(bound->params);
    }
    if (!plan.has_input_gradient) return py::none();
    py::array_t<T> dx(plan.input);
    std::copy_n(r.session.input_gradient(), dx.size(), dx.mutable_data());
    return dx;
}

template <class T>
void bind_graph_of(py::module_& m, const char* graph_name, const char* runner_name) {
    using G = Graph<T>;
    GraphClass<T> graph(m, graph_name);
    bind_basic_nodes<T>(graph);
    bind_conv_nodes<T>(graph);
    bind_pool_nodes<T>(graph);
    bind_norm_nodes<T>(graph);
    bind_image_nodes<T>(graph);
    bind_rnn_nodes<T>(graph);
    bind_mask_nodes<T>(graph);
    graph.def(py::init<>());
    def(graph, "input",
        [](G& g, const Shape& sample, int mask_axes) { return g.set_input(sample, mask_axes); });
    def(graph, "label", [](G& g, std::string_view label) { g.label(std::string(label)); });
    def(graph, "param",
        [](G& g, index_t size, bool trainable) { return g.add_param(size, trainable); });
    def(graph, "output_shape", [](G& g, const Shape& input) { return g.output_shape(input); });
    def_property(graph, "kinds", [](G& g) {
        std::vector<std::string> kinds;
        for (const auto& n : g.nodes()) kinds.emplace_back(n->kind());
        return kinds;
    });

    using R = Runner<T>;
    RunnerClass<T> runner(m, runner_name);
    bind_infer<T>(runner);
    runner.def(py::init<std::shared_ptr<G>>(), py::arg("graph"));
    def(runner, "bind",
        [](R& r, const std::vector<py::array>& values, const py::array& gradient,
           const std::vector<index_t>& offsets) { r.bind(values, gradient, offsets); });
    def(runner, "predict", &runner_predict<T>);
    def(runner, "forward", &runner_forward<T>);
    def(runner, "backward", &runner_backward<T>);
    def_property(runner, "penalty", [](R& r) {
        const LockWithoutGil lock(r.session_mutex);
        return r.session.penalty();
    });
    def_property(runner, "bytes", [](R& r) {
        const LockWithoutGil lock(r.session_mutex);
        return r.session.bytes();
    });
}

}  // namespace

template class Runner<float>;
template class Runner<double>;

void bind_graph(py::module_& m) {
    bind_graph_of<float>(m, "Graph32", "Runner32");
    bind_graph_of<double>(m, "Graph64", "Runner64");
}

}  // namespace ranvier
