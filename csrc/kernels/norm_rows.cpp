#include "kernels/norm.hpp"
#include "simd/rows.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// Elements that are added in T before the sum goes on in double.
constexpr index_t kChunk = 4096;

// The sums over a row of what f(offset, count, s) adds to the vectors s[0] ... s[kSums - 1].
template <int kSums, class T, class F>
RV_INLINE void row_sums(index_t n, double* sums, F f) {
    constexpr index_t L = kLanes<T>;
    for (int k = 0; k < kSums; ++k) sums[k] = 0;
    for (index_t begin = 0; begin < n; begin += kChunk) {
        const index_t end = n - begin < kChunk ? n : begin + kChunk;
        // Loops that are not unrolled early would keep the sums in memory.
        Vec<T> s[4][kSums];
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v)
#pragma GCC unroll 2
            for (int k = 0; k < kSums; ++k) s[v][k] = Vec<T>{};
        index_t i = begin;
        for (; i + 4 * L <= end; i += 4 * L)
#pragma GCC unroll 4
            for (int v = 0; v < 4; ++v) f(i + v * L, L, s[v]);
        for (; i + L <= end; i += L) f(i, L, s[0]);
        if (i < end) f(i, end - i, s[1]);
#pragma GCC unroll 2
        for (int k = 0; k < kSums; ++k)
            sums[k] += static_cast<double>(hsum<T>((s[0][k] + s[1][k]) + (s[2][k] + s[3][k])));
    }
}

// Two passes; the second also adds up what rounding left of the sum of differences.
template <class T>
RV_INLINE void row_moments(index_t n, const T* x, double* mean, double* variance) {
    const double share = 1 / static_cast<double>(n);
    double sum[2];
    row_sums<1, T>(n, sum, [&](index_t i, index_t c, Vec<T>* s) RV_LAMBDA_INLINE {
        s[0] += load_some<T>(x + i, c);
    });
    const T about = static_cast<T>(sum[0] * share);
    const Vec<T> m = splat<T>(about);
    row_sums<2, T>(n, sum, [&](index_t i, index_t c, Vec<T>* s) RV_LAMBDA_INLINE {
        const Vec<T> d = load_some<T>(x + i, c, about) - m;
        s[0] += d;
        s[1] = fma(d, d, s[1]);
    });
    const double rest = sum[0] * share, v = sum[1] * share - rest * rest;
    *mean = static_cast<double>(about) + rest;
    *variance = v < 0 ? 0 : v;
}

template <class T>
RV_INLINE double row_square(index_t n, const T* x) {
    double square;
    row_sums<1, T>(n, &square, [&](index_t i, index_t c, Vec<T>* s) RV_LAMBDA_INLINE {
        const Vec<T> v = load_some<T>(x + i, c);
        s[0] = fma(v, v, s[0]);
    });
    return square;
}

template <class T>
void forward(RowNorm kind, index_t rows, index_t n, const T* x, const T* gamma, const T* beta,
             double epsilon, T* y, T* mean, T* inverse) {
    for (index_t r = 0; r < rows; ++r, x += n, y += n) {
        double m = 0, v;
        if (kind == RowNorm::layer || kind == RowNorm::layer_rms) {
            row_moments<T>(n, x, &m, &v);
            v += epsilon;
        } else {
            v = row_square<T>(n, x);
            if (kind == RowNorm::rms) v = v / static_cast<double>(n) + epsilon;
        }
        double k = 1 / __builtin_sqrt(v);
        if (kind == RowNorm::unit && k > 1 / epsilon) k = 1 / epsilon;
        if (mean != nullptr) mean[r] = static_cast<T>(m);
        if (inverse != nullptr) inverse[r] = static_cast<T>(k);
        const Vec<T> offset = splat<T>(kind == RowNorm::layer ? static_cast<T>(m) : T(0));
        const Vec<T> scale = splat<T>(static_cast<T>(k));
        each_vector<T>(n, [&](index_t i, index_t c) RV_LAMBDA_INLINE {
            const Vec<T> d = (load_some<T>(x + i, c) - offset) * scale;
            store_some<T>(y + i, fma(d, load_some<T>(gamma + i, c), load_some<T>(beta + i, c)), c);
        });
    }
}

