// Categorical cross-entropies. Two shapes of every loss: short rows are taken a vector of rows at
// a time, transposed (a lane is a row); long rows one by one.
#include "kernels/loss.hpp"
#include "simd/rows.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// The label as an index, or -1 if the row counts nothing.
template <class T>
RV_INLINE index_t label_of(const LossBlock<T>& b, index_t row) {
    const T label = b.y_true[row];
    if (b.ignores && label == b.ignored) return -1;
    return label >= T(0) && label < T(b.cols) ? index_t(label) : -1;
}

// What the short form of a loss reads and writes for `count` rows from `first`.
template <class T>
struct Lanes {
    Vec<T> x[kShortRow], t[kShortRow];
    Vec<T> label, factor;
    IVec<T> valid;
};

template <bool kSparse, class T>
RV_INLINE void load_lanes(const LossBlock<T>& b, index_t first, index_t count, Lanes<T>& l) {
    load_transposed<T>(b.y_pred + first * b.cols, count, b.cols, l.x);
    l.factor = splat<T>(b.scale);
    if (b.weight != nullptr) l.factor *= load_some<T>(b.weight + first, count);
    if constexpr (kSparse) {
        const Vec<T> label = load_some<T>(b.y_true + first, count, T(-1));
        l.valid = (label >= T(0)) & (label < T(b.cols));
        if (b.ignores) l.valid &= label != b.ignored;
        l.label = l.valid ? label : splat<T>(T(-1));
    } else {
        load_transposed<T>(b.y_true + first * b.cols, count, b.cols, l.t);
        const Vec<T> keep_ = splat<T>(b.smooth_keep), add = splat<T>(b.smooth_add);
        for (index_t j = 0; j < b.cols; ++j) l.t[j] = fma(l.t[j], keep_, add);
    }
}

template <bool kSparse, class T>
void logits_short(const LossBlock<T>& b) {
    Lanes<T> l;
    for (index_t i = 0; i < b.rows; i += kLanes<T>) {
        const index_t n = b.cols, count = b.rows - i < kLanes<T> ? b.rows - i : kLanes<T>;
        load_lanes<kSparse, T>(b, i, count, l);
        Vec<T> m = l.x[0], sum{}, dot{}, total{};
        for (index_t j = 1; j < n; ++j) m = vmax(l.x[j], m);
        for (index_t j = 0; j < n; ++j) {
            const Vec<T> d = l.x[j] - m;
            if constexpr (kSparse) {
                dot += keep<T>(l.label == T(j), d);
            } else {
                // A class without weight may have probability 0: no 0 * infinity.
                dot += keep<T>(l.t[j] != T(0), l.t[j] * d);
                total += l.t[j];
            }
            l.x[j] = vexp_softmax<T>(d);
            sum += l.x[j];
        }
        const Vec<T> lse = vlog<T>(sum);
        Vec<T> loss = kSparse ? lse - dot : total * lse - dot;
        if constexpr (kSparse) loss = keep<T>(l.valid, loss);
        store_some<T>(b.loss + i, loss, count);
        if (b.dy == nullptr && b.prob == nullptr) continue;
        const Vec<T> one = splat<T>(T(1)), inverse = one / sum;
        for (index_t j = 0; j < n; ++j) l.x[j] *= inverse;
        if (b.prob != nullptr) store_transposed<T>(b.prob + i * n, count, n, l.x);
        if (b.dy == nullptr) continue;
        for (index_t j = 0; j < n; ++j) {
            if constexpr (kSparse)
                l.x[j] = keep<T>(l.valid, (l.x[j] - keep<T>(l.label == T(j), one)) * l.factor);
            else
                l.x[j] = (l.x[j] * total - l.t[j]) * l.factor;
        }
        store_transposed<T>(b.dy + i * n, count, n, l.x);
    }
}

