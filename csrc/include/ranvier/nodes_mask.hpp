// Nodes of sequences with masks. A mask is a value of 0 and 1, of the shape of its sequence's first
// axes; a node only looks at it. Defined in graph/nodes_mask.cpp and graph/nodes_embedding.cpp.
#pragma once

#include "ranvier/nodes.hpp"

namespace ranvier {

// [...] to [..., output_dim]. params: table [input_dim, output_dim]. What is no integer in
// [0, input_dim) is refused before anything is written.
template <class T>
NodePtr<T> make_embedding(index_t input_dim, index_t output_dim);

// The mask of a sequence it only looks at: where an element is not `value`, or, over_last, where
// any along the last axis is not.
template <class T>
NodePtr<T> make_unequal(double value, bool over_last);

// inputs: x, mask. x with 0 for what the mask leaves out.
template <class T>
NodePtr<T> make_keep();

// inputs: x [N, T, C], mask [N, T]. To [N, C], or [N, 1, C] if keepdims.
template <class T>
NodePtr<T> make_masked_mean(bool keepdims);

// [N, T, ...] to [N * T, ...], a view. looks: of a value that feeds another node (a mask).
template <class T>
NodePtr<T> make_fold(bool looks);
// inputs: [N * T, ...], and what has the extents N and T. To [N, T, ...], a view.
template <class T>
NodePtr<T> make_unfold();

}  // namespace ranvier
