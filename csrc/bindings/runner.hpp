// What Python holds of a network: the graph, where its numbers are, and references that keep them
// alive.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <mutex>
#include <vector>

#include "ranvier/graph.hpp"

namespace ranvier {

template <class T>
class Runner {
  public:
    explicit Runner(std::shared_ptr<Graph<T>> g) : graph(std::move(g)), session(graph) {}

    // values: one 1-D array a parameter; gradient: one long array, `offsets` into it, -1 where a
    // parameter is not trained.
    void bind(const std::vector<pybind11::array>& values, const pybind11::array& gradient,
              const std::vector<index_t>& offsets);

    void check_bound() const {
        if (params.value.size() != graph->param_sizes().size())
            throw std::runtime_error("the graph's parameters are not bound");
    }

    std::shared_ptr<Graph<T>> graph;
    Params<T> params;
    PlanCache<T> plans;
    Session<T> session;
    std::mutex session_mutex;
    std::vector<pybind11::array> kept;
    pybind11::array gradient;
};

}  // namespace ranvier
