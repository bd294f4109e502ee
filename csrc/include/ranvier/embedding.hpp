// Rows of a table by number, and their gradient.
#pragma once

#include "ranvier/types.hpp"

namespace ranvier {

// ids[i] = x[i] where x[i] is an integer in [0, limit); `limit` must be exact as T, at most 2^31
// - 1. Returns the first i for which it is not (NaN included), or -1.
template <class T>
index_t embedding_ids(index_t n, const T* x, index_t limit, std::int32_t* ids);

// y[i, :] = table[ids[i], :], with `cols` columns. y must lie apart from the table.
template <class T>
void embedding_forward(index_t n, index_t cols, const std::int32_t* ids, const T* table, T* y);

// dtable [rows, cols] = the sum of dy[i, :] over all i with ids[i] = row, in the order of i.
// Overwritten as a whole; must lie apart from dy.
template <class T>
void embedding_backward(index_t n, index_t rows, index_t cols, const std::int32_t* ids, const T* dy,
                        T* dtable);

}  // namespace ranvier
