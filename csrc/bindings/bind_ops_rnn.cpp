// Recurrence: the single operations, and RnnSpec, which says what they and the graph's nodes do.
#include <cstring>

#include "bindings/bind_ops.hpp"
#include "bindings/names.hpp"
#include "ranvier/nodes_rnn.hpp"
#include "ranvier/text.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

RnnPart make_part(std::string_view cell, index_t features, index_t units, bool use_bias,
                  const py::object& act_arg, const py::object& gate_act_arg, bool sequences,
                  bool backwards, bool mask_backwards, bool zero_masked, double dropout,
                  double recurrent_dropout, index_t batch) {
    if (features < 1 || units < 1)
        throw py::value_error("RnnSpec: features and units must be >= 1");
    RnnPart p;
    RnnSpec& s = p.spec;
    if (cell == "simple")
        s.cell = Cell::simple;
    else if (cell == "lstm")
        s.cell = Cell::lstm;
    else if (cell == "gru")
        s.cell = Cell::gru;
    else if (cell == "gru_reset_after")
        s.cell = Cell::gru_reset_after;
    else
        throw py::value_error(Text("RnnSpec: unknown cell '") + std::string(cell) + "'");
    s.features = features;
    s.units = units;
    s.use_bias = use_bias;
    const Activation act = activation_of("RnnSpec", act_arg);
    const Activation gate_act = activation_of("RnnSpec", gate_act_arg);
    s.act = act.act;
    s.act_params = act.params;
    s.gate_act = gate_act.act;
    s.gate_params = gate_act.params;
    s.sequences = sequences;
    s.backwards = backwards;
    s.mask_backwards = mask_backwards;
    s.zero_masked = zero_masked;
    s.dropout = dropout;
    s.recurrent_dropout = recurrent_dropout;
    p.batch = batch;
    return p;
}

// The name of the public op, for messages.
const char* op_of(const RnnPart& part, bool backward) {
    const Cell cell = part.spec.cell;
    if (cell == Cell::simple) return backward ? "simple_rnn_backward" : "simple_rnn";
    if (cell == Cell::lstm) return backward ? "lstm_backward" : "lstm";
    return backward ? "gru_backward" : "gru";
}

// The arguments that both passes have, checked.
template <class T>
struct Call {
    Call(const char* op, const RnnPart& part, const py::array& x, const py::array& kernel,
         const py::array& recurrent, const py::object& bias, const py::object& mask,
         bool time_major)
        : spec(part.spec) {
        const index_t F = spec.features, U = spec.units, G = gates_of(spec.cell) * U;
        run.x = in<T>(op, x, "x");
        if (gate::proxy(x)->nd != 3 || extent(x, 2) != F) {
            if (time_major) gate::refuse_shape(op, x, "x", {{"steps"}, {"batch"}, {"features", F}});
            gate::refuse_shape(op, x, "x", {{"batch"}, {"steps"}, {"features", F}});
        }
        run.batch = extent(x, time_major ? 1 : 0);
        run.steps = extent(x, time_major ? 0 : 1);
        if (run.steps == 0) throw py::value_error(Text(op) + ": `x` has no steps");
        run.x_row = time_major ? F : run.steps * F;
        run.x_step = time_major ? run.batch * F : F;
        run.y_step = spec.sequences && time_major ? run.batch * U : U;
        run.y_row = spec.sequences && !time_major ? run.steps * U : U;
        run.kernel = in<T>(op, kernel, "kernel", {{"features", F}, {"columns", G}});
        run.recurrent = in<T>(op, recurrent, "recurrent_kernel", {{"units", U}, {"columns", G}});
        run.mask = in_or_null<T>(op, mask, "mask", {{"batch", run.batch}, {"steps", run.steps}});
        if (spec.cell == Cell::gru_reset_after)
            run.bias = in_or_null<T>(op, bias, "bias", {{"two", 2}, {"columns", G}});
        else
            run.bias = in_or_null<T>(op, bias, "bias", {{"columns", G}});
        spec.use_bias = run.bias != nullptr;
    }
    void random(bool training, std::uint64_t seed, std::uint64_t stream) {
        run.training = training;
        run.key = {seed, stream};
    }
    py::array new_output(bool time_major) const {
        if (!spec.sequences) return new_array<T>({run.batch, spec.units});
        return time_major ? new_array<T>({run.steps, run.batch, spec.units})
                          : new_array<T>({run.batch, run.steps, spec.units});
    }
    RnnSpec spec;
    RnnRun<T> run{};
};

