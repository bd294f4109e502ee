// Philox4x32-10 on eight counters at a time. The width is fixed, so that every instruction set
// draws the same numbers in the same places.
#pragma once

#include "simd/vec.hpp"

namespace ranvier::RV_ISA {
namespace {

typedef std::uint32_t U32x8 __attribute__((vector_size(32)));
typedef std::uint64_t U64x4 __attribute__((vector_size(32)));

// Products of the even 32-bit lanes with a constant, 64 bits each.
RV_INLINE U64x4 multiply_even(U32x8 x, std::uint32_t m) {
#if defined(__AVX2__)
    typedef int I32x8 __attribute__((vector_size(32)));
    const I32x8 c = I32x8{} + static_cast<int>(m);
    return reinterpret_cast<U64x4>(__builtin_ia32_pmuludq256(reinterpret_cast<I32x8>(x), c));
#else
    return (reinterpret_cast<U64x4>(x) & 0xffffffffu) * m;
#endif
}

RV_INLINE void multiply(U32x8 x, std::uint32_t m, U32x8& high, U32x8& low) {
    const U64x4 even = multiply_even(x, m);
    const U64x4 odd = multiply_even(reinterpret_cast<U32x8>(reinterpret_cast<U64x4>(x) >> 32), m);
    const U64x4 mask = U64x4{} + 0xffffffffu;
    high = reinterpret_cast<U32x8>((even >> 32) | (odd & ~mask));
    low = reinterpret_cast<U32x8>((even & mask) | (odd << 32));
}

// Counter words (c0, c1) = group * 8 + lane, (c2, c3) = stream; key = seed. out[w][lane].
RV_INLINE void philox_group(std::uint64_t seed, std::uint64_t stream, std::uint64_t group,
                            U32x8 out[4]) {
    const std::uint64_t first = group * 8;
    const U32x8 lane = {0, 1, 2, 3, 4, 5, 6, 7};
    U32x8 x0 = (U32x8{} + static_cast<std::uint32_t>(first)) + lane;  // never carries: 8 | first
    U32x8 x1 = U32x8{} + static_cast<std::uint32_t>(first >> 32);
    U32x8 x2 = U32x8{} + static_cast<std::uint32_t>(stream);
    U32x8 x3 = U32x8{} + static_cast<std::uint32_t>(stream >> 32);
    std::uint32_t k0 = static_cast<std::uint32_t>(seed),
                  k1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        U32x8 h0, l0, h1, l1;
        multiply(x0, 0xD2511F53u, h0, l0);
        multiply(x2, 0xCD9E8D57u, h1, l1);
        x0 = h1 ^ x1 ^ k0;
        x1 = l1;
        x2 = h0 ^ x3 ^ k1;
        x3 = l0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = x0;
    out[1] = x1;
    out[2] = x2;
    out[3] = x3;
}

}  // namespace
}  // namespace ranvier::RV_ISA
