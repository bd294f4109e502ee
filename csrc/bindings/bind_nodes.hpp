// Nodes that bind_graph.cpp's Graph class gets from other files, one function a family.
#pragma once

#include "bindings/function.hpp"
#include "ranvier/nodes.hpp"

namespace ranvier {

template <class T>
using GraphClass = pybind11::class_<Graph<T>, std::shared_ptr<Graph<T>>>;

template <class T>
void bind_basic_nodes(GraphClass<T>& graph);
template <class T>
void bind_conv_nodes(GraphClass<T>& graph);
template <class T>
void bind_pool_nodes(GraphClass<T>& graph);
template <class T>
void bind_norm_nodes(GraphClass<T>& graph);
template <class T>
void bind_image_nodes(GraphClass<T>& graph);
template <class T>
void bind_rnn_nodes(GraphClass<T>& graph);
template <class T>
void bind_mask_nodes(GraphClass<T>& graph);

}  // namespace ranvier
