// Activations, their derivatives, softmax, and the row-wise sums their backward passes need.
#pragma once

#include "ranvier/types.hpp"

namespace ranvier {

// True if the backward pass reads the input x, false if it reads the output y.
bool act_backward_reads_input(Act act, const ActParams& p);

// y[i] = act(x[i]); x == y is allowed.
template <class T>
void act_forward(Act act, const ActParams& p, index_t n, const T* x, T* y);

// dx[i] = dy[i] * act'(x[i]); `saved` is x or y as act_backward_reads_input says.
// dx == dy is allowed.
template <class T>
void act_backward(Act act, const ActParams& p, index_t n, const T* saved, const T* dy, T* dx);

// The same on a contiguous [rows, cols] matrix, and db[j] = sum_i dx[i, j] (overwrites; a fixed
// order of summation). db may be null. The backward pass of bias + activation.
template <class T>
void act_backward_bias(Act act, const ActParams& p, index_t rows, index_t cols, const T* saved,
                       const T* dy, T* dx, T* db);

// d[i] = act'(x[i]), the derivative as the lecture's table has it.
template <class T>
void act_derivative(Act act, const ActParams& p, index_t n, const T* x, T* d);

// PReLU: y = x > 0 ? x : alpha[j] x on [rows, cols], one alpha a column.
// Backward: dx = dy (x > 0 ? 1 : alpha[j]), dalpha[j] = sum_i dy min(x, 0) (overwrites).
template <class T>
void prelu_forward(index_t rows, index_t cols, const T* x, const T* alpha, T* y);
template <class T>
void prelu_backward(index_t rows, index_t cols, const T* x, const T* alpha, const T* dy, T* dx,
                    T* dalpha);

// Softmax over the middle axis of [outer, n, inner] (inner = 1: over contiguous rows).
// y == x is allowed; backward reads y, and dx == dy is allowed.
template <class T>
void softmax_forward(index_t outer, index_t n, index_t inner, const T* x, T* y);
template <class T>
void softmax_backward(index_t outer, index_t n, index_t inner, const T* y, const T* dy, T* dx);
template <class T>
void log_softmax_forward(index_t outer, index_t n, index_t inner, const T* x, T* y);
template <class T>
void log_softmax_backward(index_t outer, index_t n, index_t inner, const T* y, const T* dy, T* dx);

// out[j] = sum_i x[i, j] over contiguous [rows, cols] (fixed order; overwrites).
template <class T>
void column_sums(index_t rows, index_t cols, const T* x, T* out);

// Vector maths on arrays (tests, ops): y[i] = f(x[i]).
enum class Math : int { exp, log, tanh, sigmoid, erf, softplus, expm1, log1p };
template <class T>
void vector_math(Math f, index_t n, const T* x, T* y);

}  // namespace ranvier
