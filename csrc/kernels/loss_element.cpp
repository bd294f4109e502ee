// Losses that are means of elements: squared and absolute error, binary cross-entropy.
#include "kernels/loss.hpp"
#include "simd/rows.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// Each: the loss of an element, its derivative, and the probability where there is one.
template <class T>
struct Element {
    Vec<T> loss, slope, prob;
};

template <class T>
struct SquaredError {
    RV_INLINE explicit SquaredError(const LossBlock<T>&) {}
    template <bool>
    RV_INLINE Element<T> of(Vec<T> t, Vec<T> p) const {
        const Vec<T> d = p - t;
        return {d * d, d + d, Vec<T>{}};
    }
};

// The derivative at 0 is 0.
template <class T>
struct AbsoluteError {
    RV_INLINE explicit AbsoluteError(const LossBlock<T>&) {}
    template <bool>
    RV_INLINE Element<T> of(Vec<T> t, Vec<T> p) const {
        const Vec<T> d = p - t, one = splat<T>(T(1));
        const Vec<T> sign = keep<T>(d > T(0), one) - keep<T>(d < T(0), one);
        return {vabs<T>(d), d == d ? sign : d, Vec<T>{}};
    }
};

// -t log c - (1 - t) log(1 - c), c = clip(p). The gradient passes where the clip does not bind,
// and halfway where it just does: what differentiating minimum and maximum gives in JAX.
template <class T>
struct BinaryCrossentropy {
    Vec<T> keep_, add, low, high;
    RV_INLINE explicit BinaryCrossentropy(const LossBlock<T>& b)
        : keep_(splat<T>(b.smooth_keep)),
          add(splat<T>(b.smooth_add)),
          low(splat<T>(b.low)),
          high(splat<T>(b.high)) {}
    template <bool kGradient>
    RV_INLINE Element<T> of(Vec<T> t0, Vec<T> p) const {
        const Vec<T> t = fma(t0, keep_, add);
        const Vec<T> c = vmin(high, vmax(low, p));
        const Vec<T> rest = T(1) - c;
        const Vec<T> loss = -(t * vlog<T>(c) + (T(1) - t) * vlog<T>(rest));
        if constexpr (!kGradient) return {loss, loss, Vec<T>{}};
        const Vec<T> full = T(0.5) * ((c - t) / (c * rest));
        const Vec<T> slope =
            keep<T>((p >= low) & (p <= high), full) + keep<T>((p > low) & (p < high), full);
        return {loss, p == p ? slope : p, Vec<T>{}};
    }
};

// t softplus(-x) + (1 - t) softplus(x); the gradient is sigmoid(x) - t.
template <class T>
struct BinaryCrossentropyLogits {
    Vec<T> keep_, add;
    RV_INLINE explicit BinaryCrossentropyLogits(const LossBlock<T>& b)
        : keep_(splat<T>(b.smooth_keep)), add(splat<T>(b.smooth_add)) {}
    template <bool kGradient>
    RV_INLINE Element<T> of(Vec<T> t0, Vec<T> x) const {
        const Vec<T> t = fma(t0, keep_, add), u = T(1) - t;
        const Vec<T> e = vexp_softmax<T>(-vabs<T>(x)), zero{};
        const Vec<T> loss = fma(t, vmax(zero, -x), fma(u, vmax(zero, x), log1p_unit<T>(e)));
        if constexpr (!kGradient) return {loss, loss, Vec<T>{}};
        const Vec<T> big = T(1) / (e + T(1)), small = e * big;
        const IVec<T> negative = x < zero;
        const Vec<T> s = negative ? small : big, c = negative ? big : small;
        return {loss, u * s - t * c, s};
    }
};

// exp(x) - t x + (t log t - t), where 0 log 0 = 0; the gradient is exp(x) - t.
template <class T>
struct HalfPoissonLogits {
    RV_INLINE explicit HalfPoissonLogits(const LossBlock<T>&) {}
    template <bool>
    RV_INLINE Element<T> of(Vec<T> t, Vec<T> x) const {
        const Vec<T> mean = vexp<T>(x);
        const Vec<T> entropy = t == Vec<T>{} ? Vec<T>{} : t * vlog<T>(t);
        return {mean - fma(t, x, t) + entropy, mean - t, mean};
    }
};

