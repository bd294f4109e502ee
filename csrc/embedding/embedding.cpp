// Tables of rows.
#include "ranvier/embedding.hpp"

#include <algorithm>
#include <cstring>

#include "kernels/data.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier {
namespace {

std::size_t bytes_of(index_t n, std::size_t element) {
    return static_cast<std::size_t>(n) * element;
}

// f(first, count) for about equal parts of [0, n), a multiple of `unit` long but for the last.
template <class F>
void for_parts(int threads, index_t n, index_t unit, F&& f) {
    const index_t units = (n + unit - 1) / unit;
    const index_t parts = std::max<index_t>(1, std::min<index_t>(threads, units));
    const index_t size = (units + parts - 1) / parts * unit;
    parallel_for(threads, parts, [&](index_t p) {
        if (p * size < n) f(p * size, std::min(size, n - p * size));
    });
}

}  // namespace

template <class T>
index_t embedding_ids(index_t n, const T* x, index_t limit, std::int32_t* ids) {
    const T end = static_cast<T>(limit);
    for (index_t i = 0; i < n; ++i) {
        if (!(x[i] >= 0 && x[i] < end)) return i;
        ids[i] = static_cast<std::int32_t>(x[i]);
        if (static_cast<T>(ids[i]) != x[i]) return i;
    }
    return -1;
}

template <class T>
void embedding_forward(index_t n, index_t cols, const std::int32_t* ids, const T* table, T* y) {
    const std::size_t row = bytes_of(cols, sizeof(T));
    const int threads = threads_for(8.0 * static_cast<double>(n) * static_cast<double>(row));
    for_parts(threads, n, 1, [&](index_t first, index_t count) {
        for (index_t i = first; i < first + count; ++i)
            std::memcpy(y + i * cols, table + ids[i] * cols, row);
    });
}

// Columns are divided among threads: each sum stays whole, and rows that are named often (padding)
// burden no thread more than others.
template <class T>
void embedding_backward(index_t n, index_t rows, index_t cols, const std::int32_t* ids, const T* dy,
                        T* dtable) {
    const double moved = 4.0 * sizeof(T) * static_cast<double>(cols);
    for_parts(threads_for(moved * static_cast<double>(rows)), rows * cols, 1024,
              [&](index_t first, index_t count) {
                  std::memset(dtable + first, 0, bytes_of(count, sizeof(T)));
              });
    const auto add = kernels<DataKernels, T>().add;
    for_parts(threads_for(3.0 * moved * static_cast<double>(n)), cols, 16,
              [&](index_t first, index_t count) {
                  for (index_t i = 0; i < n; ++i)
                      add(count, dy + i * cols + first, dtable + ids[i] * cols + first);
              });
}

#define RV_INSTANTIATE(T)                                                                         \
    template index_t embedding_ids<T>(index_t, const T*, index_t, std::int32_t*);                 \
    template void embedding_forward<T>(index_t, index_t, const std::int32_t*, const T*, T*);      \
    template void embedding_backward<T>(index_t, index_t, index_t, const std::int32_t*, const T*, \
                                        T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
