// Training steps that Python callbacks watch.
#pragma once

#include <pybind11/pybind11.h>

#include "ranvier/trainer.hpp"

// GCC would copy it for each class below, whose functions it then knows.
#if defined(__GNUC__) && !defined(__clang__)
#define RV_ONE_COPY __attribute__((noipa))
#else
#define RV_ONE_COPY
#endif

namespace ranvier {

class Watched {
  public:
    virtual ~Watched() = default;

    // From step number `step` to before `steps`: each of `ends` is called with its number and the
    // logs after it. Here because the way through Python takes as long as a short step. `run` has
    // the next row as `start`, and the model; `machine` is what made this trainer. Returns the
    // number of the next step: when all are done, the data have ended, the model is to stop, or a
    // callback has changed so much that another trainer is needed.
    RV_ONE_COPY
    index_t watched(const Feed& feed, const pybind11::object& run, const pybind11::object& machine,
                    const pybind11::list& ends, index_t step, index_t steps);

  private:
    virtual void step(const Feed& feed, index_t start, double rate, index_t iteration) = 0;
    // The loss's sum and weight, and those of each metric; how many metrics there are.
    virtual std::size_t totals_now(double* to, std::size_t room) = 0;
    pybind11::dict logs(const pybind11::list& metrics);
};

}  // namespace ranvier
