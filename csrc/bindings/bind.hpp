// What module.cpp calls: one function a family.
#pragma once

#include <pybind11/pybind11.h>

namespace ranvier {

void bind_runtime(pybind11::module_& m);
void bind_ops(pybind11::module_& m);
void bind_graph(pybind11::module_& m);
void bind_trainer(pybind11::module_& m);

}  // namespace ranvier
