// The nodes that a graph is made of; one maker each. Defined in csrc/graph/nodes_*.cpp.
#pragma once

#include <memory>

#include "ranvier/activation.hpp"
#include "ranvier/graph.hpp"

namespace ranvier {

template <class T>
using NodePtr = std::unique_ptr<Node<T>>;

// y = act(x W + b) over the last axis. params: kernel [K, U], bias [U] if use_bias.
template <class T>
NodePtr<T> make_dense(index_t units_in, index_t units, bool use_bias, Act act, const ActParams& p);

template <class T>
NodePtr<T> make_activation(Act act, const ActParams& p);

// Softmax or log-softmax over one axis (counted with the batch axis; negative from the end).
template <class T>
NodePtr<T> make_softmax(int axis, bool log);

// params: alpha, of the sample's shape, or 1 long along shared axes (1 = first sample axis).
template <class T>
NodePtr<T> make_prelu(const Shape& alpha_shape);

// Sample shape with at most one -1. Flatten is {-1}.
template <class T>
NodePtr<T> make_reshape(const Shape& target);

// perm: 1-based order of the sample axes, as Keras' Permute.
template <class T>
NodePtr<T> make_permute(const std::vector<int>& perm);

// [N, C] -> [N, n, C]
template <class T>
NodePtr<T> make_repeat(index_t n);

// noise_shape: extents with the batch axis, 1 where the noise is shared, 0 where it is not; empty:
// one number an element. alpha: what SELU tends to below 0 in the place of 0 (Klambauer et al.,
// arXiv 1706.02515, section 3); rate < 1 then.
template <class T>
NodePtr<T> make_dropout(double rate, const Shape& noise_shape, std::uint64_t seed,
                        bool alpha = false);
// x + N(0, stddev^2); factor: x times N(1, stddev^2).
template <class T>
NodePtr<T> make_gaussian_noise(double stddev, std::uint64_t seed, bool factor);

// y = x * scale + offset, numbers or one of each for every column of the last axis.
template <class T>
NodePtr<T> make_rescaling(const std::vector<double>& scale, const std::vector<double>& offset);

// params: scale and offset, of the shape of the axes from the first kept one on (not trained).
template <class T>
NodePtr<T> make_affine(const Shape& kept_shape);

// y = x; adds (l1 sum |x| + l2 sum x^2) / N to the penalty.
template <class T>
NodePtr<T> make_activity_regularizer(double l1, double l2);

}  // namespace ranvier
