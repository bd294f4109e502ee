// Masks of sequences.
#include "ranvier/mask.hpp"

#include <cstring>

#include "kernels/data.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier {
namespace {

// f(i) for all; `elements` pass through memory.
template <class T, class F>
void for_rows(index_t rows, double elements, F&& f) {
    constexpr index_t kRows = 64;
    parallel_for(threads_for(8.0 * sizeof(T) * elements), (rows + kRows - 1) / kRows,
                 [&](index_t b) {
                     const index_t end = (b + 1) * kRows < rows ? (b + 1) * kRows : rows;
                     for (index_t i = b * kRows; i < end; ++i) f(i);
                 });
}

template <class T>
T count_of(index_t steps, const T* mask) {
    index_t count = 0;
    for (index_t t = 0; t < steps; ++t) count += mask[t] != 0;
    return static_cast<T>(count);
}

}  // namespace

template <class T>
void rows_unequal(index_t rows, index_t cols, const T* x, T value, T* mask) {
    for_rows<T>(rows, static_cast<double>(rows) * static_cast<double>(cols), [&](index_t i) {
        index_t j = 0;
        while (j < cols && x[i * cols + j] == value) ++j;
        mask[i] = j < cols ? T(1) : T(0);
    });
}

template <class T>
void keep_rows(index_t rows, index_t cols, const T* x, const T* mask, T* y) {
    const std::size_t row = static_cast<std::size_t>(cols) * sizeof(T);
    for_rows<T>(rows, static_cast<double>(rows) * static_cast<double>(cols), [&](index_t i) {
        if (mask[i] == 0)
            std::memset(y + i * cols, 0, row);
        else if (y != x)
            std::memcpy(y + i * cols, x + i * cols, row);
    });
}

template <class T>
void masked_mean(index_t n, index_t steps, index_t c, const T* x, const T* mask, T* y) {
    const auto& k = kernels<DataKernels, T>();
    const double elements = static_cast<double>(n) * static_cast<double>(steps * c);
    for_rows<T>(n, elements, [&](index_t i) {
        T* out = y + i * c;
        for (index_t j = 0; j < c; ++j) out[j] = 0;
        for (index_t t = 0; t < steps; ++t)
            if (mask[i * steps + t] != 0) k.add(c, x + (i * steps + t) * c, out);
        const T count = count_of(steps, mask + i * steps);
        for (index_t j = 0; j < c; ++j) out[j] /= count;
    });
}

template <class T>
void masked_mean_backward(index_t n, index_t steps, index_t c, const T* mask, const T* dy, T* dx) {
    const std::size_t row = static_cast<std::size_t>(c) * sizeof(T);
    const double elements = static_cast<double>(n) * static_cast<double>(steps * c);
    for_rows<T>(n, elements, [&](index_t i) {
        const Scratch<T> share(c);
        const T count = count_of(steps, mask + i * steps);
        for (index_t j = 0; j < c; ++j) share[j] = dy[i * c + j] / count;
        for (index_t t = 0; t < steps; ++t) {
            T* out = dx + (i * steps + t) * c;
            if (mask[i * steps + t] != 0)
                std::memcpy(out, share.get(), row);
            else
                std::memset(out, 0, row);
        }
    });
}

#define RV_INSTANTIATE(T)                                                            \
    template void rows_unequal<T>(index_t, index_t, const T*, T, T*);                \
    template void keep_rows<T>(index_t, index_t, const T*, const T*, T*);            \
    template void masked_mean<T>(index_t, index_t, index_t, const T*, const T*, T*); \
    template void masked_mean_backward<T>(index_t, index_t, index_t, const T*, const T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
