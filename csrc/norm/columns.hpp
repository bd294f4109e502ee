// Sums and maps over the columns of a matrix, in blocks that depend on its shape alone.
#pragma once

#include "kernels/norm.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier {

// Narrow matrices become wide ones: `fold` rows side by side, until a row is whole vectors of 16.
// What does not fill such a row is a block of its own, as narrow as the matrix.
struct ColumnBlocks {
    ColumnBlocks(index_t rows_, index_t cols_) : rows(rows_), cols(cols_) {
        if (cols < 512) {
            while (fold * cols % 16 != 0) fold *= 2;
            while (fold * cols < 64) fold *= 2;
        }
        if (fold > rows) fold = 1;
        width = fold * cols;
        folded = rows / fold;
        height = 16384 / width;
        height = height < 32 ? 32 : height > 256 ? 256 : height;
        whole = (folded + height - 1) / height;
        count = whole + (folded * fold < rows);
    }

    struct Block {
        index_t offset, rows, cols;
    };
    Block at(index_t b) const {
        if (b == whole) return {folded * width, rows - folded * fold, cols};
        const index_t first = b * height;
        return {first * width, folded - first < height ? folded - first : height, width};
    }

    index_t rows, cols;
    index_t fold = 1, width, folded, height, whole, count;
};

// One value a column, repeated for each row of a fold.
template <class T>
class WideVector {
  public:
    WideVector(const ColumnBlocks& blocks, const T* v)
        : repeated_(blocks.fold > 1 ? blocks.width : 0), p_(v) {
        if (blocks.fold == 1) return;
        for (index_t j = 0; j < blocks.width; ++j) repeated_[j] = v[j % blocks.cols];
        p_ = repeated_.get();
    }
    const T* get() const { return p_; }

  private:
    Scratch<T> repeated_;
    const T* p_;
};

// The gradients where there are no rows.
template <class T>
void no_sums(index_t cols, T* dgamma, T* dbeta) {
    for (index_t j = 0; j < cols; ++j) {
        if (dgamma != nullptr) dgamma[j] = 0;
        if (dbeta != nullptr) dbeta[j] = 0;
    }
}

template <class T>
int column_threads(index_t rows, index_t cols, int arrays) {
    return threads_for(4.0 * arrays * sizeof(T) * double(rows) * double(cols));
}

// mean[j] and square[j] = sum_i (x[i, j] - mean[j])^2. Needs at least one row.
template <class T>
void column_moments(const ColumnBlocks& blocks, const T* x, double* mean, double* square) {
    const auto& k = kernels<ColumnNormKernels, T>();
    const index_t w = blocks.width, cols = blocks.cols;
    const Scratch<T> parts(blocks.count * 3 * w);
    parallel_for(column_threads<T>(blocks.rows, cols, 1), blocks.count, [&](index_t b) {
        const auto [offset, rows, width] = blocks.at(b);
        T* part = parts.get() + 3 * b * w;
        k.moments(rows, width, x + offset, part, part + w, part + 2 * w);
    });
    const Scratch<double> total(w), middle(w);
    auto collapse = [&](double* out) {
        for (index_t j = 0; j < cols; ++j) out[j] = total[j];
        for (index_t f = 1; f < blocks.fold; ++f)
            for (index_t j = 0; j < cols; ++j) out[j] += total[f * cols + j];
    };
    for (index_t j = 0; j < w; ++j) total[j] = 0;
    for (index_t b = 0; b < blocks.count; ++b) {
        const index_t rows = blocks.at(b).rows, width = blocks.at(b).cols;
        const T* part = parts.get() + 3 * b * w;
        const double n = double(rows);
        for (index_t j = 0; j < width; ++j) total[j] += n * double(part[j]) + double(part[w + j]);
    }
    collapse(mean);
    for (index_t j = 0; j < cols; ++j) mean[j] /= double(blocks.rows);
    for (index_t j = 0; j < w; ++j) middle[j] = mean[j % cols];
    for (index_t j = 0; j < w; ++j) total[j] = 0;
    for (index_t b = 0; b < blocks.count; ++b) {
        const index_t rows = blocks.at(b).rows, width = blocks.at(b).cols;
        const T *about = parts.get() + 3 * b * w, *sum = about + w, *squares = sum + w;
        const double n = double(rows), each = 1 / n;
        for (index_t j = 0; j < width; ++j) {
            const double s = double(sum[j]), own = double(squares[j]) - s * s * each;
            const double d = double(about[j]) + s * each - middle[j];
            total[j] += (own < 0 ? 0 : own) + n * d * d;
        }
    }
    collapse(square);
}

// sum[j] = sum_i dy[i, j], dot[j] = sum_i dy[i, j] (x[i, j] - mean[j])
template <class T>
void column_dots(const ColumnBlocks& blocks, const T* x, const T* mean, const T* dy, double* sum,
                 double* dot) {
    const auto& k = kernels<ColumnNormKernels, T>();
    const index_t w = blocks.width, cols = blocks.cols;
    const Scratch<T> sums(blocks.count * 2 * w);
    const WideVector<T> middle(blocks, mean);
    parallel_for(column_threads<T>(blocks.rows, cols, 2), blocks.count, [&](index_t b) {
        const auto [offset, rows, width] = blocks.at(b);
        T* out = sums.get() + 2 * b * w;
        k.dots(rows, width, x + offset, middle.get(), dy + offset, out, out + w);
    });
    for (index_t j = 0; j < cols; ++j) sum[j] = dot[j] = 0;
    for (index_t b = 0; b < blocks.count; ++b) {
        const T* part = sums.get() + 2 * b * w;
        const index_t width = blocks.at(b).cols;
        for (index_t f = 0; f < width; f += cols)
            for (index_t j = 0; j < cols; ++j) {
                sum[j] += double(part[f + j]);
                dot[j] += double(part[w + f + j]);
            }
    }
}

// backwards: from the last block to the first, as the last are still in cache from a pass before.
template <class T, class F>
void column_map(const ColumnBlocks& blocks, int arrays, bool backwards, F&& f) {
    parallel_for(column_threads<T>(blocks.rows, blocks.cols, arrays), blocks.count,
                 [&](index_t b) { f(blocks.at(backwards ? blocks.count - 1 - b : b)); });
}

// y = (x - mean) * scale + shift
template <class T>
void column_apply(const ColumnBlocks& blocks, const T* x, const T* mean, const T* scale,
                  const T* shift, bool backwards, T* y) {
    const auto& k = kernels<ColumnNormKernels, T>();
    const WideVector<T> m(blocks, mean), a(blocks, scale), b(blocks, shift);
    column_map<T>(blocks, 2, backwards, [&](const ColumnBlocks::Block& at) {
        k.apply(at.rows, at.cols, x + at.offset, m.get(), a.get(), b.get(), y + at.offset);
    });
}

// dx = a dy + b (x - mean) + c
template <class T>
void column_gradient(const ColumnBlocks& blocks, const T* x, const T* mean, const T* a, const T* b,
                     const T* c, const T* dy, T* dx) {
    const auto& k = kernels<ColumnNormKernels, T>();
    const WideVector<T> m(blocks, mean), wa(blocks, a), wb(blocks, b), wc(blocks, c);
    column_map<T>(blocks, 3, true, [&](const ColumnBlocks::Block& at) {
        k.gradient(at.rows, at.cols, x + at.offset, m.get(), wa.get(), wb.get(), wc.get(),
                   dy + at.offset, dx + at.offset);
    });
}

}  // namespace ranvier
