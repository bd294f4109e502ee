// The register tile: R rows of NV vectors of C stay in registers while K is walked once.
#pragma once

#include "kernels/gemm.hpp"
#include "simd/partial.hpp"
#include "simd/transpose.hpp"

namespace ranvier::RV_ISA {
namespace {

// Accumulators leave registers for a row of B and one element of A, and where there are few for an
// address or two.
template <class T>
inline constexpr int kTileVecs = RV_NEON ? 4 : 2;
inline constexpr int kTileRows =
    kVecRegisters == 16 ? (kVecBytes == 16 ? 4 : 6) : (RV_NEON ? 6 : 14);
// Of one vector a row: so many that the latency of a multiply-add is hidden, and no more.
inline constexpr int kNarrowRows = kVecBytes >= 32 ? 12 : kTileRows;

// So many rows of A share a pointer, to which x86 adds a register without arithmetic. With 256 bits
// a pointer less is an instruction of each step less, which shows while another thread shares the
// core.
inline constexpr int kRowsOfPointer = kVecBytes == 32 ? 6 : 3;

// Of a row of B so many vectors stay in registers beside the sums and an element of A. The compiler
// does well by itself where a product has to be added by an instruction of its own.
template <int R, int NV>
inline constexpr int kHeld = kVecBytes < 32                     ? 0
                             : R * NV + NV + 1 <= kVecRegisters ? NV
                                                                : kVecRegisters - R * NV - 1;

// What a tile fetches, its rows of C, which are wanted K steps from now, and a share of what is
// wanted later, comes from far away. All of it fetched at once would keep what the first steps read
// waiting, as the processor waits for two dozen lines at most: tall tiles fetch some every
// kStepsOfFetch steps, others kMostLines at most, or nothing: a tile of 12 rows of one vector of
// 256 bits has as many as two of six have.
inline constexpr index_t kStepsOfFetch = 16, kMostLines = kVecBytes == 64 ? 32 : 64;
template <class T>
constexpr bool fetches_in_steps(index_t rows, index_t vectors) {
    return kVecBytes == 64 && sizeof(T) == 4 && rows > kTileRows / 2 && vectors == kTileVecs<T>;
}

// Past the panel's columns B is not read (Masked, unless `whole`) or is padding. A masked load
// takes a turn of a multiplier (512 bits on Intel's processors, 256 on AMD's), a branch that is
// never taken does not: tiles that serve both kinds of panels ask which one it is.
// Tiles that fetch in steps fetch a line of A each, too, `soon` and `by` further each time: all
// rows come to the end of a line at once, and would wait for L2.
template <class T, int R, int NV, bool Masked>
RV_INLINE const T* accumulate_steps(index_t k, const T* a, index_t rs, index_t cs, const T* b,
                                    index_t ldb, LaneMask<T> mask, bool whole, const T* soon,
                                    index_t by, Vec<T> (&acc)[R][NV]) {
    constexpr int L = kLanes<T>, G = (R + kRowsOfPointer - 1) / kRowsOfPointer;
    const T* ap[G];
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) ap[g] = a + kRowsOfPointer * g * rs;
    for (const T* end = b + k * ldb; b != end; b += ldb) {
        if (fetches_in_steps<T>(R, NV)) {
            __builtin_prefetch(soon);
            soon += by;
        }
        Vec<T> bv[NV];
#pragma GCC unroll 8
        for (int v = 0; v < NV; ++v) {
            if (!Masked || v < NV - 1 || __builtin_expect(whole, true))
                bv[v] = load(b + v * L);
            else
                bv[v] = load_lanes(b + v * L, mask);
            // Else each row reads it. With the branch it would go through memory instead.
            if (R > 1 && !Masked && v < kHeld<R, NV>) keep_in_register(bv[v]);
        }
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            Vec<T> av = splat<T>(ap[r / kRowsOfPointer][r % kRowsOfPointer * rs]);
            if constexpr (NV > 1) keep_in_register(av);
#pragma GCC unroll 8
            for (int v = 0; v < NV; ++v) acc[r][v] = fma(av, bv[v], acc[r][v]);
        }
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) ap[g] += cs;
    }
    return b;
}

// Where most of the work is, it is asked once and not at every step, and where a row of B that two
// branches load would put a sum into memory. At every step it would be two jumps more, too, if the
// load masks: half of the time of tiles of one vector beside a thread that shares the core.
template <class T, int R, int NV>
inline constexpr bool kAsksOnce =
    kVecBytes == 32 && ((sizeof(T) == 4 && NV <= kTileVecs<T>) || kHeld<R, NV> < NV);

