// Group normalization: the sums of a sample's columns, put together by group.
#include <cmath>

#include "norm/columns.hpp"

namespace ranvier {
namespace {

// Calls f(sample) for all samples: divided among threads if there are as many, else in turn, each
// sample's own blocks divided. The division changes no result.
template <class T, class F>
void each_sample(index_t samples, index_t elements, int arrays, F&& f) {
    const int threads = column_threads<T>(samples, elements, arrays);
    parallel_for(samples >= threads ? threads : 1, samples, f);
}

// dx = a dy + b (x - mean) + c of one group of columns, [first, end), from the sums of its columns;
// dot becomes the sample's part of dgamma. n: the group's elements.
template <class T>
void group_gradient(index_t first, index_t end, double n, double inverse, const T* gamma,
                    const double* sum, double* dot, T* a, T* b, T* c) {
    double all = 0, dots = 0;
    for (index_t j = first; j < end; ++j) {
        const double w = gamma == nullptr ? 1.0 : double(gamma[j]);
        all += w * sum[j];
        dots += w * dot[j];
        a[j] = static_cast<T>(inverse * w);
        dot[j] *= inverse;
    }
    for (index_t j = first; j < end; ++j) {
        b[j] = static_cast<T>(-inverse * inverse * inverse * dots / n);
        c[j] = static_cast<T>(-inverse * all / n);
    }
}

}  // namespace

template <class T>
void group_norm_forward(index_t samples, index_t rows, index_t cols, index_t groups, const T* x,
                        const T* gamma, const T* beta, double epsilon, T* y, T* mean, T* inverse) {
    if (samples <= 0 || rows <= 0 || cols <= 0) return;
    const ColumnBlocks blocks(rows, cols);
    const index_t each = cols / groups;
    const double n = double(rows), share = 1 / double(each);
    each_sample<T>(samples, rows * cols, 3, [&](index_t s) {
        const Scratch<double> middle(cols), square(cols);
        const Scratch<T> m(cols), scale(cols), shift(cols);
        const T* xs = x + s * rows * cols;
        column_moments(blocks, xs, middle.get(), square.get());
        for (index_t g = 0; g < groups; ++g) {
            double total = 0, spread = 0;
            for (index_t j = g * each; j < (g + 1) * each; ++j) total += middle[j];
            total *= share;
            for (index_t j = g * each; j < (g + 1) * each; ++j)
                spread += square[j] + n * (middle[j] - total) * (middle[j] - total);
            const double k = 1 / std::sqrt(spread * share / n + epsilon);
            mean[s * groups + g] = static_cast<T>(total);
            inverse[s * groups + g] = static_cast<T>(k);
            for (index_t j = g * each; j < (g + 1) * each; ++j) {
                m[j] = static_cast<T>(total);
                scale[j] = static_cast<T>(gamma == nullptr ? k : k * double(gamma[j]));
                shift[j] = beta == nullptr ? T(0) : beta[j];
            }
        }
        column_apply(blocks, xs, m.get(), scale.get(), shift.get(), true, y + s * rows * cols);
    });
}

template <class T>
void group_norm_backward(index_t samples, index_t rows, index_t cols, index_t groups, const T* x,
                         const T* mean, const T* inverse, const T* gamma, const T* dy, T* dx,
                         T* dgamma, T* dbeta) {
    if (samples <= 0 || rows <= 0 || cols <= 0) return no_sums(cols, dgamma, dbeta);
    const ColumnBlocks blocks(rows, cols);
    const index_t each = cols / groups;
    const double n = double(rows) * double(each);
    const Scratch<double> sums(samples * 2 * cols);  // a sample's parts of dbeta and dgamma
    each_sample<T>(samples, rows * cols, 5, [&](index_t s) {
        double *sum = sums.get() + s * 2 * cols, *dot = sum + cols;
        const Scratch<T> m(cols), a(cols), b(cols), c(cols);
        const index_t at = s * rows * cols;
        for (index_t j = 0; j < cols; ++j) m[j] = mean[s * groups + j / each];
        column_dots(blocks, x + at, m.get(), dy + at, sum, dot);
        for (index_t g = 0; g < groups; ++g)
            group_gradient(g * each, (g + 1) * each, n, double(inverse[s * groups + g]), gamma, sum,
                           dot, a.get(), b.get(), c.get());
        if (dx != nullptr)
            column_gradient(blocks, x + at, m.get(), a.get(), b.get(), c.get(), dy + at, dx + at);
    });
    const Scratch<double> total(2 * cols);
    for (index_t j = 0; j < 2 * cols; ++j) total[j] = 0;
    for (index_t s = 0; s < samples; ++s)
        for (index_t j = 0; j < 2 * cols; ++j) total[j] += sums[s * 2 * cols + j];
    for (index_t j = 0; j < cols; ++j) {
        if (dbeta != nullptr) dbeta[j] = static_cast<T>(total[j]);
        if (dgamma != nullptr) dgamma[j] = static_cast<T>(total[cols + j]);
    }
}

#define RV_INSTANTIATE(T)                                                                        \
    template void group_norm_forward<T>(index_t, index_t, index_t, index_t, const T*, const T*,  \
                                        const T*, double, T*, T*, T*);                           \
    template void group_norm_backward<T>(index_t, index_t, index_t, index_t, const T*, const T*, \
                                         const T*, const T*, const T*, T*, T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