py::tuple rnn(const RnnPart& part, const py::array& x, const py::array& kernel,
              const py::array& recurrent, const py::object& bias, const py::object& mask,
              const py::object& h0, const py::object& c0, bool time_major, bool keep, bool training,
              std::uint64_t seed, std::uint64_t stream) {
    const char* op = op_of(part, false);
    return dispatch(op, x, "x", [&](auto zero) {
        using T = decltype(zero);
        Call<T> call(op, part, x, kernel, recurrent, bias, mask, time_major);
        call.random(training, seed, stream);
        RnnRun<T>& run = call.run;
        const index_t B = run.batch, U = call.spec.units;
        const bool lstm = call.spec.cell == Cell::lstm;
        run.h0 = in_or_null<T>(op, h0, "initial_state", {{"batch", B}, {"units", U}});
        run.c0 = in_or_null<T>(op, c0, "initial_state", {{"batch", B}, {"units", U}});
        const py::array y = call.new_output(time_major), h = new_array<T>({B, U});
        run.y = elements_of<T>(y);
        run.h = elements_of<T>(h);
        py::object c = py::none(), cache = py::none();
        if (lstm) {
            const py::array states = new_array<T>({B, U});
            run.c = elements_of<T>(states);
            c = states;
        }
        if (keep) {
            const py::array kept = new_array<T>({rnn_cache_size(call.spec, B, run.steps)});
            run.cache = elements_of<T>(kept);
            cache = kept;
        }
        run_released(rnn_flops(call.spec, B, run.steps), [&] { rnn_forward(call.spec, run); });
        return py::make_tuple(y, h, c, cache);
    });
}

py::tuple rnn_gradient(const RnnPart& part, const py::array& x, const py::array& kernel,
                       const py::array& recurrent, const py::object& bias, const py::object& mask,
                       const py::array& cache, const py::array& dy, const py::object& dh,
                       const py::object& dc, bool time_major, bool training, std::uint64_t seed,
                       std::uint64_t stream) {
    const char* op = op_of(part, true);
    return dispatch(op, x, "x", [&](auto zero) {
        using T = decltype(zero);
        Call<T> call(op, part, x, kernel, recurrent, bias, mask, time_major);
        call.random(training, seed, stream);
        RnnRun<T>& run = call.run;
        const index_t B = run.batch, U = call.spec.units, F = call.spec.features;
        const index_t G = gates_of(call.spec.cell) * U;
        const index_t size = rnn_cache_size(call.spec, B, run.steps);
        const T* kept = in<T>(op, cache, "cache", {{"elements", size}});
        RnnGradients<T> g{};
        g.dy = in<T>(op, dy, "dy");
        const py::array like = call.new_output(time_major);
        require_same_shape(op, dy, "dy", like, "y");
        g.dh = in_or_null<T>(op, dh, "dh", {{"batch", B}, {"units", U}});
        g.dc = in_or_null<T>(op, dc, "dc", {{"batch", B}, {"units", U}});
        const py::array dx = new_array_like<T>(x), dkernel = new_array<T>({F, G});
        const py::array drecurrent = new_array<T>({U, G}), dh0 = new_array<T>({B, U});
        g.dx = elements_of<T>(dx);
        g.dkernel = elements_of<T>(dkernel);
        g.drecurrent = elements_of<T>(drecurrent);
        g.dh0 = elements_of<T>(dh0);
        py::object dbias = py::none(), dc0 = py::none();
        if (run.bias) {
            const py::array a = new_array_like<T>(gate::as_array(op, bias, "bias"));
            g.dbias = elements_of<T>(a);
            dbias = a;
        }
        if (call.spec.cell == Cell::lstm) {
            const py::array a = new_array<T>({B, U});
            g.dc0 = elements_of<T>(a);
            dc0 = a;
        }
        run_released(2 * rnn_flops(call.spec, B, run.steps), [&] {
            const Scratch<T> used_up(size);
            std::memcpy(used_up.get(), kept, static_cast<std::size_t>(size) * sizeof(T));
            run.cache = used_up.get();
            rnn_backward(call.spec, run, g);
        });
        return py::make_tuple(dx, dkernel, drecurrent, dbias, dh0, dc0);
    });
}

}  // namespace

void bind_rnn(py::module_& m) {
    py::class_<RnnPart>(m, "RnnSpec")
        .def(py::init(&make_part), py::kw_only(), py::arg("cell"), py::arg("features"),
             py::arg("units"), py::arg("use_bias"), py::arg("act"), py::arg("gate_act"),
             py::arg("sequences"), py::arg("backwards"), py::arg("mask_backwards"),
             py::arg("zero_masked"), py::arg("dropout"), py::arg("recurrent_dropout"),
             py::arg("batch"));
    def(m, "rnn", &rnn);
    def(m, "rnn_backward", &rnn_gradient);
}

}  // namespace ranvier
