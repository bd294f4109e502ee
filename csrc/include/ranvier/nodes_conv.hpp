// Convolutions as nodes of a graph. Defined in csrc/graph/nodes_conv.cpp.
#pragma once

#include "ranvier/conv.hpp"
#include "ranvier/nodes.hpp"

namespace ranvier {

// y = act(conv(x, kernel) + bias). params: kernel [kernel..., c / groups, co], bias [co] if
// use_bias.
template <class T>
NodePtr<T> make_conv(const ConvSpec& spec, bool use_bias, Act act, const ActParams& p);

// The transposed convolution. params: kernel [kernel..., co, c], bias [co] if use_bias.
template <class T>
NodePtr<T> make_conv_transpose(const ConvSpec& spec, bool use_bias);

}  // namespace ranvier
