// Losses that are means of elements: squared and absolute error, and rare ones.
#include "kernels/loss_elements.hpp"
#include "simd/tanh.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

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
                  &RV_ISA::element_loss<RV_ISA::HalfPoissonLogits, false, T>,
                  &RV_ISA::element_loss<RV_ISA::Rare, false, T>, &RV_ISA::weighted_sum<T>)

}  // namespace ranvier
