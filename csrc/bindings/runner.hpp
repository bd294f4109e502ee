// What Python holds of a network: the graph, where its numbers are, and references that keep them
// alive.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <vector>

#include "bindings/gil.hpp"
#include "ranvier/graph.hpp"

namespace ranvier {

// Where a network's numbers are, and what keeps them alive. Never changed: binding anew makes
// another, and a prediction that runs meanwhile keeps the one it began with.
template <class T>
struct Binding {
    Params<T> params;
    std::vector<pybind11::array> values;
    pybind11::array gradient;
};

// A copy of the mask that the session's last pass gave its output, or None.
template <class T>
pybind11::object output_mask(const Session<T>& session) {
    const T* mask = session.output_mask();
    if (mask == nullptr) return pybind11::none();
    return pybind11::array_t<T>(session.plan().mask, mask);
}

template <class T>
class Runner {
  public:
    explicit Runner(std::shared_ptr<Graph<T>> g) : graph(std::move(g)), session(graph) {}

    // values: one 1-D array a parameter; gradient: one long array, `offsets` into it, -1 where a
    // parameter is not trained.
    void bind(const std::vector<pybind11::array>& values, const pybind11::array& gradient,
              const std::vector<index_t>& offsets);

    // Called and let go with the GIL held: the arrays are Python's.
    std::shared_ptr<const Binding<T>> bound() const {
        if (!binding_) throw std::runtime_error("the graph's parameters are not bound");
        return binding_;
    }

    std::shared_ptr<Graph<T>> graph;
    PlanCache<T> plans;
    Session<T> session;
    ForkMutex session_mutex;

  private:
    std::shared_ptr<const Binding<T>> binding_;
};

template <class T>
using RunnerClass = pybind11::class_<Runner<T>, std::shared_ptr<Runner<T>>>;

inline Shape sample_and_batch(const pybind11::array& x) {
    return Shape(x.shape(), x.shape() + x.ndim());
}

template <class T>
bool fits(const Graph<T>& graph, const pybind11::array& x) {
    const Shape& want = graph.input_shape();
    if (x.ndim() != static_cast<pybind11::ssize_t>(want.size()) + 1) return false;
    for (std::size_t i = 0; i < want.size(); ++i)
        if (want[i] >= 0 && want[i] != x.shape(static_cast<pybind11::ssize_t>(i) + 1)) return false;
    return true;
}

// The method `infer`, in a file of its own: it is the only one whose microseconds count.
template <class T>
void bind_infer(RunnerClass<T>& runner);

}  // namespace ranvier
