// Scaling, sums, reductions and permutations.
#include <algorithm>
#include <cstring>

#include "kernels/data.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier {
namespace {

constexpr index_t kBlock = 1 << 14;

// f(first, count) for blocks of a contiguous range; `arrays` pass through memory.
template <class T, class F>
void for_blocks(index_t n, int arrays, F&& f) {
    const index_t blocks = (n + kBlock - 1) / kBlock;
    parallel_for(threads_for(4.0 * sizeof(T) * arrays * static_cast<double>(n)), blocks,
                 [&](index_t b) { f(b * kBlock, std::min(kBlock, n - b * kBlock)); });
}

// Block sums, added in order: the same for any number of threads.
template <class T>
double reduce(index_t n, const T* x, double (*block_sum)(index_t, const T*)) {
    if (n <= kBlock) return block_sum(n, x);
    const index_t blocks = (n + kBlock - 1) / kBlock;
    const Scratch<double> sums(blocks);
    for_blocks<T>(n, 1, [&](index_t first, index_t count) {
        sums[first / kBlock] = block_sum(count, x + first);
    });
    double total = 0;
    for (index_t b = 0; b < blocks; ++b) total += sums[b];
    return total;
}

}  // namespace

template <class T>
void scale_shift(index_t n, const T* x, double scale, double offset, T* y) {
    const auto& k = kernels<DataKernels, T>();
    for_blocks<T>(n, 2, [&](index_t i, index_t count) {
        k.scale_shift(count, x + i, static_cast<T>(scale), static_cast<T>(offset), y + i);
    });
}

template <class T>
void scale_shift_columns(index_t rows, index_t cols, const T* x, const T* scale, const T* offset,
                         T* y) {
    if (cols == 0) return;
    const auto& k = kernels<DataKernels, T>();
    const index_t block = 1 + kBlock / cols, blocks = (rows + block - 1) / block;
    parallel_for(threads_for(8.0 * sizeof(T) * static_cast<double>(rows * cols)), blocks,
                 [&](index_t b) {
                     const index_t end = std::min(rows, (b + 1) * block);
                     for (index_t i = b * block; i < end; ++i)
                         k.scale_shift_row(cols, x + i * cols, scale, offset, y + i * cols);
                 });
}

template <class T>
void add_inplace(index_t n, const T* x, T* y) {
    const auto& k = kernels<DataKernels, T>();
    for_blocks<T>(n, 3, [&](index_t i, index_t count) { k.add(count, x + i, y + i); });
}

template <class T>
double reduce_sum(index_t n, const T* x) {
    return reduce(n, x, kernels<DataKernels, T>().sum);
}
template <class T>
double reduce_sumsq(index_t n, const T* x) {
    return reduce(n, x, kernels<DataKernels, T>().sumsq);
}
template <class T>
double reduce_sumabs(index_t n, const T* x) {
    return reduce(n, x, kernels<DataKernels, T>().sumabs);
}
template <class T>
bool all_finite(index_t n, const T* x) {
    return kernels<DataKernels, T>().all_finite(n, x);
}

template <class T>
void permute(const Shape& in_shape, const std::vector<int>& perm, const T* x, T* out) {
    const std::size_t rank = in_shape.size();
    // Neighbouring axes that stay together count as one; axes of extent 1 as none.
    Shape extent;                 // of the output's merged axes
    std::vector<index_t> stride;  // of each in x
    for (std::size_t i = 0; i < rank; ++i) {
        const auto axis = static_cast<std::size_t>(perm[i]);
        index_t s = 1;
        for (std::size_t j = axis + 1; j < rank; ++j) s *= in_shape[j];
        if (in_shape[axis] == 1) continue;
        if (!extent.empty() && stride.back() == s * in_shape[axis]) {
            extent.back() *= in_shape[axis];
            stride.back() = s;
        } else {
            extent.push_back(in_shape[axis]);
            stride.push_back(s);
        }
    }
    index_t n = 1;
    for (index_t e : in_shape) n *= e;
    if (n == 0) return;
    if (extent.size() <= 1 && (extent.empty() || stride[0] == 1)) {
        std::memcpy(out, x, static_cast<std::size_t>(n) * sizeof(T));
        return;
    }
    const std::size_t r = extent.size();
    const bool plane = r >= 2 && stride[r - 2] == 1 && stride[r - 1] == extent[r - 2];
    const std::size_t inner_axes = plane ? 2 : 1;
    const index_t inner = plane ? extent[r - 1] * extent[r - 2] : extent[r - 1];
    parallel_for(threads_for(16.0 * sizeof(T) * static_cast<double>(n)), n / inner, [&](index_t o) {
        index_t from = 0, rest = o;
        for (std::size_t i = r - inner_axes; i-- > 0;) {
            from += rest % extent[i] * stride[i];
            rest /= extent[i];
        }
        T* y = out + o * inner;
        if (plane) {
            kernels<DataKernels, T>().transpose(extent[r - 1], extent[r - 2], x + from, y);
        } else if (stride[r - 1] == 1) {
            std::memcpy(y, x + from, static_cast<std::size_t>(inner) * sizeof(T));
        } else {
            for (index_t i = 0; i < inner; ++i) y[i] = x[from + i * stride[r - 1]];
        }
    });
}

#define RV_INSTANTIATE(T)                                                                  \
    template void scale_shift(index_t, const T*, double, double, T*);                      \
    template void scale_shift_columns(index_t, index_t, const T*, const T*, const T*, T*); \
    template void permute(const Shape&, const std::vector<int>&, const T*, T*);            \
    template void add_inplace(index_t, const T*, T*);                                      \
    template double reduce_sum(index_t, const T*);                                         \
    template double reduce_sumsq(index_t, const T*);                                       \
    template double reduce_sumabs(index_t, const T*);                                      \
    template bool all_finite(index_t, const T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
