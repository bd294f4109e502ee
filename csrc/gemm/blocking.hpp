// The numbers of the matrix product: which path a shape takes, and how large its blocks are.
// All depend on the problem and the processor alone, never on the number of threads: the order of a
// sum does, too.
#pragma once

#include "ranvier/runtime.hpp"

namespace ranvier::gemm_blocking {

// Processors with vectors of 512 bits have 1 MiB of L2 and more, and their tiles are so large that
// a panel of B may come from there; the others have from 256 KiB on.
struct Cache {
    index_t panel;     // a panel of B, nr columns: most of L1, or a share of L2
    index_t block;     // a block of A: about half of L2
    index_t in_place;  // the rows of a block of K of B, if it is to be read where it is
    index_t tiles;     // so many tiles of rows are a block where B is small
    bool near;         // are tiles so large that what they read of B may come from L2?
};
constexpr Cache cache_of(index_t vector_bytes) {
    constexpr index_t kKiB = 1024;
    return vector_bytes == 64 ? Cache{64 * kKiB, 512 * kKiB, 256 * kKiB, 8, true}
                              : Cache{20 * kKiB, 256 * kKiB, 128 * kKiB, 16, false};
}
// Where L2 is small, the next block of an A stored [K, M] and of B is to be there beside this one:
// a panel is of so many bytes, unless there is more of C to add to than this.
inline constexpr index_t kStreamPanel = 8 * 1024, kStreamC = 128 * 1024;
// All packed panels of B together, in a share of L3.
inline constexpr index_t kPackedBytes = 4 * 1024 * 1024;

// A is packed if at least this many panels of B use it: more where tiles fetch its rows ahead and
// the processor reads a line from L2 while it waits for others (Intel's), unless the rows, `stride`
// bytes apart, have few places in L1. Less if smaller tiles read an A stored [K, M] that is `far`.
inline index_t panels_for_packing_a(bool in_rows, index_t stride, bool far, const Cache& cache) {
    if (!in_rows && far && !cache.near) return 8;
    return in_rows && stride % 4096 != 0 && cache.near && !fetches_streams() ? 40 : 12;
}
// Up to this many columns, a product is made of dot products where A's rows are contiguous.
inline constexpr index_t kDotColumns = 4;
// The same for rows, where B is transposed.
inline constexpr index_t kDotRows = 48;
// With AVX2 packing B pays earlier, for doubles all the more.
constexpr bool few_rows_by_dots(index_t m, index_t k, index_t lanes, index_t item) {
    if (lanes * item != 32) return m <= kDotRows && m * lanes <= 2 * k;
    return m <= (item == 4 ? kDotRows : kDotRows / 4) && m * 16 <= k;
}

// Columns beyond whole vectors are a product of their own in fewer vectors than this, if there are
// rows enough to pay for it.
inline constexpr index_t kFewVectors = 6;
inline constexpr index_t kManyRows = 24;

// Up to this many summands a product is little more than writing C: rows are walked to their end,
// kFewRows at a time.
inline constexpr index_t kFewSummands = 8;
inline constexpr index_t kFewRows = 4;
// Up to two tiles of rows walk a B that L2 does not hold in strips of so many columns, unless K is
// so long that a strip would leave it, too.
inline constexpr index_t kStrip = 96;
inline constexpr index_t kStripBytes = 384 * 1024;
// A B of more than this many bytes, read by few rows, comes from far away: its rows are walked to
// their end, some at a time, so that the hardware sees streams, and the next ones are fetched
// ahead where the processor gains by it. One row alone computes so little that the fetching would
// cost more than it saves, unless B comes from memory. Tiles of more rows of B take less time at
// their ends, but fetching would come in bursts.
constexpr index_t far_bytes(index_t m, bool fetches) {
    return (m == 1 && fetches ? 8 : 2) * index_t{1024 * 1024};
}
constexpr index_t far_rows(index_t m, bool fetches) { return m == 1 ? 8 : fetches ? 16 : 64; }

// `total` in equal parts of at most `most`, multiples of `step`.
constexpr index_t even_part(index_t total, index_t most, index_t step) {
    if (total <= most) return total;
    const index_t parts = (total + most - 1) / most;
    const index_t part = (total + parts - 1) / parts;
    return (part + step - 1) / step * step;
}

}  // namespace ranvier::gemm_blocking
