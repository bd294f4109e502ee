// Batch normalization whose statistics are those of the rows that a mask keeps.
#include <cmath>
#include <cstring>

#include "norm/columns.hpp"
#include "ranvier/norm.hpp"

namespace ranvier {
namespace {

template <class T>
index_t kept_rows(index_t rows, const T* mask) {
    index_t kept = 0;
    for (index_t i = 0; i < rows; ++i) kept += mask[i] != 0;
    return kept;
}

// f(first, count, kept) for runs of rows that are all kept or all left out.
template <class T, class F>
void for_runs(index_t rows, index_t cols, const T* mask, F&& f) {
    constexpr index_t kRows = 256;
    parallel_for(column_threads<T>(rows, cols, 3), (rows + kRows - 1) / kRows, [&](index_t b) {
        const index_t end = (b + 1) * kRows < rows ? (b + 1) * kRows : rows;
        for (index_t i = b * kRows, next; i < end; i = next) {
            next = i + 1;
            while (next < end && (mask[next] != 0) == (mask[i] != 0)) ++next;
            f(i, next - i, mask[i] != 0);
        }
    });
}

}  // namespace

template <class T>
void masked_batch_norm_forward(index_t rows, index_t cols, const T* x, const T* mask,
                               const T* gamma, const T* beta, double epsilon, T* y, T* mean,
                               T* variance) {
    if (rows <= 0 || cols <= 0) return;
    const index_t kept = kept_rows(rows, mask);
    for (index_t j = 0; j < cols; ++j) mean[j] = variance[j] = 0;
    if (kept > 0) {
        const Scratch<T> taken(kept * cols);
        const Scratch<double> middle(cols), square(cols);
        const std::size_t row = static_cast<std::size_t>(cols) * sizeof(T);
        for (index_t i = 0, k = 0; i < rows; ++i)
            if (mask[i] != 0) std::memcpy(taken.get() + k++ * cols, x + i * cols, row);
        column_moments(ColumnBlocks(kept, cols), taken.get(), middle.get(), square.get());
        for (index_t j = 0; j < cols; ++j) {
            mean[j] = static_cast<T>(middle[j]);
            variance[j] = static_cast<T>(square[j] / double(kept));
        }
    }
    batch_norm_inference(rows, cols, x, mean, variance, gamma, beta, epsilon, y);
}

template <class T>
void masked_batch_norm_backward(index_t rows, index_t cols, const T* x, const T* mask,
                                const T* mean, const T* variance, const T* gamma, double epsilon,
                                const T* dy, T* dx, T* dgamma, T* dbeta) {
    if (rows <= 0 || cols <= 0) return no_sums(cols, dgamma, dbeta);
    const Scratch<double> sum(cols), dot(cols);
    column_dots(ColumnBlocks(rows, cols), x, mean, dy, sum.get(), dot.get());
    const double kept = double(kept_rows(rows, mask));
    const Scratch<T> a(cols), b(cols), c(cols), none(cols);
    for (index_t j = 0; j < cols; ++j) {
        const double inverse = 1 / std::sqrt(double(variance[j]) + epsilon);
        const double scale = gamma == nullptr ? inverse : inverse * double(gamma[j]);
        a[j] = static_cast<T>(scale);
        b[j] = static_cast<T>(-scale * inverse * inverse * dot[j] / kept);
        c[j] = static_cast<T>(-scale * sum[j] / kept);
        none[j] = 0;
        if (dgamma != nullptr) dgamma[j] = static_cast<T>(dot[j] * inverse);
        if (dbeta != nullptr) dbeta[j] = static_cast<T>(sum[j]);
    }
    if (dx == nullptr) return;
    const auto& k = kernels<ColumnNormKernels, T>();
    for_runs(rows, cols, mask, [&](index_t first, index_t count, bool counts) {
        const T* g = dy + first * cols;
        T* out = dx + first * cols;
        if (counts)
            k.gradient(count, cols, x + first * cols, mean, a.get(), b.get(), c.get(), g, out);
        else
            k.apply(count, cols, g, none.get(), a.get(), none.get(), out);
    });
}

#define RV_INSTANTIATE(T)                                                                       \
    template void masked_batch_norm_forward<T>(index_t, index_t, const T*, const T*, const T*,  \
                                               const T*, double, T*, T*, T*);                   \
    template void masked_batch_norm_backward<T>(index_t, index_t, const T*, const T*, const T*, \
                                                const T*, const T*, double, const T*, T*, T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