// dx = inverse g + b (x - offset) + c with g = dy gamma; before gamma, y was
// (x - offset) inverse + rest.
template <class T>
struct RowGradient {
    Vec<T> offset, inverse, rest, b, c;
};

template <class T>
RV_INLINE RowGradient<T> row_gradient(RowNorm kind, index_t n, const T* x, T mean, T inverse,
                                      const T* gamma, double epsilon, const T* dy) {
    const Vec<T> m = splat<T>(kind == RowNorm::layer ? mean : T(0));
    double sum[2];
    row_sums<2, T>(n, sum, [&](index_t i, index_t c, Vec<T>* s) RV_LAMBDA_INLINE {
        const Vec<T> g = load_some<T>(dy + i, c) * load_some<T>(gamma + i, c);
        s[0] += g;
        s[1] = fma(g, load_some<T>(x + i, c) - m, s[1]);
    });
    const double k = static_cast<double>(inverse), count = static_cast<double>(n);
    double b = -(k * sum[1]) * (k * k), c = 0;
    if (kind != RowNorm::unit) b /= count;
    if (kind == RowNorm::unit && k >= static_cast<double>(static_cast<T>(1 / epsilon))) b = 0;
    if (kind == RowNorm::layer) c = -k * sum[0] / count;
    const bool centred = kind == RowNorm::layer || kind == RowNorm::layer_rms;
    const T rest = kind == RowNorm::layer_rms ? mean * inverse : T(0);
    return {splat<T>(centred ? mean : T(0)), splat<T>(inverse), splat<T>(rest),
            splat<T>(static_cast<T>(b)), splat<T>(static_cast<T>(c))};
}

// The second pass over kRows rows at once: the sums for gamma and beta are loaded and stored once.
template <int kRows, class T>
RV_INLINE void rows_gradient(index_t n, const RowGradient<T>* row, const T* x, const T* gamma,
                             const T* dy, T* dx, T* dgamma, T* dbeta) {
    each_vector<T>(n, [&](index_t i, index_t c) RV_LAMBDA_INLINE {
        const Vec<T> w = load_some<T>(gamma + i, c);
        Vec<T> dw{}, db{};
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) {
            const Vec<T> g = load_some<T>(dy + r * n + i, c);
            const Vec<T> d = load_some<T>(x + r * n + i, c) - row[r].offset;
            dw = fma(g, fma(d, row[r].inverse, row[r].rest), dw);
            db += g;
            if (dx != nullptr)
                store_some<T>(dx + r * n + i,
                              fma(g * w, row[r].inverse, fma(d, row[r].b, row[r].c)), c);
        }
        if (dgamma == nullptr) return;
        store_some<T>(dgamma + i, load_some<T>(dgamma + i, c) + dw, c);
        store_some<T>(dbeta + i, load_some<T>(dbeta + i, c) + db, c);
    });
}

template <class T>
void backward(RowNorm kind, index_t rows, index_t n, const T* x, const T* mean, const T* inverse,
              const T* gamma, double epsilon, const T* dy, T* dx, T* dgamma, T* dbeta) {
    constexpr int kRows = kVecRegisters >= 32 ? 4 : 2;
    if (dgamma != nullptr)
        for (index_t i = 0; i < n; ++i) dgamma[i] = dbeta[i] = T(0);
    RowGradient<T> row[kRows];
    index_t r = 0;
    for (; r + kRows <= rows; r += kRows) {
#pragma GCC unroll 4
        for (int k = 0; k < kRows; ++k)
            row[k] = row_gradient<T>(kind, n, x + (r + k) * n, mean[r + k], inverse[r + k], gamma,
                                     epsilon, dy + (r + k) * n);
        rows_gradient<kRows, T>(n, row, x + r * n, gamma, dy + r * n,
                                dx == nullptr ? dx : dx + r * n, dgamma, dbeta);
    }
    for (; r < rows; ++r) {
        row[0] =
            row_gradient<T>(kind, n, x + r * n, mean[r], inverse[r], gamma, epsilon, dy + r * n);
        rows_gradient<1, T>(n, row, x + r * n, gamma, dy + r * n, dx == nullptr ? dx : dx + r * n,
                            dgamma, dbeta);
    }
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_COLD_KERNELS(RowNormKernels, &RV_ISA::forward<T>, &RV_ISA::backward<T>)

}  // namespace ranvier
