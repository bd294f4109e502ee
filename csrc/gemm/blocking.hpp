// The numbers of the matrix product: which path a shape takes, and how large its blocks are.
// All depend on the problem alone, never on the number of threads: the order of a sum does, too.
#pragma once

#include "ranvier/types.hpp"

namespace ranvier::gemm_blocking {

// A panel of B (nr columns) should fill half of a 32 KiB L1.
inline constexpr index_t kPanelBytes = 16 * 1024;
// A block of A should fill about half of a 512 KiB L2.
inline constexpr index_t kBlockBytes = 256 * 1024;
// All packed panels of B together, in a share of L3.
inline constexpr index_t kPackedBytes = 4 * 1024 * 1024;

// B is read in place while there are at most this many tiles of rows to use a packed panel.
inline constexpr index_t kTilesInPlace = 4;
// A is packed if at least this many panels of B use it.
inline constexpr index_t kPanelsForPackingA = 12;
// Up to this many columns, the products of rows of A with a transposed copy of B are dot products.
inline constexpr index_t kDotColumns = 4;
// Up to this many rows, a product with a transposed B is made of dot products.
inline constexpr index_t kDotRows = 8;

// `total` in equal parts of at most `most`, multiples of `step`.
constexpr index_t even_part(index_t total, index_t most, index_t step) {
    if (total <= most) return total;
    const index_t parts = (total + most - 1) / most;
    const index_t part = (total + parts - 1) / parts;
    return (part + step - 1) / step * step;
}

}  // namespace ranvier::gemm_blocking
