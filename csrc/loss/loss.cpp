// Losses and counting metrics: blocks of whole rows, in L1, divided among threads. Block sizes
// depend on the shape alone and block sums are added in order.
#include "ranvier/loss.hpp"

#include <cmath>

#include "kernels/loss.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier {
namespace {

bool is_sparse(Loss loss) {
    return loss == Loss::sparse_categorical_crossentropy ||
           loss == Loss::sparse_categorical_crossentropy_logits;
}

template <class T>
typename LossElementKernels<T>::Block kernel_of(Loss loss) {
    const auto& e = kernels<LossElementKernels, T>();
    const auto& b = kernels<LossBinaryKernels, T>();
    const auto& c = kernels<LossClassKernels, T>();
    const auto& l = kernels<LossLogitsKernels, T>();
    switch (loss) {
        case Loss::mean_squared_error:
            return e.mse;
        case Loss::mean_absolute_error:
            return e.mae;
        case Loss::binary_crossentropy:
            return b.probabilities;
        case Loss::binary_crossentropy_logits:
            return b.logits;
        case Loss::half_poisson_logits:
            return e.half_poisson_logits;
        case Loss::huber:
        case Loss::log_cosh:
        case Loss::hinge:
        case Loss::squared_hinge:
        case Loss::poisson:
        case Loss::mean_squared_logarithmic_error:
        case Loss::mean_absolute_percentage_error:
            return e.rare;
        case Loss::categorical_crossentropy:
            return c.categorical;
        case Loss::categorical_crossentropy_logits:
            return l.categorical;
        case Loss::sparse_categorical_crossentropy:
            return c.sparse;
        case Loss::sparse_categorical_crossentropy_logits:
            return l.sparse;
    }
    return nullptr;
}

template <class T>
void check_labels(const LossParams& p, index_t rows, index_t cols, const T* labels,
                  index_t* bad_label, index_t* counted) {
    index_t bad = -1, used = 0;
    const T ignored = static_cast<T>(p.ignore_class);
    for (index_t i = 0; i < rows; ++i) {
        if (p.has_ignore_class && labels[i] == ignored) continue;
        ++used;
        const bool good = labels[i] >= T(0) && labels[i] < static_cast<T>(cols) &&
                          labels[i] == static_cast<T>(static_cast<index_t>(labels[i]));
        if (bad < 0 && !good) bad = i;
    }
    if (bad_label != nullptr) *bad_label = bad;
    if (counted != nullptr) *counted = used;
}

template <class T>
bool all_binary(index_t n, const T* labels) {
    for (index_t i = 0; i < n; ++i)
        if (labels[i] != T(0) && labels[i] != T(1)) return false;
    return true;
}

// Rows a block: whole vectors of rows, about 8 KiB of an array.
template <class T>
index_t rows_a_block(index_t rows, index_t cols) {
    const index_t want = 8192 / index_t(sizeof(T)) / (cols > 0 ? cols : 1);
    const index_t height = want < 16 ? (cols > 64 ? 1 : 16) : want / 16 * 16;
    return rows <= height + height / 2 ? rows : height;
}

template <class T, class F>
double sum_blocks(int threads, index_t rows, index_t height, F&& block) {
    if (height >= rows) return block(index_t(0), rows);
    const index_t blocks = (rows + height - 1) / height;
    Scratch<double> sums(blocks);
    parallel_for(threads, blocks, [&](index_t b) {
        const index_t first = b * height;
        sums[b] = block(first, first + height < rows ? height : rows - first);
    });
    double total = 0.0;
    for (index_t b = 0; b < blocks; ++b) total += sums[b];
    return total;
}

}  // namespace

