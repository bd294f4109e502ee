// Runner.infer: prediction by the shortest way.
#include "bindings/array_args.hpp"
#include "bindings/function.hpp"
#include "bindings/runner.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

// The fast way in: an array that already is as the engine wants it. None for all others, which
// Python then converts or refuses.
template <class T>
py::object runner_infer(Runner<T>& r, const py::object& given) {
    if (!py::isinstance<py::array>(given)) return py::none();
    const auto x = py::reinterpret_borrow<py::array>(given);
    if (!is_native<T>(x) || !fits(*r.graph, x) || x.shape(0) == 0 || r.graph->has_mask_input())
        return py::none();
    const auto bound = r.bound();
    const auto plan = r.plans.get(*r.graph, sample_and_batch(x), Mode::infer);
    py::array_t<T> y(plan->output);
    const T* xp = static_cast<const T*>(x.data());
    T* yp = y.mutable_data();
    if (plan->flops < 2e4) {  // shorter than letting the GIL go and taking it back
        infer(*plan, bound->params, xp, yp);
    } else {
        const WithoutGil release;
        infer(*plan, bound->params, xp, yp);
    }
    return y;
}

}  // namespace

template <class T>
void bind_infer(RunnerClass<T>& runner) {
    def(runner, "infer", &runner_infer<T>);
}

template void bind_infer(RunnerClass<float>&);
template void bind_infer(RunnerClass<double>&);

}  // namespace ranvier
