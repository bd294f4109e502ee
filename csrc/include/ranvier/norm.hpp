// Normalization: batch and group (statistics of columns), layer, RMS and unit (of rows).
//
// Means and variances are biased (divided by the number of elements), as Keras' are. Sums are
// divided by the problem's size and added in a fixed order: the same bits for any number of
// threads. gamma and beta may be null (1 and 0). y == x and dx == dy are allowed everywhere; all
// other outputs must lie apart from the inputs. Results are overwritten.
#pragma once

#include "ranvier/types.hpp"

namespace ranvier {

// Over contiguous [rows, cols], one mean and variance a column:
// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta. Without rows nothing is written.
template <class T>
void batch_norm_forward(index_t rows, index_t cols, const T* x, const T* gamma, const T* beta,
                        double epsilon, T* y, T* mean, T* variance);
// The same with given statistics.
template <class T>
void batch_norm_inference(index_t rows, index_t cols, const T* x, const T* mean, const T* variance,
                          const T* gamma, const T* beta, double epsilon, T* y);
// `of_batch`: mean and variance came from x (else they are constants). dx, dgamma and dbeta may be
// null. x is not read where only dx and dbeta are wanted and the statistics are constants.
template <class T>
void batch_norm_backward(index_t rows, index_t cols, const T* x, const T* mean, const T* variance,
                         const T* gamma, double epsilon, bool of_batch, const T* dy, T* dx,
                         T* dgamma, T* dbeta);

// The same with statistics of the rows where mask [rows] is not 0 (if there are none, mean and
// variance are 0, as in Keras); all rows are normalized. y and x must lie apart.
template <class T>
void masked_batch_norm_forward(index_t rows, index_t cols, const T* x, const T* mask,
                               const T* gamma, const T* beta, double epsilon, T* y, T* mean,
                               T* variance);
template <class T>
void masked_batch_norm_backward(index_t rows, index_t cols, const T* x, const T* mask,
                                const T* mean, const T* variance, const T* gamma, double epsilon,
                                const T* dy, T* dx, T* dgamma, T* dbeta);

// Over contiguous [samples, rows, cols], one mean and inverse deviation 1 / sqrt(var + epsilon) for
// each sample and group of cols / groups neighbouring columns; gamma and beta a column.
// mean, inverse: [samples, groups].
template <class T>
void group_norm_forward(index_t samples, index_t rows, index_t cols, index_t groups, const T* x,
                        const T* gamma, const T* beta, double epsilon, T* y, T* mean, T* inverse);
template <class T>
void group_norm_backward(index_t samples, index_t rows, index_t cols, index_t groups, const T* x,
                         const T* mean, const T* inverse, const T* gamma, const T* dy, T* dx,
                         T* dgamma, T* dbeta);

// Over the rows of contiguous [rows, n]:
//   layer      y = (x - mean) / sqrt(var + epsilon) * gamma + beta
//   layer_rms  y = x / sqrt(var + epsilon) * gamma + beta (Keras' rms_scaling)
//   rms        y = x / sqrt(mean(x^2) + epsilon) * gamma + beta
//   unit       y = x / max(sqrt(sum(x^2)), epsilon) * gamma + beta
// mean and inverse (what x is multiplied by) are [rows], for backward; mean is 0 for the last two.
enum class RowNorm : int { layer, layer_rms, rms, unit };
template <class T>
void row_norm_forward(RowNorm kind, index_t rows, index_t n, const T* x, const T* gamma,
                      const T* beta, double epsilon, T* y, T* mean, T* inverse);
template <class T>
void row_norm_backward(RowNorm kind, index_t rows, index_t n, const T* x, const T* mean,
                       const T* inverse, const T* gamma, double epsilon, const T* dy, T* dx,
                       T* dgamma, T* dbeta);

}  // namespace ranvier
