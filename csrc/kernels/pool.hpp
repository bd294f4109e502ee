// Pooling, one row along W at a time; global pooling; interpolation between rows and pixels.
#pragma once

#include "kernels/kernels.hpp"

// Never a symbol of its own, which the linker might take from another instruction set's object.
#define RV_POOL_INLINE __attribute__((always_inline))

namespace ranvier {

// What happens along W. Which rows along D and H a window has is the driver's business.
struct PoolLine {
    index_t in, c, window, stride, before, out;

    // The real elements of window o: length() of them from first().
    RV_POOL_INLINE index_t first(index_t o) const {
        const index_t at = o * stride - before;
        return at > 0 ? at : 0;
    }
    RV_POOL_INLINE index_t length(index_t o) const {
        const index_t end = o * stride - before + window;
        return (end < in ? end : in) - first(o);
    }
    // Windows [whole_begin(), whole_end()) have no padding.
    RV_POOL_INLINE index_t whole_begin() const { return (before + stride - 1) / stride; }
    RV_POOL_INLINE index_t whole_end() const {
        if (in + before < window) return 0;
        const index_t end = (in + before - window) / stride + 1;
        return end < out ? end : out;
    }
};

// A row of outputs that sends gradients to the row of inputs at hand.
template <class T>
struct PoolSender {
    const T* dy;
    const void* index;
    index_t place;   // which of its rows the row at hand is
    index_t height;  // how many rows its windows have
    T share;         // of dy for each element of a whole window, if averages are taken
};

template <class T>
struct PoolForwardKernels {
    // y[o] = maximum over `rows` rows of x and the window along W. index: null, uint8 or, if
    // wide, uint32.
    void (*max)(const PoolLine& line, index_t rows, const T* const* x, T* y, void* index,
                bool wide);
    void (*average)(const PoolLine& line, bool mean, index_t rows, const T* const* x, T* y);
};

template <class T>
struct PoolBackwardKernels {
    index_t lanes;  // fewer channels than that are slow here
    // dx, one row of inputs, from the rows of outputs whose windows it is in.
    void (*max)(const PoolLine& line, index_t rows, const PoolSender<T>* from, bool wide, T* dx);
    void (*average)(const PoolLine& line, bool mean, index_t rows, const PoolSender<T>* from,
                    T* dx);
};

template <class T>
struct PoolGlobalKernels {
    // Of x [rows, cols]: y[j] = the largest of column j, NaN if there is one; rows >= 1.
    void (*max)(index_t rows, index_t cols, const T* x, T* y);
    // count[j] = how many elements of column j are y[j]; rows small enough for T to count.
    void (*count)(index_t rows, index_t cols, const T* x, const T* y, T* count);
    // dx = g[j] where x is y[j], else 0.
    void (*send)(index_t rows, index_t cols, const T* x, const T* y, const T* g, T* dx);
};

// Output o is the sum of count[o] inputs from first[o], times weight[o * stride], ...
template <class T>
struct Taps {
    const index_t* first;
    const index_t* count;
    const T* weight;
    index_t stride;
};

template <class T>
struct ResampleKernels {
    // y[i] = sum over t < taps of weight[t] x[t][i], i < n
    void (*rows)(index_t n, index_t taps, const T* const* x, const T* weight, T* y);
    // y [out, c] from pixels of x [.., c]
    void (*pixels)(index_t out, index_t c, const Taps<T>& taps, const T* x, T* y);
};

RV_DECLARE_COLD_KERNELS(PoolForwardKernels)
RV_DECLARE_COLD_KERNELS(PoolBackwardKernels)
RV_DECLARE_NARROW_KERNELS(PoolGlobalKernels, baseline)
RV_DECLARE_NARROW_KERNELS(ResampleKernels, baseline)

}  // namespace ranvier
