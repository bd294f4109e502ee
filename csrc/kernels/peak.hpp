// The machine's own speed limit, which benchmarks quote beside every figure.
#pragma once

#include "kernels/kernels.hpp"

namespace ranvier {

template <class T>
struct PeakKernels {
    // Runs `iterations` rounds of independent fused multiply-adds from registers only; returns the
    // floating-point operations done. *sink receives a value so that nothing is optimised away.
    double (*fma_loop)(index_t iterations, T* sink);
};

RV_DECLARE_WIDE_KERNELS(PeakKernels)

}  // namespace ranvier
