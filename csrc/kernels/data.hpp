// Conversions, random numbers, reductions and simple maps, on contiguous memory.
#pragma once

#include "kernels/kernels.hpp"
#include "ranvier/data.hpp"

namespace ranvier {

// Elements that one block of random numbers gives: 8 counters x 4 words.
inline constexpr index_t kRandomGroup = 32;

template <class T>
struct DataKernels {
    // out[i] = (T) p[i], by DType
    void (*convert[12])(const void* p, index_t n, T* out);
    // Groups [first, first + groups) of 32 words each.
    void (*philox)(std::uint64_t seed, std::uint64_t stream, std::uint64_t first_group,
                   index_t groups, std::uint32_t* words);
    // y = keep ? x * scale : 0 for words below the threshold: dropped. x null: the multipliers.
    void (*dropout)(const std::uint32_t* words, std::uint32_t threshold, T scale, index_t n,
                    const T* x, T* y);
    void (*scale_shift)(index_t n, const T* x, T scale, T offset, T* y);
    void (*scale_shift_row)(index_t n, const T* x, const T* scale, const T* offset, T* y);
    void (*add)(index_t n, const T* x, T* y);
    // Of one block, in double: sum, sum of squares, sum of magnitudes.
    double (*sum)(index_t n, const T* x);
    double (*sumsq)(index_t n, const T* x);
    double (*sumabs)(index_t n, const T* x);
    bool (*all_finite)(index_t n, const T* x);
    // out [cols, rows] = transpose of x [rows, cols]
    void (*transpose)(index_t rows, index_t cols, const T* x, T* out);
};

RV_DECLARE_KERNELS(DataKernels)

}  // namespace ranvier
