// Pooling, upsampling, padding and cropping as nodes; channels last. Defined in
// graph/nodes_pool.cpp.
#pragma once

#include "ranvier/nodes.hpp"

namespace ranvier {

enum class Pool : int { max, average };

// [N, ..., C] with as many spatial axes as `window` and `stride` have entries.
template <class T>
NodePtr<T> make_pool(Pool kind, const Shape& window, const Shape& stride, bool same);
// [N, ..., C] with `axes` spatial axes to [N, C], or [N, 1, ..., C] if keepdims.
template <class T>
NodePtr<T> make_global_pool(Pool kind, std::size_t axes, bool keepdims);
// Along one axis of L, to `size` windows [floor(i L / size), ceil((i + 1) L / size)). The gradient
// of a maximum goes to the first element that has it.
template <class T>
NodePtr<T> make_adaptive_pool(Pool kind, std::size_t axis, index_t size);
// Each spatial extent times its size. bilinear: two axes only.
template <class T>
NodePtr<T> make_upsample(const Shape& size, bool bilinear);
// Zeros around each spatial axis (grow), or as much cut off.
template <class T>
NodePtr<T> make_frame(const Shape& before, const Shape& after, bool grow);

}  // namespace ranvier