template <bool kSparse, class T>
void logits_long(const LossBlock<T>& b) {
    const index_t n = b.cols;
    const bool keeps = b.dy != nullptr || b.prob != nullptr;
    const Vec<T> keep_ = splat<T>(b.smooth_keep), add = splat<T>(b.smooth_add);
    for (index_t i = 0; i < b.rows; ++i) {
        const T *x = b.y_pred + i * n, *t = kSparse ? nullptr : b.y_true + i * n;
        const T m = row_max<T>(n, x);
        const index_t label = kSparse ? label_of(b, i) : 0;
        Vec<T> dot{}, total{};
        T chosen = T(0);
        if constexpr (kSparse) {
            if (label >= 0) chosen = x[label] - m;
        } else {
            each_vector<T>(n, [&](index_t j, index_t c) RV_LAMBDA_INLINE {
                const Vec<T> tj = keep_lanes<T>(c, fma(load_some<T>(t + j, c), keep_, add));
                dot += keep<T>(tj != T(0), tj * (load_some<T>(x + j, c) - m));
                total += tj;
            });
        }
        T* e = b.dy != nullptr ? b.dy + i * n : b.prob + i * n;
        const T sum = exp_and_sum<T>(n, x, m, keeps ? e : nullptr);
        const T lse = vlog<T>(splat<T>(sum))[0];
        const T targets = kSparse ? T(1) : hsum<T>(total);
        const bool valid = label >= 0;
        b.loss[i] = !valid ? T(0) : kSparse ? lse - chosen : targets * lse - hsum<T>(dot);
        if (!keeps) continue;
        const Vec<T> inverse = splat<T>(T(1) / sum);
        const T factor = b.weight != nullptr ? b.scale * b.weight[i] : b.scale;
        T *prob = b.prob != nullptr ? b.prob + i * n : nullptr, *dy = b.dy != nullptr ? e : nullptr;
        T hit = T(0);  // the labelled element's probability
        if (kSparse && valid) hit = e[label] / sum;
        each_vector<T>(n, [&](index_t j, index_t c) RV_LAMBDA_INLINE {
            const Vec<T> p = load_some<T>(e + j, c) * inverse;
            if (prob != nullptr) store_some<T>(prob + j, p, c);
            if (dy == nullptr) return;
            Vec<T> g = p * factor;
            if constexpr (!kSparse)
                g = (p * targets - fma(load_some<T>(t + j, c), keep_, add)) * factor;
            else if (!valid)
                g = Vec<T>{};
            store_some<T>(dy + j, g, c);
        });
        if (kSparse && valid && dy != nullptr) dy[label] = (hit - T(1)) * factor;
    }
}

// Probabilities: o = p / S with S the row's sum, c = clip(o), loss = -sum t log c. With m_k what
// the clip lets through (1 inside, 1/2 on the bound, 0 outside; there c = o where m_k is not 0),
//   d loss / d p_j = (sum_k t_k m_k - t_j m_j / c_j) / S.
template <class T>
struct Clipped {
    Vec<T> c, m;
};
template <class T>
RV_INLINE Clipped<T> clip(const LossBlock<T>& b, Vec<T> o) {
    const Vec<T> low = splat<T>(b.low), high = splat<T>(b.high), half = splat<T>(T(0.5));
    const Vec<T> m =
        keep<T>((o >= low) & (o <= high), half) + keep<T>((o > low) & (o < high), half);
    return {vmin(high, vmax(low, o)), o == o ? m : o};
}

template <bool kSparse, class T>
void probabilities_short(const LossBlock<T>& b) {
    Lanes<T> l;
    for (index_t i = 0; i < b.rows; i += kLanes<T>) {
        const index_t n = b.cols, count = b.rows - i < kLanes<T> ? b.rows - i : kLanes<T>;
        load_lanes<kSparse, T>(b, i, count, l);
        Vec<T> sum = l.x[0], loss{}, passed{};
        for (index_t j = 1; j < n; ++j) sum += l.x[j];
        if constexpr (kSparse) {
            Vec<T> o{};
            for (index_t j = 0; j < n; ++j) o += keep<T>(l.label == T(j), l.x[j]);
            const auto k = clip<T>(b, o / sum);
            loss = keep<T>(l.valid, -vlog<T>(k.c));
            passed = k.m;
            const Vec<T> at = k.m / k.c;
            for (index_t j = 0; j < n; ++j) l.x[j] = keep<T>(l.label == T(j), at);
        } else {
            for (index_t j = 0; j < n; ++j) {
                const auto k = clip<T>(b, l.x[j] / sum);
                loss -= l.t[j] * vlog<T>(k.c);
                passed += l.t[j] * k.m;
                l.x[j] = l.t[j] * k.m / k.c;
            }
        }
        store_some<T>(b.loss + i, loss, count);
        if (b.dy == nullptr) continue;
        const Vec<T> factor = l.factor / sum;
        for (index_t j = 0; j < n; ++j) {
            l.x[j] = (passed - l.x[j]) * factor;
            if constexpr (kSparse) l.x[j] = keep<T>(l.valid, l.x[j]);
        }
        store_transposed<T>(b.dy + i * n, count, n, l.x);
    }
}

