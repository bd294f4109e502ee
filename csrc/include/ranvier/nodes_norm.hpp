// Nodes of normalization, over the last axes: layers put other axes last by permute nodes.
#pragma once

#include "ranvier/nodes.hpp"
#include "ranvier/norm.hpp"

namespace ranvier {

// params: gamma [C] if scale, beta [C] if center, then moving mean [C] and moving variance [C],
// which a training forward pass updates in place (moving * momentum + batch * (1 - momentum)).
// frozen: the moving statistics are used, and stay, in training too.
// masked: a second input, of x's shape without its last axis, says which rows make the statistics.
template <class T>
NodePtr<T> make_batch_norm(index_t channels, bool scale, bool center, double momentum,
                           double epsilon, bool frozen, bool masked = false);

// params: gamma [C] if scale, beta [C] if center. One mean and variance for each sample and group
// of channels, over all axes between.
template <class T>
NodePtr<T> make_group_norm(index_t channels, index_t groups, bool scale, bool center,
                           double epsilon);

// Over the last axes, as many as `shape` has; -1 there for an extent that is unknown (then without
// params). params: gamma and beta, of that shape, if scale and center.
template <class T>
NodePtr<T> make_row_norm(RowNorm kind, const Shape& shape, bool scale, bool center, double epsilon);

}  // namespace ranvier
