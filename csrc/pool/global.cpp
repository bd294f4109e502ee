// Global pooling: [n, positions, c] to [n, c].
#include <cstring>
#include <limits>

#include "kernels/pool.hpp"
#include "ranvier/activation.hpp"
#include "ranvier/data.hpp"
#include "ranvier/pool.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier {
namespace {

std::size_t bytes_of(index_t n, std::size_t element) {
    return static_cast<std::size_t>(n) * element;
}

// Few channels are taken several positions at a time, so that rows fill vectors.
index_t group_of(index_t positions, index_t c) {
    constexpr index_t kWidth = 64;
    const index_t group = c >= kWidth ? 1 : (kWidth + c - 1) / c;
    return group < positions ? group : positions;
}

// pattern = row [c], `group` times
template <class T>
void repeat_row(index_t group, index_t c, const T* row, T* pattern) {
    for (index_t g = 0; g < group; ++g) std::memcpy(pattern + g * c, row, bytes_of(c, sizeof(T)));
}

// body(image) for all; one image's own work is divided only if there are fewer than threads.
template <class T, class F>
void each_image(index_t n, index_t positions, index_t c, F&& body) {
    const double elements = static_cast<double>(n) * static_cast<double>(positions * c);
    const int threads = threads_for(4.0 * sizeof(T) * elements);
    parallel_for(n < threads ? 1 : threads, n, body);
}

template <class T>
void max_of_image(index_t positions, index_t c, const T* x, T* y) {
    const auto kernel = kernels<PoolGlobalKernels, T>().max;
    const index_t group = group_of(positions, c), width = group * c;
    if (group == 1) return kernel(positions, c, x, y);
    const index_t rows = positions / group, rest = positions % group;
    const Scratch<T> best((group + rest) * c);
    kernel(rows, width, x, best.get());
    std::memcpy(best.get() + width, x + rows * width, bytes_of(rest * c, sizeof(T)));
    kernel(group + rest, c, best.get(), y);
}

// How many elements of each channel are y. In pieces that T counts exactly.
template <class T>
void count_equal(index_t positions, index_t c, index_t group, const T* x, const T* y,
                 double* count) {
    const auto kernel = kernels<PoolGlobalKernels, T>().count;
    constexpr index_t kRows = 4096;
    const index_t width = group * c, rows = positions / group;
    const Scratch<T> piece(width);
    for (index_t j = 0; j < c; ++j) count[j] = 0;
    auto add = [&](index_t height, index_t cols, const T* from) {
        kernel(height, cols, from, y, piece.get());
        for (index_t j = 0; j < cols; ++j) count[j % c] += static_cast<double>(piece[j]);
    };
    for (index_t r = 0; r < rows; r += kRows)
        add(r + kRows < rows ? kRows : rows - r, width, x + r * width);
    const index_t rest = positions % group;
    if (rest > 0) add(1, rest * c, x + rows * width);
}

template <class T>
void send_to_image(index_t positions, index_t c, const T* x, const T* y, const T* dy, T* dx) {
    const index_t group = group_of(positions, c), width = group * c;
    const Scratch<T> most(width), g(width);
    const Scratch<double> count(c);
    repeat_row(group, c, y, most.get());
    count_equal(positions, c, group, x, most.get(), count.get());
    bool nan = false;
    for (index_t j = 0; j < c; ++j) {
        nan = nan || count[j] == 0;
        g[j] = dy[j] / static_cast<T>(count[j]);
    }
    repeat_row(group - 1, c, g.get(), g.get() + c);
    const auto kernel = kernels<PoolGlobalKernels, T>().send;
    const index_t rows = positions / group, rest = positions % group;
    kernel(rows, width, x, most.get(), g.get(), dx);
    kernel(1, rest * c, x + rows * width, most.get(), g.get(), dx + rows * width);
    if (!nan) return;
    for (index_t i = 0; i < positions; ++i)
        for (index_t j = 0; j < c; ++j)
            if (count[j] == 0) dx[i * c + j] = std::numeric_limits<T>::quiet_NaN();
}

}  // namespace

template <class T>
void global_max_pool(index_t n, index_t positions, index_t c, const T* x, T* y) {
    if (c == 0) return;
    each_image<T>(n, positions, c,
                  [&](index_t i) { max_of_image(positions, c, x + i * positions * c, y + i * c); });
}

template <class T>
void global_max_pool_backward(index_t n, index_t positions, index_t c, const T* x, const T* y,
                              const T* dy, T* dx) {
    if (c == 0) return;
    each_image<T>(n, positions, c, [&](index_t i) {
        const index_t at = i * positions * c;
        send_to_image(positions, c, x + at, y + i * c, dy + i * c, dx + at);
    });
}

template <class T>
void global_average_pool(index_t n, index_t positions, index_t c, const T* x, T* y) {
    each_image<T>(n, positions, c,
                  [&](index_t i) { column_sums(positions, c, x + i * positions * c, y + i * c); });
    scale_shift(n * c, y, 1.0 / static_cast<double>(positions), 0.0, y);
}

template <class T>
void global_average_pool_backward(index_t n, index_t positions, index_t c, const T* dy, T* dx) {
    if (c == 0) return;
    const T scale = static_cast<T>(1.0 / static_cast<double>(positions));
    const index_t group = group_of(positions, c) * (1 + 4096 / (64 + c));
    each_image<T>(n, positions, c, [&](index_t i) {
        const index_t copies = group < positions ? group : positions;
        T* to = dx + i * positions * c;
        for (index_t j = 0; j < c; ++j) to[j] = dy[i * c + j] * scale;
        for (index_t done = 1; done < positions;) {  // what is there already, again and again
            index_t more = done < copies ? done : copies;
            more = done + more < positions ? more : positions - done;
            std::memcpy(to + done * c, to, bytes_of(more * c, sizeof(T)));
            done += more;
        }
    });
}

#define RV_INSTANTIATE(T)                                                                 \
    template void global_max_pool(index_t, index_t, index_t, const T*, T*);               \
    template void global_max_pool_backward(index_t, index_t, index_t, const T*, const T*, \
                                           const T*, T*);                                 \
    template void global_average_pool(index_t, index_t, index_t, const T*, T*);           \
    template void global_average_pool_backward(index_t, index_t, index_t, const T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