// Seven losses in one: a branch a vector costs little beside their arithmetic, a kernel each would
// cost as many bytes as all the others.
template <class T>
struct Rare {
    int kind;
    Vec<T> keep_, add, low, delta;
    RV_INLINE explicit Rare(const LossBlock<T>& b)
        : kind(b.rare),
          keep_(splat<T>(b.smooth_keep)),
          add(splat<T>(b.smooth_add)),
          low(splat<T>(b.low)),
          delta(splat<T>(b.delta)) {}
    template <bool>
    RV_INLINE Element<T> of(Vec<T> t, Vec<T> p) const {
        const Vec<T> zero{}, d = p - t, off = vabs<T>(d);
        switch (kind + int(Loss::huber)) {
            case int(Loss::huber): {
                const Vec<T> c = vmin(delta, off);
                return {c * (off - T(0.5) * c), vmin(delta, vmax(-delta, d)), zero};
            }
            case int(Loss::log_cosh): {
                const Vec<T> bend = log1p_unit<T>(vexp_negative<T>(T(-2) * off));
                return {off + (bend - T(0.69314718055994530942)), vtanh<T>(d), zero};
            }
            case int(Loss::hinge): {
                const Vec<T> s = fma(t, keep_, add), margin = T(1) - s * p;
                const Vec<T> half = T(-0.5) * s;
                return {vmax(zero, margin),
                        keep<T>(margin > T(0), half) + keep<T>(margin >= T(0), half), zero};
            }
            case int(Loss::squared_hinge): {
                const Vec<T> s = fma(t, keep_, add), margin = vmax(zero, T(1) - s * p);
                return {margin * margin, T(-2) * s * margin, zero};
            }
            case int(Loss::poisson): {
                const Vec<T> q = p + low;
                return {p - t * vlog<T>(q), T(1) - t / q, zero};
            }
            case int(Loss::mean_squared_logarithmic_error): {
                const Vec<T> above = vmax(low, p) + T(1);
                const Vec<T> e = vlog<T>(above) - vlog<T>(vmax(low, t) + T(1)), half = e / above;
                return {e * e, keep<T>(p >= low, half) + keep<T>(p > low, half), zero};
            }
            default: {
                const Vec<T> w = T(100) / vmax(low, vabs<T>(t));
                return {off * w, keep<T>(d > T(0), w) - keep<T>(d < T(0), w), zero};
            }
        }
    }
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

// kOften: code of its own for each use; else one for all, a third as large.
template <template <class> class L, bool kOften, class T>
void element_loss(const LossBlock<T>& b) {
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

template <class T>
double weighted_sum(index_t rows, const T* loss, const T* weight) {
    double acc[8] = {};
    index_t i = 0;
    if (weight == nullptr) {
        for (; i + 8 <= rows; i += 8)
            for (int k = 0; k < 8; ++k) acc[k] += double(loss[i + k]);
        for (; i < rows; ++i) acc[0] += double(loss[i]);
    } else {
        for (; i + 8 <= rows; i += 8)
            for (int k = 0; k < 8; ++k) acc[k] += double(weight[i + k]) * double(loss[i + k]);
        for (; i < rows; ++i) acc[0] += double(weight[i]) * double(loss[i]);
    }
    return ((acc[0] + acc[4]) + (acc[1] + acc[5])) + ((acc[2] + acc[6]) + (acc[3] + acc[7]));
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_KERNELS(LossElementKernels, &RV_ISA::element_loss<RV_ISA::SquaredError, true, T>,
                  &RV_ISA::element_loss<RV_ISA::AbsoluteError, false, T>,
                  &RV_ISA::element_loss<RV_ISA::BinaryCrossentropy, false, T>,
                  &RV_ISA::element_loss<RV_ISA::BinaryCrossentropyLogits, true, T>,
                  &RV_ISA::element_loss<RV_ISA::HalfPoissonLogits, false, T>,
                  &RV_ISA::element_loss<RV_ISA::Rare, false, T>, &RV_ISA::weighted_sum<T>)

}  // namespace ranvier
