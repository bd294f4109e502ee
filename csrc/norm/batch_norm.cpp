// Batch normalization.
#include <cmath>

#include "norm/columns.hpp"

namespace ranvier {
namespace {

// y = (x - mean) gamma inverse(j) + beta
template <class T, class F>
void normalize(const ColumnBlocks& blocks, const T* x, const T* mean, const T* gamma, const T* beta,
               bool backwards, T* y, F&& inverse) {
    const index_t cols = blocks.cols;
    const Scratch<T> scale(cols), shift(cols);
    for (index_t j = 0; j < cols; ++j) {
        scale[j] = static_cast<T>(inverse(j) * (gamma == nullptr ? 1.0 : double(gamma[j])));
        shift[j] = beta == nullptr ? T(0) : beta[j];
    }
    column_apply(blocks, x, mean, scale.get(), shift.get(), backwards, y);
}

}  // namespace

template <class T>
void batch_norm_forward(index_t rows, index_t cols, const T* x, const T* gamma, const T* beta,
                        double epsilon, T* y, T* mean, T* variance) {
    if (rows <= 0 || cols <= 0) return;
    const ColumnBlocks blocks(rows, cols);
    const Scratch<double> middle(cols), square(cols);
    column_moments(blocks, x, middle.get(), square.get());
    for (index_t j = 0; j < cols; ++j) {
        square[j] /= double(rows);
        mean[j] = static_cast<T>(middle[j]);
        variance[j] = static_cast<T>(square[j]);
    }
    normalize(blocks, x, mean, gamma, beta, true, y,
              [&](index_t j) { return 1 / std::sqrt(square[j] + epsilon); });
}

template <class T>
void batch_norm_inference(index_t rows, index_t cols, const T* x, const T* mean, const T* variance,
                          const T* gamma, const T* beta, double epsilon, T* y) {
    if (rows <= 0 || cols <= 0) return;
    normalize(ColumnBlocks(rows, cols), x, mean, gamma, beta, false, y,
              [&](index_t j) { return 1 / std::sqrt(double(variance[j]) + epsilon); });
}

template <class T>
void batch_norm_backward(index_t rows, index_t cols, const T* x, const T* mean, const T* variance,
                         const T* gamma, double epsilon, bool of_batch, const T* dy, T* dx,
                         T* dgamma, T* dbeta) {
    if (rows <= 0 || cols <= 0) return no_sums(cols, dgamma, dbeta);
    const ColumnBlocks blocks(rows, cols);
    const Scratch<double> sum(cols), dot(cols);
    if (of_batch || dgamma != nullptr)
        column_dots(blocks, x, mean, dy, sum.get(), dot.get());
    else if (dbeta != nullptr)  // x may be gone: dy stands in for it
        column_dots(blocks, dy, mean, dy, sum.get(), dot.get());
    const Scratch<T> a(cols), b(cols), c(cols);
    for (index_t j = 0; j < cols; ++j) {
        const double inverse = 1 / std::sqrt(double(variance[j]) + epsilon);
        const double scale = gamma == nullptr ? inverse : inverse * double(gamma[j]);
        a[j] = static_cast<T>(scale);
        b[j] = c[j] = 0;
        if (of_batch) {
            b[j] = static_cast<T>(-scale * inverse * inverse * dot[j] / double(rows));
            c[j] = static_cast<T>(-double(a[j]) * sum[j] / double(rows));
        }
        if (dgamma != nullptr) dgamma[j] = static_cast<T>(dot[j] * inverse);
        if (dbeta != nullptr) dbeta[j] = static_cast<T>(sum[j]);
    }
    if (dx == nullptr) return;
    if (of_batch)
        column_gradient(blocks, x, mean, a.get(), b.get(), c.get(), dy, dx);
    else
        column_apply(blocks, dy, b.get(), a.get(), c.get(), false, dx);  // b and c are 0
}

#define RV_INSTANTIATE(T)                                                                          \
    template void batch_norm_forward<T>(index_t, index_t, const T*, const T*, const T*, double,    \
                                        T*, T*, T*);                                               \
    template void batch_norm_inference<T>(index_t, index_t, const T*, const T*, const T*,          \
                                          const T*, const T*, double, T*);                         \
    template void batch_norm_backward<T>(index_t, index_t, const T*, const T*, const T*, const T*, \
                                         double, bool, const T*, T*, T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
