// Steps of sequences that do not count. A mask is 1 for a row that does, 0 for one that does not.
#pragma once

#include "ranvier/types.hpp"

namespace ranvier {

// mask[i] = whether any of x[i, :] is not `value` (NaN is not).
template <class T>
void rows_unequal(index_t rows, index_t cols, const T* x, T value, T* mask);

// y[i, :] = mask[i] ? x[i, :] : 0, whatever x is there. y == x is allowed.
template <class T>
void keep_rows(index_t rows, index_t cols, const T* x, const T* mask, T* y);

// y[n, c] = the mean of x[n, t, c] over the t with mask[n, t]; NaN where there are none, as in
// Keras. backward: rows that do not count get 0.
template <class T>
void masked_mean(index_t n, index_t steps, index_t c, const T* x, const T* mask, T* y);
template <class T>
void masked_mean_backward(index_t n, index_t steps, index_t c, const T* mask, const T* dy, T* dx);

}  // namespace ranvier
