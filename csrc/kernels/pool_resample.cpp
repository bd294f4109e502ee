#include "kernels/pool_lanes.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

template <class T>
void rows(index_t n, index_t taps, const T* const* x, const T* weight, T* y) {
    constexpr index_t L = kLanes<T>;
    index_t i = 0;
    for (; i + L <= n; i += L) {
        Vec<T> sum = load(x[0] + i) * splat<T>(weight[0]);
        for (index_t t = 1; t < taps; ++t) sum = fma(load(x[t] + i), splat<T>(weight[t]), sum);
        store<T>(y + i, sum);
    }
    for (; i < n; ++i) {
        T sum = x[0][i] * weight[0];
        for (index_t t = 1; t < taps; ++t) sum += x[t][i] * weight[t];
        y[i] = sum;
    }
}

template <class T>
void pixels(index_t out, index_t c, const Taps<T>& taps, const T* x, T* y) {
    for (index_t o = 0; o < out; ++o, y += c) {
        const T* from = x + taps.first[o] * c;
        const T* weight = taps.weight + o * taps.stride;
        const index_t count = taps.count[o];
        if (c >= kLanes<T>) {
            each_channels<T>(c, [&](index_t j) RV_LAMBDA_INLINE {
                Vec<T> sum = load(from + j) * splat<T>(weight[0]);
                for (index_t t = 1; t < count; ++t)
                    sum = fma(load(from + t * c + j), splat<T>(weight[t]), sum);
                store<T>(y + j, sum);
            });
            continue;
        }
        if (count == 2) {
            const T a = weight[0], b = weight[1];
            for (index_t j = 0; j < c; ++j) y[j] = from[j] * a + from[c + j] * b;
            continue;
        }
        for (index_t j = 0; j < c; ++j) {
            T sum = from[j] * weight[0];
            for (index_t t = 1; t < count; ++t) sum += from[t * c + j] * weight[t];
            y[j] = sum;
        }
    }
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_COLD_KERNELS(ResampleKernels, &RV_ISA::rows<T>, &RV_ISA::pixels<T>)

}  // namespace ranvier
