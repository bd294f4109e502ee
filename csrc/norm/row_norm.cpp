// Layer, RMS and unit normalization.
#include "kernels/activation.hpp"
#include "kernels/norm.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier {
namespace {

// v, or n times the same number.
template <class T>
class OrAll {
  public:
    OrAll(const T* v, index_t n, T value) : all_(v == nullptr ? n : 0), p_(v) {
        if (v != nullptr) return;
        for (index_t i = 0; i < n; ++i) all_[i] = value;
        p_ = all_.get();
    }
    const T* get() const { return p_; }

  private:
    Scratch<T> all_;
    const T* p_;
};

// Rows in one task: at least 16, so that the sums for gamma and beta are few.
index_t rows_in_block(index_t rows, index_t n) {
    const index_t height = 16384 / (n < 1024 ? n : 1024), least = (rows + 255) / 256;
    return (least > height ? least + 3 : height) / 4 * 4;  // the kernel takes four at once
}

}  // namespace

template <class T>
void row_norm_forward(RowNorm kind, index_t rows, index_t n, const T* x, const T* gamma,
                      const T* beta, double epsilon, T* y, T* mean, T* inverse) {
    if (rows <= 0 || n <= 0) return;
    const auto& k = kernels<RowNormKernels, T>();
    const OrAll<T> scale(gamma, n, T(1)), shift(beta, n, T(0));
    const int threads = threads_for(12.0 * sizeof(T) * double(rows) * double(n));
    const index_t height = threads > 1 ? rows / (4 * threads) + 1 : rows;
    parallel_for(threads, (rows + height - 1) / height, [&](index_t b) {
        const index_t row = b * height, count = rows - row < height ? rows - row : height;
        k.forward(kind, count, n, x + row * n, scale.get(), shift.get(), epsilon, y + row * n,
                  mean == nullptr ? mean : mean + row,
                  inverse == nullptr ? inverse : inverse + row);
    });
}

template <class T>
void row_norm_backward(RowNorm kind, index_t rows, index_t n, const T* x, const T* mean,
                       const T* inverse, const T* gamma, double epsilon, const T* dy, T* dx,
                       T* dgamma, T* dbeta) {
    if (n <= 0) return;
    const auto& k = kernels<RowNormKernels, T>();
    const OrAll<T> scale(gamma, n, T(1));
    const bool sums = dgamma != nullptr || dbeta != nullptr;
    const index_t height = rows_in_block(rows, n), blocks = (rows + height - 1) / height;
    const Scratch<T> part(sums ? blocks * 2 * n : 0), total(sums ? 2 * n : 0);
    parallel_for(threads_for(20.0 * sizeof(T) * double(rows) * double(n)), blocks, [&](index_t b) {
        const index_t row = b * height, count = rows - row < height ? rows - row : height;
        T* out = part.get() + b * 2 * n;
        k.backward(kind, count, n, x + row * n, mean + row, inverse + row, scale.get(), epsilon,
                   dy + row * n, dx == nullptr ? dx : dx + row * n, sums ? out : nullptr,
                   sums ? out + n : nullptr);
    });
    if (!sums) return;
    kernels<ActivationBackwardKernels, T>().column_sums(blocks, 2 * n, part.get(), total.get());
    for (index_t i = 0; i < n; ++i) {
        if (dgamma != nullptr) dgamma[i] = total[i];
        if (dbeta != nullptr) dbeta[i] = total[n + i];
    }
}

#define RV_INSTANTIATE(T)                                                                       \
    template void row_norm_forward<T>(RowNorm, index_t, index_t, const T*, const T*, const T*,  \
                                      double, T*, T*, T*);                                      \
    template void row_norm_backward<T>(RowNorm, index_t, index_t, const T*, const T*, const T*, \
                                       const T*, double, const T*, T*, T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
