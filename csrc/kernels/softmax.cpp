#include "kernels/softmax.hpp"

#include "simd/rows.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// One softmax a lane, over x[0], x[stride], ... In place.
template <bool kLog, class T>
RV_INLINE void lanes_forward(index_t n, Vec<T>* x) {
    Vec<T> m = x[0];
    for (index_t j = 1; j < n; ++j) m = vmax(x[j], m);
    Vec<T> sum{};
    for (index_t j = 0; j < n; ++j) {
        x[j] -= m;
        const Vec<T> e = vexp_softmax<T>(x[j]);
        sum += e;
        if constexpr (!kLog) x[j] = e;
    }
    if constexpr (kLog) {
        const Vec<T> lse = vlog<T>(sum);
        for (index_t j = 0; j < n; ++j) x[j] -= lse;
    } else {
        for (index_t j = 0; j < n; ++j) x[j] /= sum;
    }
}

template <bool kLog, class T>
RV_INLINE void lanes_backward(index_t n, const Vec<T>* y, Vec<T>* dy) {
    Vec<T> dot{};
    for (index_t j = 0; j < n; ++j) dot += kLog ? dy[j] : y[j] * dy[j];
    for (index_t j = 0; j < n; ++j)
        dy[j] = kLog ? dy[j] - vexp<T>(y[j]) * dot : y[j] * (dy[j] - dot);
}

template <bool kLog, class T>
RV_INLINE void row_forward(index_t n, const T* x, T* y) {
    const T m = row_max<T>(n, x);
    const T sum = exp_and_sum<T>(n, x, m, kLog ? nullptr : y);
    if constexpr (kLog) {
        const Vec<T> shift = splat<T>(m), lse = vlog<T>(splat<T>(sum));
        each_vector<T>(n, [&](index_t i, index_t c) RV_LAMBDA_INLINE {
            store_some<T>(y + i, load_some<T>(x + i, c) - shift - lse, c);
        });
    } else {
        const Vec<T> s = splat<T>(sum);
        each_vector<T>(n, [&](index_t i, index_t c) RV_LAMBDA_INLINE {
            store_some<T>(y + i, load_some<T>(y + i, c) / s, c);
        });
    }
}

template <bool kLog, class T>
RV_INLINE void row_backward(index_t n, const T* y, const T* dy, T* dx) {
    Vec<T> sum{};
    each_vector<T>(n, [&](index_t i, index_t c) RV_LAMBDA_INLINE {
        const Vec<T> g = load_some<T>(dy + i, c);
        sum += kLog ? g : load_some<T>(y + i, c) * g;
    });
    const Vec<T> dot = splat<T>(hsum<T>(sum));
    each_vector<T>(n, [&](index_t i, index_t c) RV_LAMBDA_INLINE {
        const Vec<T> g = load_some<T>(dy + i, c), v = load_some<T>(y + i, c);
        store_some<T>(dx + i, kLog ? g - vexp<T>(v) * dot : v * (g - dot), c);
    });
}

template <bool kLog, class T>
void rows_forward_of(index_t rows, index_t n, const T* x, T* y) {
    if (n > kShortRow) {
        for (index_t i = 0; i < rows; ++i) row_forward<kLog, T>(n, x + i * n, y + i * n);
        return;
    }
    Vec<T> t[kShortRow];
    for (index_t i = 0; i < rows; i += kLanes<T>) {
        const index_t count = rows - i < kLanes<T> ? rows - i : kLanes<T>;
        load_transposed<T>(x + i * n, count, n, t);
        lanes_forward<kLog, T>(n, t);
        store_transposed<T>(y + i * n, count, n, t);
    }
}
template <bool kLog, class T>
void rows_backward_of(index_t rows, index_t n, const T* y, const T* dy, T* dx) {
    if (n > kShortRow) {
        for (index_t i = 0; i < rows; ++i)
            row_backward<kLog, T>(n, y + i * n, dy + i * n, dx + i * n);
        return;
    }
    Vec<T> t[kShortRow], g[kShortRow];
    for (index_t i = 0; i < rows; i += kLanes<T>) {
        const index_t count = rows - i < kLanes<T> ? rows - i : kLanes<T>;
        load_transposed<T>(y + i * n, count, n, t);
        load_transposed<T>(dy + i * n, count, n, g);
        lanes_backward<kLog, T>(n, t, g);
        store_transposed<T>(dx + i * n, count, n, g);
    }
}

template <bool kLog, class T>
void axis_forward_of(index_t n, index_t inner, index_t count, const T* x, T* y) {
    each_vector<T>(count, [&](index_t k, index_t c) RV_LAMBDA_INLINE {
        const T* xk = x + k;
        T* yk = y + k;
        Vec<T> m = load_some<T>(xk, c), sum{};
        for (index_t j = 1; j < n; ++j) m = vmax(load_some<T>(xk + j * inner, c), m);
        for (index_t j = 0; j < n; ++j) {
            const Vec<T> d = load_some<T>(xk + j * inner, c) - m;
            const Vec<T> e = vexp_softmax<T>(d);
            sum += e;
            store_some<T>(yk + j * inner, kLog ? d : e, c);
        }
        const Vec<T> last = kLog ? vlog<T>(sum) : sum;
        for (index_t j = 0; j < n; ++j) {
            const Vec<T> v = load_some<T>(yk + j * inner, c);
            store_some<T>(yk + j * inner, kLog ? v - last : v / last, c);
        }
    });
}
template <bool kLog, class T>
void axis_backward_of(index_t n, index_t inner, index_t count, const T* y, const T* dy, T* dx) {
    each_vector<T>(count, [&](index_t k, index_t c) RV_LAMBDA_INLINE {
        Vec<T> dot{};
        for (index_t j = k; j < k + n * inner; j += inner) {
            const Vec<T> g = load_some<T>(dy + j, c);
            dot += kLog ? g : load_some<T>(y + j, c) * g;
        }
        for (index_t j = k; j < k + n * inner; j += inner) {
            const Vec<T> g = load_some<T>(dy + j, c), v = load_some<T>(y + j, c);
            store_some<T>(dx + j, kLog ? g - vexp<T>(v) * dot : v * (g - dot), c);
        }
    });
}

template <class T>
void rows_forward(bool log, index_t rows, index_t n, const T* x, T* y) {
    log ? rows_forward_of<true, T>(rows, n, x, y) : rows_forward_of<false, T>(rows, n, x, y);
}
template <class T>
void rows_backward(bool log, index_t rows, index_t n, const T* y, const T* dy, T* dx) {
    log ? rows_backward_of<true, T>(rows, n, y, dy, dx)
        : rows_backward_of<false, T>(rows, n, y, dy, dx);
}
template <class T>
void axis_forward(bool log, index_t n, index_t inner, index_t count, const T* x, T* y) {
    log ? axis_forward_of<true, T>(n, inner, count, x, y)
        : axis_forward_of<false, T>(n, inner, count, x, y);
}
template <class T>
void axis_backward(bool log, index_t n, index_t inner, index_t count, const T* y, const T* dy,
                   T* dx) {
    log ? axis_backward_of<true, T>(n, inner, count, y, dy, dx)
        : axis_backward_of<false, T>(n, inner, count, y, dy, dx);
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_COLD_KERNELS(SoftmaxKernels, &RV_ISA::rows_forward<T>, &RV_ISA::rows_backward<T>,
                       &RV_ISA::axis_forward<T>, &RV_ISA::axis_backward<T>)

}  // namespace ranvier
