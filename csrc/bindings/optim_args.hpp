// OptimParams from the dict that ranvier's optimizers give (their `native`).
#pragma once

#include <pybind11/pybind11.h>

#include "ranvier/optim.hpp"

namespace ranvier {

// ValueError for a key that OptimParams does not have, TypeError for a value of another type.
OptimParams optim_params_from(const pybind11::dict& d);

}  // namespace ranvier
