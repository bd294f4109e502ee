#include "kernels/peak.hpp"

#include "simd/vec.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

template <class T>
double fma_loop(index_t iterations, T* sink) {
    // Enough independent chains to cover latency (4-5 cycles) x two units; the multipliers are
    // opaque to the compiler and keep every value finite.
    constexpr int kChains = 12;
    Vec<T> acc[kChains];
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) acc[i] = splat<T>(T(i + 1));
    Vec<T> a = splat<T>(T(0.5)), b = splat<T>(T(1));
    asm volatile("" : "+m"(a), "+m"(b));
    for (index_t it = 0; it < iterations; ++it)
#pragma GCC unroll 12  // or they lie in memory
        for (int i = 0; i < kChains; ++i) acc[i] = fma(acc[i], a, b);
    Vec<T> sum{};
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sum += acc[i];
    *sink = hsum<T>(sum);
    return 2.0 * kLanes<T> * kChains * static_cast<double>(iterations);
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_WIDE_KERNELS(PeakKernels, &RV_ISA::fma_loop<T>)

}  // namespace ranvier
