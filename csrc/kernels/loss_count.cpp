// The metrics that count matches.
#include "kernels/loss.hpp"
#include "simd/rows.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// The first largest element; the first NaN if there is one, as in NumPy and JAX.
template <class T>
index_t argmax(index_t n, const T* x) {
    const Vec<T> one = splat<T>(T(1));
    Vec<T> best = splat<T>(T(-__builtin_inf())), nans{};
    each_vector<T>(n, [&](index_t j, index_t c) RV_LAMBDA_INLINE {
        const Vec<T> v = load_some<T>(x + j, c, T(-__builtin_inf()));
        nans += keep<T>(v != v, one);
        best = vmax(v, best);
    });
    const T top = hmax<T>(best);
    const bool has_nan = hsum<T>(nans) > T(0);
    for (index_t j = 0; j < n; ++j)
        if (has_nan ? x[j] != x[j] : x[j] == top) return j;
    return 0;
}

// The same a lane, of a transposed block.
template <class T>
RV_INLINE Vec<T> argmax_lanes(index_t n, const Vec<T>* x) {
    Vec<T> best = x[0], at{};
    for (index_t j = 1; j < n; ++j) {
        // Not below or equal: greater, or NaN; and nothing beats a NaN. (Bit operations rather
        // than ?:, on which GCC 12 fails for 64-bit masks without SSE4.)
        const IVec<T> take = ~(x[j] <= best) & (best == best);
        best = from_bits<T>((take & bits<T>(x[j])) | (~take & bits<T>(best)));
        at = from_bits<T>((take & bits<T>(splat<T>(T(j)))) | (~take & bits<T>(at)));
    }
    return at;
}

template <class T>
void count_argmax(bool sparse, index_t rows, index_t cols, const T* y_true, const T* y_pred,
                  T* match) {
    if (cols > kShortRow) {
        for (index_t i = 0; i < rows; ++i) {
            const T want = sparse ? y_true[i] : T(argmax<T>(cols, y_true + i * cols));
            match[i] = T(argmax<T>(cols, y_pred + i * cols)) == want ? T(1) : T(0);
        }
        return;
    }
    Vec<T> t[kShortRow];
    for (index_t i = 0; i < rows; i += kLanes<T>) {
        const index_t count = rows - i < kLanes<T> ? rows - i : kLanes<T>;
        Vec<T> want;
        if (sparse) {
            want = load_some<T>(y_true + i, count);
        } else {
            load_transposed<T>(y_true + i * cols, count, cols, t);
            want = argmax_lanes<T>(cols, t);
        }
        load_transposed<T>(y_pred + i * cols, count, cols, t);
        store_some<T>(match + i, keep<T>(argmax_lanes<T>(cols, t) == want, splat<T>(T(1))), count);
    }
}

// In the top k if fewer than k elements are greater: ties count for everyone. A NaN score is the
// lowest of all, a label that is no class matches nothing.
template <class T>
void count_top_k(bool sparse, index_t k, index_t rows, index_t cols, const T* y_true,
                 const T* y_pred, T* match) {
    for (index_t i = 0; i < rows; ++i) {
        const T* x = y_pred + i * cols;
        index_t label = 0;
        if (sparse) {
            const T value = y_true[i];
            label = value > T(-1) && value < T(cols) ? index_t(value) : -1;
        } else {
            label = argmax<T>(cols, y_true + i * cols);
        }
        match[i] = T(0);
        if (label < 0 || cols == 0) continue;
        const T at = x[label] == x[label] ? x[label] : T(-__builtin_inf());
        Vec<T> greater{};
        const Vec<T> one = splat<T>(T(1));
        each_vector<T>(cols, [&](index_t j, index_t c) RV_LAMBDA_INLINE {
            greater += keep<T>(load_some<T>(x + j, c, T(-__builtin_inf())) > at, one);
        });
        match[i] = hsum<T>(greater) < T(k) ? T(1) : T(0);
    }
}

template <bool kBinary, class T>
void count_elements(T threshold, index_t rows, index_t cols, const T* y_true, const T* y_pred,
                    T* match) {
    const Vec<T> one = splat<T>(T(1));
    const auto matches = [&](Vec<T> t, Vec<T> p) RV_LAMBDA_INLINE {
        if constexpr (kBinary) return keep<T>(t == keep<T>(p > threshold, one), one);
        return keep<T>(t == p, one);
    };
    if (cols == 1) {
        each_vector<T>(rows, [&](index_t i, index_t c) RV_LAMBDA_INLINE {
            const Vec<T> m = matches(load_some<T>(y_true + i, c), load_some<T>(y_pred + i, c));
            store_some<T>(match + i, m, c);
        });
        return;
    }
    for (index_t i = 0; i < rows; ++i, y_true += cols, y_pred += cols) {
        Vec<T> sum{};
        each_vector<T>(cols, [&](index_t j, index_t c) RV_LAMBDA_INLINE {
            sum +=
                keep_lanes<T>(c, matches(load_some<T>(y_true + j, c), load_some<T>(y_pred + j, c)));
        });
        match[i] = hsum<T>(sum) / T(cols);
    }
}

template <class T>
void count_block(Count kind, T threshold, index_t k, index_t rows, index_t cols, const T* y_true,
                 const T* y_pred, T* match) {
    switch (kind) {
        case Count::accuracy:
            return count_elements<false, T>(threshold, rows, cols, y_true, y_pred, match);
        case Count::binary_accuracy:
            return count_elements<true, T>(threshold, rows, cols, y_true, y_pred, match);
        case Count::categorical_accuracy:
        case Count::sparse_categorical_accuracy:
            return count_argmax<T>(kind == Count::sparse_categorical_accuracy, rows, cols, y_true,
                                   y_pred, match);
        case Count::top_k_categorical_accuracy:
        case Count::sparse_top_k_categorical_accuracy:
            return count_top_k<T>(kind == Count::sparse_top_k_categorical_accuracy, k, rows, cols,
                                  y_true, y_pred, match);
    }
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_COLD_KERNELS(CountKernels, &RV_ISA::count_block<T>)

}  // namespace ranvier