template <class T>
double loss_forward_backward(Loss loss, const LossParams& p, index_t rows, index_t cols,
                             const T* y_true, const T* y_pred, const T* sample_weight, double scale,
                             T* row_loss, T* dy, T* probabilities, index_t* bad_label,
                             index_t* counted) {
    const bool sparse = is_sparse(loss);
    if (bad_label != nullptr) *bad_label = -1;
    if (counted != nullptr) *counted = rows;
    if (sparse && (bad_label != nullptr || (counted != nullptr && p.has_ignore_class)))
        check_labels(p, rows, cols, y_true, bad_label, counted);
    if (rows <= 0) return 0.0;

    const bool binary =
        loss == Loss::binary_crossentropy || loss == Loss::binary_crossentropy_logits;
    const double smoothing = p.label_smoothing;
    LossBlock<T> all{};
    all.cols = cols;
    all.scale = static_cast<T>(scale);
    all.smooth_keep = static_cast<T>(1.0 - smoothing);
    all.smooth_add =
        static_cast<T>(binary ? 0.5 * smoothing : smoothing / double(cols > 0 ? cols : 1));
    all.low = static_cast<T>(p.epsilon);
    all.high = static_cast<T>(1.0 - p.epsilon);
    all.ignores = p.has_ignore_class;
    all.ignored = static_cast<T>(p.ignore_class);

    all.rare = int(loss) - int(Loss::huber);
    all.delta = static_cast<T>(smoothing);
    if (loss == Loss::hinge || loss == Loss::squared_hinge) {
        const bool binary_labels = all_binary(rows * cols, y_true);
        all.smooth_keep = binary_labels ? T(2) : T(1);
        all.smooth_add = binary_labels ? T(-1) : T(0);
    }

    const auto kernel = kernel_of<T>(loss);
    const auto weighted_sum = kernels<LossElementKernels, T>().weighted_sum;
    const bool elements = int(loss) < int(Loss::categorical_crossentropy);
    const index_t height = rows_a_block<T>(rows, cols);
    const double work = (loss <= Loss::mean_absolute_error ? 1.0 : 3.0) * 12.0 * sizeof(T);
    const int threads = threads_for(double(rows) * double(cols) * work);
    return sum_blocks<T>(threads, rows, height, [&](index_t first, index_t count) {
        Scratch<T> losses(row_loss != nullptr ? 0 : count);
        Scratch<T> scratch(elements && cols != 1 ? count * cols : 0);
        LossBlock<T> b = all;
        b.rows = count;
        b.y_true = y_true + (sparse ? first : first * cols);
        b.y_pred = y_pred + first * cols;
        b.weight = sample_weight != nullptr ? sample_weight + first : nullptr;
        b.loss = row_loss != nullptr ? row_loss + first : losses.get();
        b.dy = dy != nullptr ? dy + first * cols : nullptr;
        b.prob = probabilities != nullptr ? probabilities + first * cols : nullptr;
        b.scratch = scratch.get();
        kernel(b);
        return weighted_sum(count, b.loss, b.weight);
    });
}

template <class T>
double count_matches(Count kind, const CountParams& p, index_t rows, index_t cols, const T* y_true,
                     const T* y_pred, const T* sample_weight, T* row_match) {
    if (rows <= 0) return 0.0;
    const bool sparse = kind == Count::sparse_categorical_accuracy ||
                        kind == Count::sparse_top_k_categorical_accuracy;
    const auto kernel = kernels<CountKernels, T>().block;
    const auto weighted_sum = kernels<LossElementKernels, T>().weighted_sum;
    const index_t height = rows_a_block<T>(rows, cols);
    const int threads = threads_for(double(rows) * double(cols) * 8.0 * sizeof(T));
    return sum_blocks<T>(threads, rows, height, [&](index_t first, index_t count) {
        Scratch<T> own(row_match != nullptr ? 0 : count);
        T* match = row_match != nullptr ? row_match + first : own.get();
        kernel(kind, static_cast<T>(p.threshold), p.k, count, cols,
               y_true + (sparse ? first : first * cols), y_pred + first * cols, match);
        return weighted_sum(count, match,
                            sample_weight != nullptr ? sample_weight + first : nullptr);
    });
}

#define RV_INSTANTIATE(T)                                                                         \
    template double loss_forward_backward<T>(Loss, const LossParams&, index_t, index_t, const T*, \
                                             const T*, const T*, double, T*, T*, T*, index_t*,    \
                                             index_t*);                                           \
    template double count_matches<T>(Count, const CountParams&, index_t, index_t, const T*,       \
                                     const T*, const T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