template <class T, int R, int NV, bool Masked>
RV_INLINE const T* accumulate_run(index_t k, const T* a, index_t rs, index_t cs, const T* b,
                                  index_t ldb, LaneMask<T> mask, bool whole, const T* soon,
                                  index_t by, Vec<T> (&acc)[R][NV]) {
    if (kAsksOnce<T, R, NV> && __builtin_expect(whole, true))
        return accumulate_steps<T, R, NV, false>(k, a, rs, cs, b, ldb, mask, whole, soon, by, acc);
    return accumulate_steps<T, R, NV, Masked>(k, a, rs, cs, b, ldb, mask, whole, soon, by, acc);
}

template <class T, int NV>
RV_INLINE const T* prefetch_row(const T* c, index_t ldc) {
    const char* row = reinterpret_cast<const char*>(c);
    __builtin_prefetch(row, 1);
    if (NV * kVecBytes > 64) __builtin_prefetch(row + 64, 1);
    if (NV * kVecBytes > 32) __builtin_prefetch(row + NV * kVecBytes - 1, 1);
    return c + ldc;
}

// c: where the tile's rows of C are, or null; `at_once` of them and `each` of the `lines` from
// `ahead` on are fetched at a time. after: the tile of A that comes after this one.
template <class T, int R, int NV, bool Masked>
RV_INLINE void accumulate(const GemmTask<T>& t, const T* a, index_t rs, index_t cs, const T* b,
                          LaneMask<T> mask, bool whole, const T* after, const T* c, index_t at_once,
                          const char* ahead, index_t lines, index_t each, Vec<T> (&acc)[R][NV]) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < NV; ++v) acc[r][v] = Vec<T>{};
    const index_t* offset = t.offsets;
    index_t left = offset ? t.segments : 1, rows = c ? R : 0;
    if constexpr (!fetches_in_steps<T>(R, NV))
#pragma GCC unroll 16
        for (int r = 0; c && r < R; ++r) c = prefetch_row<T, NV>(c, t.ldc);
    do {
        const T* run = offset ? a + *offset++ : a;
        index_t k = t.k;
        if constexpr (fetches_in_steps<T>(R, NV)) {
            const T* then = !offset ? after : left > 1 ? a + *offset : after + *t.offsets;
            do {
                const index_t steps = k > kStepsOfFetch * 3 / 2 ? kStepsOfFetch : k;
                if (rows > 0 || lines > 0) {
                    for (index_t q = rows > 0 ? at_once : 0; q > 0; --q)
                        c = prefetch_row<T, NV>(c, t.ldc);
                    rows -= at_once;
                    for (index_t q = lines > 0 ? each : 0; q > 0; --q, ahead += 64)
                        __builtin_prefetch(ahead);
                    lines -= each;
                }
                const T* next = run + steps * cs;
                k -= steps;
                b = accumulate_run<T, R, NV, Masked>(steps, run, rs, cs, b, t.ldb, mask, whole,
                                                     k > 0 ? next : then, cs == 1 ? rs : cs, acc);
                run = next;
            } while (k > 0);
        } else {
            b = accumulate_run<T, R, NV, Masked>(k, run, rs, cs, b, t.ldb, mask, whole, nullptr, 0,
                                                 acc);
        }
    } while (--left > 0);
}

// Without the statement GCC takes a function that only fetches for one without effect, and leaves
// its calls out.
__attribute__((noinline)) void fetch(const char* ahead, index_t lines) {
    asm volatile("");
    for (; lines > 0; --lines, ahead += 64) __builtin_prefetch(ahead);
}

// ReLU below zero. Not x * 0 for slope 0: that would turn -inf into NaN.
template <class T>
RV_INLINE Vec<T> relu_below(Vec<T> x, T slope) {
    return slope == T(0) ? Vec<T>{} : x * splat<T>(slope);
}

// The transposed C, a square of the tile at a time. Out of line: few products come here.
template <class T>
__attribute__((noinline)) void finish_transposed(const GemmTask<T>& t, const T* tile,
                                                 index_t stride, index_t i0, index_t j0,
                                                 index_t rows, index_t cols) {
    constexpr int L = kLanes<T>;
    for (index_t r0 = 0; r0 < rows; r0 += L) {
        const index_t height = rows - r0 < L ? rows - r0 : L;
        const LaneMask<T> mask = lane_mask<T>(height);
        Vec<T> bias{};
        if (t.bias) bias = load_lanes(t.bias + i0 + r0, mask);
        for (index_t c0 = 0; c0 < cols; c0 += L) {
            Vec<T> square[L];
#pragma GCC unroll 16
            for (int i = 0; i < L; ++i)
                square[i] = i < height ? load(tile + (r0 + i) * stride + c0) : Vec<T>{};
            transpose_square<T>(square);
            const index_t width = cols - c0 < L ? cols - c0 : L;
            for (index_t j = 0; j < width; ++j) {
                Vec<T> x = square[j] + bias;
                T* c = t.c + (j0 + c0 + j) * t.ldc + i0 + r0;
                if (t.beta != T(0))
                    x = fma(splat<T>(t.beta), load_lanes(c, mask), square[j]) + bias;
                if (t.pre) store_lanes(t.pre + (j0 + c0 + j) * t.ldpre + i0 + r0, x, height);
                if (t.relu) x = x < Vec<T>{} ? relu_below<T>(x, t.slope) : x;
                store_lanes(c, x, height);
            }
        }
    }
}

