// PReLU with one slope a column.
#include "activation/split.hpp"
#include "ranvier/activation.hpp"

namespace ranvier {
namespace {

// Narrow matrices become wide ones: `fold` rows side by side, with alpha repeated, so that the
// kernels see whole vectors.
constexpr index_t kWide = 32;

template <class T>
struct Folded {
    Folded(index_t rows, index_t cols, const T* alpha)
        : fold(cols < kWide && rows > 1 ? (2 * kWide + cols - 1) / cols : 1),
          repeated(fold > 1 ? fold * cols : 0) {
        slopes = alpha;
        if (fold == 1) return;
        for (index_t i = 0; i < fold; ++i)
            for (index_t j = 0; j < cols; ++j) repeated[i * cols + j] = alpha[j];
        slopes = repeated.get();
    }
    index_t fold;
    Scratch<T> repeated;
    const T* slopes;
};

}  // namespace

template <class T>
void prelu_forward(index_t rows, index_t cols, const T* x, const T* alpha, T* y) {
    if (rows <= 0 || cols <= 0) return;
    const auto& k = kernels<ActivationBackwardKernels, T>();
    const Folded<T> f(rows, cols, alpha);
    const index_t wide = f.fold * cols, whole = rows / f.fold, rest = rows % f.fold;
    split_range<T>(threads_for(double(rows) * double(cols) * 8.0 * sizeof(T)), whole,
                   [&](index_t i, index_t count) {
                       k.prelu_forward(count, wide, x + i * wide, f.slopes, y + i * wide);
                   });
    if (rest > 0) k.prelu_forward(1, rest * cols, x + whole * wide, f.slopes, y + whole * wide);
}

template <class T>
void prelu_backward(index_t rows, index_t cols, const T* x, const T* alpha, const T* dy, T* dx,
                    T* dalpha) {
    const auto& k = kernels<ActivationBackwardKernels, T>();
    const Folded<T> f(rows, cols, alpha);
    sum_in_blocks<T>(threads_for(double(rows) * double(cols) * 12.0 * sizeof(T)), rows, cols,
                     dalpha, [&](index_t row, index_t count, T* out) {
                         Scratch<T> t(count * cols);
                         const index_t wide = f.fold * cols, whole = count / f.fold,
                                       rest = count % f.fold;
                         const index_t i = row * cols, j = whole * wide;
                         k.prelu_backward(whole, wide, x + i, f.slopes, dy + i, dx + i, t.get());
                         if (rest > 0)
                             k.prelu_backward(1, rest * cols, x + i + j, f.slopes, dy + i + j,
                                              dx + i + j, t.get() + j);
                         k.column_sums(count, cols, t.get(), out);
                     });
}

#define RV_INSTANTIATE(T)                                                     \
    template void prelu_forward<T>(index_t, index_t, const T*, const T*, T*); \
    template void prelu_backward<T>(index_t, index_t, const T*, const T*, const T*, T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
