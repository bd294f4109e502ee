#include "kernels/pool.hpp"
#include "simd/vec.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// f(first column, vectors) over columns in tiles of four vectors, then of one; the last overlaps.
// Fewer columns than lanes: false.
template <class T, class F>
RV_INLINE bool each_tile(index_t cols, F f) {
    constexpr index_t L = kLanes<T>;
    if (cols < L) return false;
    index_t j = 0;
    for (; j + 4 * L <= cols; j += 4 * L) f(j, std::integral_constant<int, 4>{});
    for (; j < cols; j += L) f(j + L <= cols ? j : cols - L, std::integral_constant<int, 1>{});
    return true;
}

template <class T>
void max_columns(index_t rows, index_t cols, const T* x, T* y) {
    const bool done = each_tile<T>(cols, [&](index_t j, auto vectors) RV_LAMBDA_INLINE {
        constexpr int kVectors = decltype(vectors)::value;
        Vec<T> best[kVectors], nan[kVectors];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) nan[v] = best[v] = load(x + j + v * kLanes<T>);
        for (index_t r = 1; r < rows; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v) {
                const Vec<T> e = load(x + r * cols + j + v * kLanes<T>);
                nan[v] = e == e ? nan[v] : e;
                best[v] = vmax(e, best[v]);
            }
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v)
            store<T>(y + j + v * kLanes<T>, nan[v] == nan[v] ? best[v] : nan[v]);
    });
    if (done) return;
    for (index_t j = 0; j < cols; ++j) {
        T best = x[j];
        for (index_t r = 1; r < rows; ++r) {
            const T e = x[r * cols + j];
            best = best != best || best >= e ? best : e;
        }
        y[j] = best;
    }
}

template <class T>
void count_columns(index_t rows, index_t cols, const T* x, const T* y, T* count) {
    const bool done = each_tile<T>(cols, [&](index_t j, auto vectors) RV_LAMBDA_INLINE {
        constexpr int kVectors = decltype(vectors)::value;
        Vec<T> most[kVectors], sum[kVectors];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
            most[v] = load(y + j + v * kLanes<T>);
            sum[v] = Vec<T>{};
        }
        for (index_t r = 0; r < rows; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v) {
                const Vec<T> e = load(x + r * cols + j + v * kLanes<T>);
                sum[v] += e == most[v] ? splat<T>(T(1)) : Vec<T>{};
            }
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) store<T>(count + j + v * kLanes<T>, sum[v]);
    });
    if (done) return;
    for (index_t j = 0; j < cols; ++j) {
        count[j] = T(0);
        for (index_t r = 0; r < rows; ++r) count[j] += x[r * cols + j] == y[j] ? T(1) : T(0);
    }
}

template <class T>
void send(index_t rows, index_t cols, const T* x, const T* y, const T* g, T* dx) {
    constexpr index_t L = kLanes<T>;
    for (index_t r = 0; r < rows; ++r, x += cols, dx += cols) {
        index_t j = 0;
        for (; j + L <= cols; j += L)
            store<T>(dx + j, load(x + j) == load(y + j) ? load(g + j) : Vec<T>{});
        for (; j < cols; ++j) dx[j] = x[j] == y[j] ? g[j] : T(0);
    }
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_COLD_KERNELS(PoolGlobalKernels, &RV_ISA::max_columns<T>, &RV_ISA::count_columns<T>,
                       &RV_ISA::send<T>)

}  // namespace ranvier