// Whatever finish() leaves: a tile that has been put into memory. Out of line, as it would be most
// of every tile.
template <class T>
__attribute__((noinline)) void finish_rarely(const GemmTask<T>& t, T* tile, index_t stride,
                                             index_t i0, index_t j0, index_t rows, index_t cols) {
    constexpr int L = kLanes<T>;
    const Vec<T> alpha = splat<T>(t.alpha), beta = splat<T>(t.beta);
    for (index_t i = 0; t.alpha != T(1) && i < rows * stride; i += L)
        store(tile + i, load(tile + i) * alpha);
    if (t.c_transposed) return finish_transposed(t, tile, stride, i0, j0, rows, cols);
    for (index_t j = 0; j < cols; j += L) {
        const index_t width = cols - j < L ? cols - j : L;
        const LaneMask<T> mask = lane_mask<T>(width);
        const Vec<T> bias = t.bias ? load_lanes(t.bias + j0 + j, mask) : Vec<T>{};
        for (index_t r = 0; r < rows; ++r) {
            T* c = t.c + (i0 + r) * t.ldc + j0 + j;
            Vec<T> x = load(tile + r * stride + j);
            if (t.beta != T(0)) x = fma(beta, load_lanes(c, mask), x);
            x += bias;
            if (t.pre) store_lanes(t.pre + (i0 + r) * t.ldpre + j0 + j, x, width);
            if (t.relu) x = x < Vec<T>{} ? relu_below<T>(x, t.slope) : x;
            store_lanes(c, x, width);
        }
    }
}

// One column of vectors of a tile in memory, the last of them `width` < lanes wide.
template <bool kWhole, class T>
RV_INLINE void finish_column(const GemmTask<T>& t, const T* tile, index_t stride, T* c,
                             const T* bias, index_t rows, index_t width) {
    const LaneMask<T> mask = lane_mask<T>(width);
    auto get = [=](const T* p) __attribute__((always_inline)) {
        return kWhole ? load(p) : load_lanes(p, mask);
    };
    const Vec<T> zero{};
    const bool adds = t.beta != T(0), relu = t.relu;
    const Vec<T> b = bias ? get(bias) : zero;
    for (index_t r = 0; r < rows; ++r, tile += stride, c += t.ldc) {
        Vec<T> x = load(tile);
        if (adds) x += get(c);
        if (bias) x += b;
        if (relu) x = vmax(zero, x);
        if (kWhole)
            store<T>(c, x);
        else
            store_lanes(c, x, width);
    }
}

// A tile in memory whose last vectors are partial, or that is added to C. Out of line like
// finish_rarely(), but quick: a layer of few outputs has no other tiles.
template <class T>
__attribute__((noinline)) void finish_partly(const GemmTask<T>& t, T* tile, index_t stride,
                                             index_t i0, index_t j0, index_t rows, index_t cols) {
    constexpr int L = kLanes<T>;
    T* c = t.c + i0 * t.ldc + j0;
    const T* bias = t.bias ? t.bias + j0 : nullptr;
    index_t j = 0;
    for (; j + L <= cols; j += L)
        finish_column<true, T>(t, tile + j, stride, c + j, bias ? bias + j : bias, rows, L);
    if (j < cols)
        finish_column<false, T>(t, tile + j, stride, c + j, bias ? bias + j : bias, rows, cols - j);
}

// f on every accumulator of vector v of a row.
template <class T, int R, int NV, class F>
RV_INLINE void each(Vec<T> (&acc)[R][NV], F f) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < NV; ++v) acc[r][v] = f(acc[r][v], v);
}

// What is finished in registers: most tiles, where it pays to have the code once more in each.
template <class T>
inline constexpr bool kFinishesAll = kVecBytes > 16 && sizeof(T) == 4;
template <class T>
inline constexpr bool kFinishesSome = kVecBytes > 16;
template <class T, int R>
inline constexpr bool kFinishesPartial =
    kFinishesSome<T> && R <= (kVecBytes == 64 && sizeof(T) == 4 ? 4 : 1);

