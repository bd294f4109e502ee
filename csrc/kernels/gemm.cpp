#include "kernels/gemm.hpp"

#include "kernels/gemm_dot.hpp"
#include "kernels/gemm_few.hpp"
#include "kernels/gemm_pack.hpp"
#include "kernels/gemm_tile.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// With AVX a masked load costs little where it is needed: one tile serves both.
template <bool Masked>
inline constexpr bool kMasks = Masked || kVecBytes >= 32;

// Tiles by [vectors - 1][rows - 1].
inline constexpr int kMostRows = kTileRows < kNarrowRows ? kNarrowRows : kTileRows;
template <class T, bool Masked>
struct TilesTable {
    TilesFn<T> at[kTileVecs<T>][kMostRows];
};
template <class T, bool Masked, int NV, int R>
constexpr TilesFn<T> tile_of() {
    if constexpr (NV == 1 || R <= kTileRows)
        return &tiles<T, R, NV, kMasks<Masked>>;
    else
        return nullptr;
}
template <class T, bool Masked, int NV, std::size_t... R>
constexpr void fill_row(TilesTable<T, Masked>& t, std::index_sequence<R...>) {
    ((t.at[NV - 1][R] = tile_of<T, Masked, NV, static_cast<int>(R) + 1>()), ...);
}
template <class T, bool Masked, std::size_t... NV>
constexpr TilesTable<T, Masked> make_tiles(std::index_sequence<NV...>) {
    TilesTable<T, Masked> t{};
    (fill_row<T, Masked, static_cast<int>(NV) + 1>(t, std::make_index_sequence<kMostRows>{}), ...);
    return t;
}
template <class T, bool Masked>
constexpr TilesTable<T, Masked> kTiles =
    make_tiles<T, Masked>(std::make_index_sequence<kTileVecs<T>>{});

template <class T>
void panel(const GemmTask<T>& t, bool b_padded) {
    constexpr int L = kLanes<T>;
    const index_t nv = (t.n + L - 1) / L, last = t.n - (nv - 1) * L;
    const TilesFn<T>* tiles_of =
        b_padded || last == L ? kTiles<T, false>.at[nv - 1] : kTiles<T, true>.at[nv - 1];
    const RowSplit s = split_rows(t.m, nv == 1 && !t.a_packed ? kNarrowRows : kTileRows);
    Tiles<T> w{t.a, t.rsa, t.csa, 0, 0, t.b, 0, 0, last};
    const index_t lines = (t.ahead_size * static_cast<index_t>(sizeof(T)) + 63) / 64;
    w.ahead = reinterpret_cast<const char*>(t.ahead);
    for (index_t left = s.tiles; left > 0; left -= w.count) {
        const bool taller = left > s.tiles - s.extra;
        const index_t rows = s.base + taller;
        w.count = !kLoops ? 1 : taller ? s.extra : left;
        if (t.a_packed) w.rs = 1, w.cs = rows;
        w.step = rows * (t.a_packed ? t.k : t.rsa);
        const index_t of_tile = lines > 0 ? (lines * rows - 1) / t.m + 1 : 0;
        if (lines > 0 && fetches_in_steps<T>(rows, nv)) {
            w.lines = of_tile;
            w.each = (of_tile - 1) / parts_of(t) + 1;
        } else if (lines > 0 && of_tile <= kMostLines) {
            w.count = 1;
            fetch(w.ahead, of_tile);
        }
        tiles_of[rows - 1](t, w);
        w.ahead += w.count * of_tile * 64;
        w.a += w.count * w.step;
        w.i0 += w.count * rows;
    }
}

// Few rows: as many columns at a time as the registers hold, the rest in equal parts, so that there
// are enough sums under way to hide an addition's latency. Doubles and old processors have fewer
// widths to choose from.
template <class T>
inline constexpr bool kFewWidths = sizeof(T) == 8 || kVecBytes == 16;
template <class T, int R>
inline constexpr int kMost = kVecRegisters * 3 / 4 / R > 8 ? 8 : kVecRegisters * 3 / 4 / R;
template <class T, int R>
inline constexpr int kWide = !kFewWidths<T> || R == 1 || R == 4 ? kMost<T, R>
                             : R < 4                            ? 4
                                                                : kTileVecs<T>;
template <class T, int R>
inline constexpr int kPart = kWide<T, R> < kTileVecs<T> ? kTileVecs<T>
                             : kFewWidths<T>            ? (R == 1 ? 4 : kTileVecs<T>)
                             : kWide<T, R> > 4 && R > 1 ? 4
                                                        : kWide<T, R>;

template <class T, int R, std::size_t... NV>
RV_INLINE TilesFn<T> skinny_tile(index_t vectors, bool masked, std::index_sequence<NV...>) {
    static constexpr TilesFn<T> whole[] = {
        &tiles<T, R, static_cast<int>(NV) + 1, kMasks<false>>...};
    static constexpr TilesFn<T> partial[] = {&tiles<T, R, static_cast<int>(NV) + 1, true>...};
    return (masked ? partial : whole)[vectors - 1];
}

template <class T, int R>
void skinny_rows(const GemmTask<T>& t) {
    constexpr int L = kLanes<T>, wide = kWide<T, R>, part = kPart<T, R>;
    index_t j = 0;
    if constexpr (wide > part || R == 1)
        for (; j + wide * L <= t.n; j += wide * L) {
            for (index_t r = 0; r < t.next_rows; ++r)
                for (index_t v = 0; v < wide * L; v += 64 / static_cast<index_t>(sizeof(T)))
                    __builtin_prefetch(t.next + r * t.next_ld + j + v, 0, 2);
            // None of the other tiles is as wide: no reason for one that masks, too.
            tiles<T, R, wide, kMasks<false> && wide <= part>(
                t, {t.a, t.rsa, t.csa, 0, 1, t.b + j, 0, j, L});
        }
    while (j < t.n) {
        const index_t left = (t.n - j + L - 1) / L, parts = (left + part - 1) / part;
        const index_t nv = (left + parts - 1) / parts;
        const index_t last = t.n - j - (nv - 1) * L < L ? t.n - j - (nv - 1) * L : L;
        skinny_tile<T, R>(nv, last != L, std::make_index_sequence<part>{})(
            t, {t.a, t.rsa, t.csa, 0, 1, t.b + j, 0, j, last});
        j += nv * L;
    }
}

template <class T, std::size_t... R>
RV_INLINE void skinny_choose(const GemmTask<T>& t, std::index_sequence<R...>) {
    constexpr void (*rows[])(const GemmTask<T>&) = {&skinny_rows<T, static_cast<int>(R) + 1>...};
    rows[t.m - 1](t);
}

template <class T>
void skinny(const GemmTask<T>& t) {
    skinny_choose(t, std::make_index_sequence<kTileRows>{});
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_WIDE_KERNELS(GemmKernels, RV_ISA::kTileRows, RV_ISA::kTileVecs<T>* RV_ISA::kLanes<T>,
                       RV_ISA::kLanes<T>, RV_ISA::kFew<T>, RV_ISA::kFewAdded<T>, &RV_ISA::panel<T>,
                       &RV_ISA::skinny<T>, &RV_ISA::few<T>, &RV_ISA::dots<T>, &RV_ISA::pack_b<T>,
                       &RV_ISA::pack_bt<T>, &RV_ISA::pack_a<T>)

}  // namespace ranvier
