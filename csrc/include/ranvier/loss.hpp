// Losses fused with their gradient, and the metrics that count.
#pragma once

#include "ranvier/types.hpp"

namespace ranvier {

enum class Loss : int {
    mean_squared_error,
    mean_absolute_error,
    binary_crossentropy,         // predictions are probabilities
    binary_crossentropy_logits,  // predictions are logits
    half_poisson_logits,         // exp(x) - t x + (t log t - t): half the Poisson deviance of
                                 // the mean exp(x), what scikit-learn calls half_poisson
    huber,                       // delta = label_smoothing
    log_cosh,
    hinge,          // labels that are all 0 or 1 are taken as -1 or 1
    squared_hinge,  // likewise
    poisson,        // p - t log(p + epsilon)
    mean_squared_logarithmic_error,
    mean_absolute_percentage_error,
    categorical_crossentropy,         // probabilities: normalised by their sum, clipped to
                                      // [epsilon, 1 - epsilon], as Keras does
    categorical_crossentropy_logits,  // softmax and cross-entropy in one pass
    sparse_categorical_crossentropy,
    sparse_categorical_crossentropy_logits,
};

struct LossParams {
    double label_smoothing = 0.0;   // or the loss's own parameter
    double epsilon = 1e-7;          // Keras' backend epsilon: clips probabilities
    bool has_ignore_class = false;  // sparse losses: rows with this label count nothing
    index_t ignore_class = 0;
};

// One loss value a row. y_pred is contiguous [rows, cols]; y_true is [rows, cols], or [rows] of
// class numbers (as T) for the sparse losses. sample_weight is [rows] or null (all 1).
//   returns       sum_i w_i loss_i, in double, in a fixed order
//   row_loss      if not null: [rows], loss_i (without weight)
//   dy            if not null: [rows, cols], scale * w_i * d loss_i / d y_pred; may be y_pred
//   probabilities if not null: [rows, cols], the softmax or sigmoid of y_pred (logits losses);
//                 may be y_pred unless dy is
//   bad_label     if not null: the first row whose label is NaN or out of [0, cols) (and not
//                 ignored), else -1. Such a row counts nothing. Sparse losses only.
//   counted       if not null: the number of rows not ignored
template <class T>
double loss_forward_backward(Loss loss, const LossParams& p, index_t rows, index_t cols,
                             const T* y_true, const T* y_pred, const T* sample_weight, double scale,
                             T* row_loss, T* dy, T* probabilities, index_t* bad_label,
                             index_t* counted);

enum class Count : int {
    accuracy,                     // y_true == y_pred, elementwise mean over columns
    binary_accuracy,              // (y_pred > threshold) == y_true, mean over columns
    categorical_accuracy,         // argmax(y_true) == argmax(y_pred)
    sparse_categorical_accuracy,  // y_true == argmax(y_pred), y_true [rows]
    top_k_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
};

struct CountParams {
    double threshold = 0.5;
    index_t k = 5;
};

// sum_i w_i match_i in double, ties and NaN as Keras has them; row_match ([rows]) may be null.
template <class T>
double count_matches(Count kind, const CountParams& p, index_t rows, index_t cols, const T* y_true,
                     const T* y_pred, const T* sample_weight, T* row_match);

}  // namespace ranvier
