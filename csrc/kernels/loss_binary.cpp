// Binary cross-entropy, from probabilities and from logits.
#include "kernels/loss_elements.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

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

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_KERNELS(LossBinaryKernels, &RV_ISA::element_loss<RV_ISA::BinaryCrossentropy, false, T>,
                  &RV_ISA::element_loss<RV_ISA::BinaryCrossentropyLogits, false, T>)

}  // namespace ranvier
