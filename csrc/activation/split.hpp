// How elementwise work and column sums are divided.
#pragma once

#include "kernels/activation.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier {

// body(first, count) over [0, n): one piece a thread, pieces of whole cache lines.
template <class T, class F>
void split_range(int threads, index_t n, F&& body) {
    if (threads <= 1) {
        if (n > 0) body(index_t(0), n);
        return;
    }
    constexpr index_t kLine = 64 / index_t(sizeof(T));
    const index_t piece = (n / threads / kLine + 1) * kLine;
    parallel_for(threads, (n + piece - 1) / piece, [&](index_t task) {
        const index_t first = task * piece;
        body(first, first + piece < n ? piece : n - first);
    });
}

// out[j] = sum over all rows, where block(row, count, sums) writes the column sums of
// `count` rows. Blocks depend on the shape alone and are added in order, so that any number of
// threads gives the same bits; they are small enough that what a block wrote is still in L1.
template <class T, class F>
void sum_in_blocks(int threads, index_t rows, index_t cols, T* out, F&& block) {
    constexpr index_t kBlock = 16384 / index_t(sizeof(T));
    const index_t height = cols >= kBlock / 16 ? 16 : kBlock / (cols > 0 ? cols : 1);
    if (rows <= height + height / 2) return block(index_t(0), rows, out);
    const index_t blocks = (rows + height - 1) / height;
    Scratch<T> partial(blocks * cols);
    parallel_for(threads, blocks, [&](index_t b) {
        const index_t row = b * height;
        block(row, row + height < rows ? height : rows - row, partial.get() + b * cols);
    });
    kernels<ActivationBackwardKernels, T>().column_sums(blocks, cols, partial.get(), out);
}

}  // namespace ranvier
