// Rows too short for a vector each: as many rows as lanes are taken at once, transposed, so that
// lane r of vector j is element j of row r. And horizontal maxima for the long rows.
#pragma once

#include "simd/math.hpp"
#include "simd/partial.hpp"
#include "simd/transpose.hpp"

namespace ranvier::RV_ISA {
namespace {

// Rows up to this long are worth transposing.
inline constexpr index_t kShortRow = 16;

// Pairs, which two classes are: lanes 2 i + K of (x, y), and back.
template <int K>
struct EveryOther {
    static constexpr int lane(std::size_t i) { return 2 * static_cast<int>(i) + K; }
};
template <int L, bool High>
struct Interleave {
    static constexpr int lane(std::size_t i) {
        const int at = static_cast<int>(i) / 2 + (High ? L / 2 : 0);
        return at + (i % 2 ? L : 0);
    }
};

}  // namespace

// out[j][r] = x[r * cols + j] for r < rows <= lanes; lanes beyond repeat the last row. `out` is
// whole squares. Not inlined, and one copy for all files: longer than most that is done with it.
template <class T>
__attribute__((noinline)) void load_transposed_any(const T* x, index_t rows, index_t cols, T* out) {
    constexpr int L = kLanes<T>;
#if defined(__AVX2__)
    static_assert(kShortRow % L == 0);
    for (index_t j = 0; j < cols; j += L) {
        const LaneMask<T> mask = lane_mask<T>(cols - j < L ? cols - j : L);
        Vec<T> v[L];
#pragma GCC unroll 16
        for (int r = 0; r < L; ++r)
            v[r] = load_lanes(x + (r < rows ? r : rows - 1) * cols + j, mask);
        transpose_square<T>(v);
#pragma GCC unroll 16
        for (int r = 0; r < L; ++r) store<T>(out + (j + r) * L, v[r]);
    }
#else
    for (index_t r = 0; r < L; ++r) {
        const T* row = x + (r < rows ? r : rows - 1) * cols;
        for (index_t j = 0; j < cols; ++j) out[j * L + r] = row[j];
    }
#endif
}
template <class T>
__attribute__((noinline)) void store_transposed_any(T* x, index_t rows, index_t cols, const T* in) {
    constexpr int L = kLanes<T>;
#if defined(__AVX2__)
    for (index_t j = 0; j < cols; j += L) {
        const index_t n = cols - j < L ? cols - j : L;
        Vec<T> v[L];
#pragma GCC unroll 16
        for (int r = 0; r < L; ++r) v[r] = r < n ? load(in + (j + r) * L) : Vec<T>{};
        transpose_square<T>(v);
#pragma GCC unroll 16
        for (int r = 0; r < L; ++r)
            if (r < rows) store_lanes(x + r * cols + j, v[r], n);
    }
#else
    for (index_t r = 0; r < rows; ++r)
        for (index_t j = 0; j < cols; ++j) x[r * cols + j] = in[j * L + r];
#endif
}

namespace {

template <class T>
RV_INLINE void load_transposed(const T* x, index_t rows, index_t cols, Vec<T>* out) {
    constexpr auto all = std::make_index_sequence<kLanes<T>>{};
    if (rows == kLanes<T> && cols == 2) {
        const Vec<T> a = load(x), b = load(x + kLanes<T>);
        out[0] = choose(a, b, EveryOther<0>{}, all);
        out[1] = choose(a, b, EveryOther<1>{}, all);
        return;
    }
    load_transposed_any<T>(x, rows, cols, reinterpret_cast<T*>(out));
}
template <class T>
RV_INLINE void store_transposed(T* x, index_t rows, index_t cols, const Vec<T>* in) {
    constexpr auto all = std::make_index_sequence<kLanes<T>>{};
    if (rows == kLanes<T> && cols == 2) {
        store<T>(x, choose(in[0], in[1], Interleave<kLanes<T>, false>{}, all));
        store<T>(x + kLanes<T>, choose(in[0], in[1], Interleave<kLanes<T>, true>{}, all));
        return;
    }
    store_transposed_any<T>(x, rows, cols, reinterpret_cast<const T*>(in));
}

template <class T>
RV_INLINE T hmax(Vec<T> v) {
    T t[kLanes<T>];
    std::memcpy(t, &v, sizeof v);
    for (int w = kLanes<T> / 2; w > 0; w /= 2)
        for (int i = 0; i < w; ++i) t[i] = t[i] > t[i + w] ? t[i] : t[i + w];
    return t[0];
}

// Calls f(offset, count, load) ... over a row in vectors, the last one partial.
template <class T, class F>
RV_INLINE void each_vector(index_t n, F f) {
    index_t i = 0;
    for (; i + kLanes<T> <= n; i += kLanes<T>) f(i, index_t(kLanes<T>));
    if (i < n) f(i, n - i);
}
template <class T>
RV_INLINE Vec<T> load_some(const T* p, index_t count, T fill = T(0)) {
    return count == kLanes<T> ? load(p) : load_partial<T>(p, count, fill);
}
template <class T>
RV_INLINE void store_some(T* p, Vec<T> v, index_t count) {
    if (count == kLanes<T>)
        store<T>(p, v);
    else
        store_partial<T>(p, v, count);
}

// The largest element; NaN is passed over (whoever subtracts the maximum meets it again).
template <class T>
RV_INLINE T row_max(index_t n, const T* x) {
    const T low = T(-__builtin_inf());
    Vec<T> a = splat<T>(low), b = a;
    index_t i = 0;
    for (; i + 2 * kLanes<T> <= n; i += 2 * kLanes<T>) {
        a = vmax(load(x + i), a);
        b = vmax(load(x + i + kLanes<T>), b);
    }
    if (i + kLanes<T> <= n) {
        a = vmax(load(x + i), a);
        i += kLanes<T>;
    }
    if (i < n) b = vmax(load_partial<T>(x + i, n - i, low), b);
    return hmax<T>(vmax(a, b));
}

// out = exp(x - max) (out may be null or x); the sum.
template <class T>
RV_INLINE T exp_and_sum(index_t n, const T* x, T max, T* out) {
    const Vec<T> m = splat<T>(max);
    Vec<T> a{}, b{};
    index_t i = 0;
    for (; i + 2 * kLanes<T> <= n; i += 2 * kLanes<T>) {
        const Vec<T> e0 = vexp_softmax<T>(load(x + i) - m);
        const Vec<T> e1 = vexp_softmax<T>(load(x + i + kLanes<T>) - m);
        if (out != nullptr) {
            store<T>(out + i, e0);
            store<T>(out + i + kLanes<T>, e1);
        }
        a += e0;
        b += e1;
    }
    if (i + kLanes<T> <= n) {
        const Vec<T> e = vexp_softmax<T>(load(x + i) - m);
        if (out != nullptr) store<T>(out + i, e);
        a += e;
        i += kLanes<T>;
    }
    if (i < n) {
        const Vec<T> e = vexp_softmax<T>(load_partial<T>(x + i, n - i, T(-__builtin_inf())) - m);
        if (out != nullptr) store_partial<T>(out + i, e, n - i);
        b += keep_lanes<T>(n - i, e);
    }
    return hsum<T>(a + b);
}

}  // namespace
}  // namespace ranvier::RV_ISA
