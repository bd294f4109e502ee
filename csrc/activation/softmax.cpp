// Softmax over any axis.
#include "kernels/softmax.hpp"

#include "activation/split.hpp"
#include "ranvier/activation.hpp"

namespace ranvier {
namespace {

// Cuts [outer, n, inner] into tasks of whole softmaxes: rows(first, count) over contiguous rows,
// or axis(slab, first_column, count) inside a slab.
template <class T, class R, class A>
void split_softmax(index_t outer, index_t n, index_t inner, R&& rows, A&& axis) {
    if (outer <= 0 || n <= 0 || inner <= 0) return;
    const double elements = double(outer) * double(n) * double(inner);
    const int threads = threads_for(elements * 12.0 * sizeof(T));
    if (inner == 1) {
        if (threads == 1) return rows(index_t(0), outer);
        const index_t piece = (outer / threads / 16 + 1) * 16;
        parallel_for(threads, (outer + piece - 1) / piece, [&](index_t t) {
            const index_t first = t * piece;
            rows(first, first + piece < outer ? piece : outer - first);
        });
        return;
    }
    constexpr index_t kColumns = 256;
    const index_t per_slab = (inner + kColumns - 1) / kColumns;
    parallel_for(threads, outer * per_slab, [&](index_t t) {
        const index_t k = t % per_slab * kColumns;
        axis(t / per_slab, k, k + kColumns < inner ? kColumns : inner - k);
    });
}

template <class T>
void forward(bool log, index_t outer, index_t n, index_t inner, const T* x, T* y) {
    const auto& k = kernels<SoftmaxKernels, T>();
    split_softmax<T>(
        outer, n, inner,
        [&](index_t i, index_t count) { k.rows_forward(log, count, n, x + i * n, y + i * n); },
        [&](index_t slab, index_t first, index_t count) {
            const index_t i = slab * n * inner + first;
            k.axis_forward(log, n, inner, count, x + i, y + i);
        });
}

template <class T>
void backward(bool log, index_t outer, index_t n, index_t inner, const T* y, const T* dy, T* dx) {
    const auto& k = kernels<SoftmaxKernels, T>();
    split_softmax<T>(
        outer, n, inner,
        [&](index_t i, index_t count) {
            k.rows_backward(log, count, n, y + i * n, dy + i * n, dx + i * n);
        },
        [&](index_t slab, index_t first, index_t count) {
            const index_t i = slab * n * inner + first;
            k.axis_backward(log, n, inner, count, y + i, dy + i, dx + i);
        });
}

}  // namespace

template <class T>
void softmax_forward(index_t outer, index_t n, index_t inner, const T* x, T* y) {
    forward(false, outer, n, inner, x, y);
}
template <class T>
void softmax_backward(index_t outer, index_t n, index_t inner, const T* y, const T* dy, T* dx) {
    backward(false, outer, n, inner, y, dy, dx);
}
template <class T>
void log_softmax_forward(index_t outer, index_t n, index_t inner, const T* x, T* y) {
    forward(true, outer, n, inner, x, y);
}
template <class T>
void log_softmax_backward(index_t outer, index_t n, index_t inner, const T* y, const T* dy, T* dx) {
    backward(true, outer, n, inner, y, dy, dx);
}

#define RV_INSTANTIATE(T)                                                                 \
    template void softmax_forward<T>(index_t, index_t, index_t, const T*, T*);            \
    template void softmax_backward<T>(index_t, index_t, index_t, const T*, const T*, T*); \
    template void log_softmax_forward<T>(index_t, index_t, index_t, const T*, T*);        \
    template void log_softmax_backward<T>(index_t, index_t, index_t, const T*, const T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
