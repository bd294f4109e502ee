// Losses that are means of elements: the loops over blocks.
#pragma once

#include "kernels/loss.hpp"
#include "simd/rows.hpp"

namespace ranvier::RV_ISA {
namespace {

// Each: the loss of an element, its derivative, and the probability where there is one.
template <class T>
struct Element {
    Vec<T> loss, slope, prob;
};

// loss[i] = mean of the row of `elements`
template <class T>
void row_means(index_t rows, index_t cols, const T* elements, T* loss) {
    const T n = T(cols);
    if (cols <= kShortRow) {
        Vec<T> t[kShortRow];
        for (index_t i = 0; i < rows; i += kLanes<T>) {
            const index_t count = rows - i < kLanes<T> ? rows - i : kLanes<T>;
            load_transposed<T>(elements + i * cols, count, cols, t);
            Vec<T> sum = t[0];
            for (index_t j = 1; j < cols; ++j) sum += t[j];
            store_some<T>(loss + i, sum / n, count);
        }
        return;
    }
    for (index_t i = 0; i < rows; ++i, elements += cols) {
        Vec<T> sum{};
        each_vector<T>(cols, [&](index_t j, index_t c)
                                 RV_LAMBDA_INLINE { sum += load_some<T>(elements + j, c); });
        loss[i] = hsum<T>(sum) / n;
    }
}

template <template <class> class L, bool kGradient, bool kWeighted, class T>
RV_INLINE void elements(const LossBlock<T>& b, index_t n, const L<T>& f, Vec<T> factor, T* losses) {
    each_vector<T>(n, [&](index_t i, index_t c) RV_LAMBDA_INLINE {
        const Vec<T> t = load_some<T>(b.y_true + i, c), p = load_some<T>(b.y_pred + i, c);
        const auto e = f.template of<kGradient>(t, p);
        store_some<T>(losses + i, e.loss, c);
        if constexpr (kGradient) {
            if (b.prob != nullptr) store_some<T>(b.prob + i, e.prob, c);
            if (b.dy != nullptr) {
                Vec<T> g = factor;
                if constexpr (kWeighted) g *= load_some<T>(b.weight + i, c);
                store_some<T>(b.dy + i, e.slope * g, c);
            }
        }
    });
}

// kUsual: code of its own for each use; else, for doubles and on old processors, one for all, a
// third as large.
template <template <class> class L, bool kUsual, class T>
void element_loss(const LossBlock<T>& b) {
    constexpr bool kOften = kUsual && sizeof(T) == 4 && kVecBytes > 16;
    const L<T> f(b);
    const index_t n = b.rows * b.cols;
    const Vec<T> factor = splat<T>(b.scale / T(b.cols > 0 ? b.cols : 1));
    const bool gradient = b.dy != nullptr || b.prob != nullptr;
    T* losses = b.cols == 1 ? b.loss : b.scratch;
    const bool at_once = kOften && b.cols == 1;
    if constexpr (kOften) {
        if (!gradient)
            elements<L, false, false, T>(b, n, f, factor, losses);
        else if (b.weight != nullptr && at_once)
            elements<L, true, true, T>(b, n, f, factor, losses);
        else
            elements<L, true, false, T>(b, n, f, factor, losses);
    } else {
        elements<L, true, false, T>(b, n, f, factor, losses);
    }
    if (b.cols != 1) row_means<T>(b.rows, b.cols, losses, b.loss);
    if (b.dy == nullptr || b.weight == nullptr || at_once) return;
    for (index_t i = 0; i < b.rows; ++i) {  // the block is still in L1
        const Vec<T> w = splat<T>(b.weight[i]);
        T* row = b.dy + i * b.cols;
        each_vector<T>(b.cols, [&](index_t j, index_t c) RV_LAMBDA_INLINE {
            store_some<T>(row + j, load_some<T>(row + j, c) * w, c);
        });
    }
}

}  // namespace
}  // namespace ranvier::RV_ISA