template <class T>
RV_INLINE T row_sum(index_t n, const T* x) {
    Vec<T> sum{};
    each_vector<T>(n,
                   [&](index_t j, index_t c) RV_LAMBDA_INLINE { sum += load_some<T>(x + j, c); });
    return hsum<T>(sum);
}

template <class T>
void sparse_probabilities_long(const LossBlock<T>& b) {
    const index_t n = b.cols;
    for (index_t i = 0; i < b.rows; ++i) {
        const T* x = b.y_pred + i * n;
        const T sum = row_sum<T>(n, x);
        const index_t label = label_of(b, i);
        const bool valid = label >= 0;
        const auto k = clip<T>(b, splat<T>(valid ? x[label] / sum : T(0.5)));
        b.loss[i] = valid ? -vlog<T>(k.c)[0] : T(0);
        if (b.dy == nullptr) continue;
        const T factor = (b.weight != nullptr ? b.scale * b.weight[i] : b.scale) / sum;
        const Vec<T> rest = valid ? k.m * factor : Vec<T>{};
        T* dy = b.dy + i * n;
        each_vector<T>(
            n, [&](index_t j, index_t c) RV_LAMBDA_INLINE { store_some<T>(dy + j, rest, c); });
        if (valid) dy[label] = ((k.m - k.m / k.c) * factor)[0];
    }
}

template <class T>
void categorical_probabilities_long(const LossBlock<T>& b) {
    const index_t n = b.cols;
    const Vec<T> keep_ = splat<T>(b.smooth_keep), add = splat<T>(b.smooth_add);
    for (index_t i = 0; i < b.rows; ++i) {
        const T *x = b.y_pred + i * n, *t = b.y_true + i * n;
        const T sum = row_sum<T>(n, x);
        T* dy = b.dy != nullptr ? b.dy + i * n : nullptr;
        Vec<T> loss{}, passed{};
        each_vector<T>(n, [&](index_t j, index_t c) RV_LAMBDA_INLINE {
            const Vec<T> tj = keep_lanes<T>(c, fma(load_some<T>(t + j, c), keep_, add));
            const auto k = clip<T>(b, load_some<T>(x + j, c) / sum);
            loss -= tj * vlog<T>(k.c);
            passed += tj * k.m;
            if (dy != nullptr) store_some<T>(dy + j, tj * k.m / k.c, c);
        });
        b.loss[i] = hsum<T>(loss);
        if (dy == nullptr) continue;
        const Vec<T> all = splat<T>(hsum<T>(passed));
        const Vec<T> factor =
            splat<T>((b.weight != nullptr ? b.scale * b.weight[i] : b.scale) / sum);
        each_vector<T>(n, [&](index_t j, index_t c) RV_LAMBDA_INLINE {
            store_some<T>(dy + j, (all - load_some<T>(dy + j, c)) * factor, c);
        });
    }
}

template <class T>
void categorical(const LossBlock<T>& b) {
    b.cols <= kShortRow ? probabilities_short<false, T>(b) : categorical_probabilities_long<T>(b);
}
template <class T>
void categorical_logits(const LossBlock<T>& b) {
    b.cols <= kShortRow ? logits_short<false, T>(b) : logits_long<false, T>(b);
}
template <class T>
void sparse(const LossBlock<T>& b) {
    b.cols <= kShortRow ? probabilities_short<true, T>(b) : sparse_probabilities_long<T>(b);
}
template <class T>
void sparse_logits(const LossBlock<T>& b) {
    b.cols <= kShortRow ? logits_short<true, T>(b) : logits_long<true, T>(b);
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_COLD_KERNELS(LossClassKernels, &RV_ISA::categorical<T>, &RV_ISA::sparse<T>)
RV_DEFINE_KERNELS(LossLogitsKernels, &RV_ISA::categorical_logits<T>, &RV_ISA::sparse_logits<T>)

}  // namespace ranvier