template <class T, int R, int NV>
RV_INLINE void finish(const GemmTask<T>& t, Vec<T> (&acc)[R][NV], index_t i0, index_t j0,
                      index_t last) {
    constexpr int L = kLanes<T>;
    const bool adds = t.beta != T(0);
    const bool rare = t.alpha != T(1) || t.c_transposed || t.pre || (t.relu && t.slope != T(0)) ||
                      (adds && t.beta != T(1));
    const bool whole = last == L;
    if (!kFinishesSome<T> || rare || !(whole || kFinishesPartial<T, R>) ||
        (adds && !(whole && kFinishesAll<T>))) {
        T copy[R * NV * L];  // acc itself must not have an address, or it is not in registers
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
            for (int v = 0; v < NV; ++v) store(copy + (r * NV + v) * L, acc[r][v]);
        return (rare ? finish_rarely<T> : finish_partly<T>)(t, copy, NV * L, i0, j0, R,
                                                            (NV - 1) * L + last);
    }
    T* c = t.c + i0 * t.ldc + j0;
    if (adds) {
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
            for (int v = 0; v < NV; ++v) acc[r][v] += load(c + r * t.ldc + v * L);
    }
    if (t.bias) {
        Vec<T> bias[NV];
#pragma GCC unroll 8
        for (int v = 0; v < NV - 1; ++v) bias[v] = load(t.bias + j0 + v * L);
        const T* end = t.bias + j0 + (NV - 1) * L;
        bias[NV - 1] =
            !kFinishesPartial<T, R> || whole ? load(end) : load_lanes(end, lane_mask<T>(last));
        each<T>(acc, [&](Vec<T> x, int v) __attribute__((always_inline)) { return x + bias[v]; });
    }
    if (t.relu) {  // NaN stays NaN
        const Vec<T> zero{};
        each<T>(acc, [=](Vec<T> x, int) __attribute__((always_inline)) { return vmax(zero, x); });
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < NV - 1; ++v) store(c + r * t.ldc + v * L, acc[r][v]);
    c += (NV - 1) * L;
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
        if (kFinishesPartial<T, R> && !whole)
            store_lanes(c + r * t.ldc, acc[r][NV - 1], last);
        else
            store(c + r * t.ldc, acc[r][NV - 1]);
    }
}

// `count` tiles of R rows one below the other, rows i0.. of A at a and `step` further each, columns
// j0.. of B at b; the last of the NV vectors has `last` columns. Tiles that fetch in steps fetch
// `lines` lines of the cache each, from `ahead` on, `each` at a time.
template <class T>
struct Tiles {
    const T* a;
    index_t rs, cs, step, count;
    const T* b;
    index_t i0, j0, last;
    const char* ahead = nullptr;
    index_t lines = 0, each = 0;
};
// How often a tile fetches.
template <class T>
RV_INLINE index_t parts_of(const GemmTask<T>& t) {
    return (t.k + kStepsOfFetch - 1) / kStepsOfFetch * (t.offsets ? t.segments : 1);
}

// Tiles of short vectors take so long that a call for each is nothing beside them; the code of this
// loop would be.
inline constexpr bool kLoops = kVecBytes >= 32;

template <class T, int R, int NV, bool Masked>
void tiles(const GemmTask<T>& t, const Tiles<T>& w) {
    const index_t last = w.last, j0 = w.j0, rs = w.rs, cs = w.cs;
    const LaneMask<T> mask = lane_mask<T>(last);
    const index_t parts = parts_of(t);
    const index_t at_once = parts >= R ? 1 : 2 * parts >= R ? 2 : 4 * parts >= R ? 4 : R;
    const T* a = w.a;
    const char* ahead = w.ahead;
    index_t i0 = w.i0;
    for (index_t left = kLoops ? w.count : 1; left > 0; --left, a += w.step, i0 += R) {
        Vec<T> acc[R][NV];
        accumulate<T, R, NV, Masked>(
            t, a, rs, cs, w.b, mask, last == kLanes<T>, left > 1 ? a + w.step : t.a,
            t.c_transposed ? nullptr : t.c + (kVecBytes == 32 ? t.c_ahead : 0) + i0 * t.ldc + j0,
            at_once, ahead, w.lines, w.each, acc);
        ahead += w.lines * 64;
        finish<T, R, NV>(t, acc, i0, j0, last);
    }
}

template <class T>
using TilesFn = void (*)(const GemmTask<T>&, const Tiles<T>&);

}  // namespace
}  // namespace ranvier::RV_ISA
