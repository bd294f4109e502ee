// The loops of the matrix product over blocks of one thread's part of C.
#include <algorithm>
#include <cmath>

#include "gemm/ahead.hpp"
#include "gemm/problem.hpp"
#include "ranvier/activation.hpp"

namespace ranvier {
namespace {

using namespace gemm_blocking;

template <class T>
bool relu_in_kernel(const Epilogue<T>& e) {
    return e.act == Act::relu && e.params.c == 0.0 && std::isinf(e.params.b) && e.params.b > 0;
}

}  // namespace

template <class T>
bool GemmProblem<T>::has_few_summands() const {
    const auto& kernel = kernels<GemmKernels, T>();
    const Epilogue<T>& e = *epilogue;
    const bool relu = relu_in_kernel(e);
    const int most = beta != T(0) || e.bias || relu ? kernel.most_few_added : kernel.most_few;
    // In one vector a row there would be more to read of A than to compute.
    return k > 0 && k <= most && of_rows > kernel.mr && n >= kernel.lanes &&
           (n > kernel.lanes || k < kFewSummands) && alpha == T(1) && !c_transposed && !e.pre &&
           !(relu && e.params.a != 0) && (beta == T(0) || (beta == T(1) && n % kernel.lanes == 0));
}

template <class T>
GemmTask<T> GemmProblem<T>::task(index_t i0, index_t i1, index_t j0, index_t j1, index_t p0,
                                 index_t p1) const {
    const Epilogue<T>& e = *epilogue;
    const bool last = p1 == k;
    GemmTask<T> t{};
    t.m = i1 - i0;
    t.n = j1 - j0;
    t.k = p1 - p0;
    t.a = a + i0 * rsa + p0 * csa;
    t.rsa = rsa;
    t.csa = csa;
    t.b = b + p0 * rsb + j0 * csb;
    t.ldb = csb == 1 ? rsb : csb;
    t.alpha = alpha;
    t.beta = p0 == 0 ? beta : T(1);
    t.c_transposed = c_transposed;
    const index_t ci = c_transposed ? j0 : i0, cj = c_transposed ? i0 : j0;
    t.c = c + ci * ldc + cj;
    t.ldc = ldc;
    t.bias = last && e.bias ? e.bias + cj : nullptr;
    t.pre = last && e.pre ? e.pre + ci * e.ldpre + cj : nullptr;
    t.ldpre = e.ldpre;
    t.relu = last && relu_in_kernel(e);
    t.slope = static_cast<T>(e.params.a);
    return t;
}

template <class T>
void GemmProblem<T>::activate(index_t i0, index_t i1, index_t j0, index_t j1) const {
    const Epilogue<T>& e = *epilogue;
    if (e.act == Act::linear || relu_in_kernel(e)) return;
    if (c_transposed) {
        std::swap(i0, j0);
        std::swap(i1, j1);
    }
    const index_t width = j1 - j0;
    if (ldc == width)
        return act_forward(e.act, e.params, (i1 - i0) * width, c + i0 * ldc, c + i0 * ldc);
    for (index_t i = i0; i < i1; ++i) {
        T* row = c + i * ldc + j0;
        act_forward(e.act, e.params, width, row, row);
    }
}

// `sums`, m rows of n, into a transposed C.
template <class T>
static void finish_transposed(const GemmTask<T>& t, const T* sums) {
    for (index_t j = 0; j < t.n; ++j) {
        T* c = t.c + j * t.ldc;
        if (t.beta == T(0))
            for (index_t i = 0; i < t.m; ++i) c[i] = sums[i * t.n + j];
        else
            for (index_t i = 0; i < t.m; ++i) c[i] = sums[i * t.n + j] + t.beta * c[i];
        if (t.bias)
            for (index_t i = 0; i < t.m; ++i) c[i] += t.bias[i];
        if (t.pre) std::copy_n(c, t.m, t.pre + j * t.ldpre);
        if (t.relu)
            for (index_t i = 0; i < t.m; ++i)
                if (c[i] < T(0)) c[i] = t.slope == T(0) ? T(0) : c[i] * t.slope;
    }
}

// B comes from far away: its rows are walked to their end, a few at a time, by all rows of A,
// `rows` at a time.
template <class T>
static void skinny_far(const GemmProblem<T>& g, index_t i0, index_t i1, index_t j0, index_t j1,
                       index_t rows, index_t kc) {
    const GemmTask<T> whole = g.task(i0, i1, j0, j1, 0, g.k);
    // For one row the hardware's own fetching is the faster one, but with AVX-512.
    const bool wide = kernels<GemmKernels, T>().lanes * static_cast<index_t>(sizeof(T)) == 64;
    const bool fetches = fetches_streams() && (whole.m > 1 || wide);
    // Sums that are added to again and again lie along rows.
    Scratch<T> sums(g.c_transposed ? whole.m * whole.n : 0);
    for (index_t p = 0; p < g.k; p += kc) {
        const index_t p1 = p + kc < g.k ? p + kc : g.k;
        for (index_t i = i0; i < i1; i += rows) {
            GemmTask<T> t = g.task(i, i + rows < i1 ? i + rows : i1, j0, j1, p, p1);
            if (fetches && i + rows >= i1) {
                t.next = t.b + kc * t.ldb;
                t.next_rows = p1 + kc < g.k ? kc : g.k - p1;
                t.next_ld = t.ldb;
            }
            if (g.c_transposed) {
                t.c = sums.get() + (i - i0) * t.n;
                t.ldc = t.n;
                t.c_transposed = t.relu = false;
                t.bias = nullptr;
                t.pre = nullptr;
                t.beta = p == 0 ? T(0) : T(1);
            }
            kernels<GemmKernels, T>().skinny(t);
        }
    }
    if (g.c_transposed) finish_transposed(whole, sums.get());
}

template <class T>
void gemm_skinny(const GemmProblem<T>& g, index_t i0, index_t i1, index_t j0, index_t j1) {
    const auto& kernel = kernels<GemmKernels, T>();
    const index_t item = sizeof(T), m = i1 - i0, bytes = g.k * g.n * item;
    const index_t groups = (m + kernel.mr - 1) / kernel.mr;
    const bool fetches = fetches_streams();
    const index_t kc = far_rows(g.of_rows, fetches);
    const bool one_tile = g.of_rows <= kernel.mr, strips = !one_tile && g.of_rows <= 2 * kernel.mr;
    const index_t rows = one_tile || strips ? (m + groups - 1) / groups : kFewRows;
    if (g.k > kc && bytes > far_bytes(g.of_rows, fetches) &&
        (one_tile || g.k * kStrip * item > kStripBytes))
        skinny_far(g, i0, i1, j0, j1, rows, kc);
    else
        // What a strip has of B is near when the next rows come.
        for (index_t j = j0, je; j < j1; j = je) {
            je = strips && j + kStrip < j1 ? j + kStrip : j1;
            for (index_t i = i0, ie; i < i1; i = ie) {
                ie = i + rows < i1 ? i + rows : i1;
                kernel.skinny(g.task(i, ie, j, je, 0, g.k));
            }
        }
    g.activate(i0, i1, j0, j1);
}

// From one row of op(B) to the next in a copy of few rows: each at the beginning of a line of the
// cache, but not all of them in the way of the same rows of C.
template <class T>
static index_t stride_of_rows(index_t n) {
    constexpr index_t in_line = 64 / static_cast<index_t>(sizeof(T));
    const index_t lines = (n + in_line - 1) / in_line;
    return (lines % 16 ? lines : lines + 1) * in_line;
}

template <class T>
static void copy_rows(const GemmProblem<T>& g, T* to, index_t ld) {
    const auto& kernel = kernels<GemmKernels, T>();
    if (g.csb == 1) {
        for (index_t p = 0; p < g.k; ++p) std::copy_n(g.b + p * g.rsb, g.n, to + p * ld);
        return;
    }
    const Scratch<T> panel(g.k * kernel.nr);
    for (index_t j = 0; j < g.n; j += kernel.nr) {
        const index_t cols = std::min<index_t>(kernel.nr, g.n - j);
        kernel.pack_bt(g.k, cols, g.b + j * g.csb, g.csb, panel.get());
        for (index_t p = 0; p < g.k; ++p)
            std::copy_n(panel.get() + p * kernel.nr, cols, to + p * ld + j);
    }
}

template <class T>
void gemm_few(const GemmProblem<T>& g, index_t i0, index_t i1, index_t j0, index_t j1) {
    GemmTask<T> t = g.task(i0, i1, j0, j1, 0, g.k);
    t.ldb = stride_of_rows<T>(g.n);
    // Vectors that cross a line would cost half as much again.
    const Scratch<T> rows(g.k * t.ldb);
    copy_rows(g, rows.get(), t.ldb);
    t.b = rows.get();
    kernels<GemmKernels, T>().few(t);
    g.activate(i0, i1, j0, j1);
}

template <class T>
void gemm_dots(const GemmProblem<T>& g, index_t i0, index_t i1, index_t j0, index_t j1) {
    kernels<GemmKernels, T>().dots(g.task(i0, i1, j0, j1, 0, g.k));
    g.activate(i0, i1, j0, j1);
}

// A block of B's rows in panels, some rows of all panels at a time, so that B is read in its order.
template <class T>
static void pack_all(const GemmProblem<T>& g, index_t p, index_t k, index_t j0, index_t j1,
                     T* out) {
    const auto& kernel = kernels<GemmKernels, T>();
    constexpr index_t kRows = 16;
    for (index_t q = 0; q < k; q += kRows) {
        const index_t rows = k - q < kRows ? k - q : kRows;
        for (index_t j = j0; j < j1; j += kernel.nr)
            kernel.pack_b(rows, j1 - j < kernel.nr ? j1 - j : kernel.nr, g.b + (p + q) * g.rsb + j,
                          g.rsb, out + (j - j0) * k + q * kernel.nr);
    }
}

// Whether `k` rows of B, `stride` bytes apart, are read where they are: by few tiles, which would
// not pay for panels. Strides of powers of two leave the rows few places in L1.
static bool stays_in_place(index_t m, index_t k, index_t stride, index_t mr, const Cache& cache) {
    return m <= 16 * mr && k * stride <= cache.in_place &&
           (cache.near || stride % 1024 != 0 || k <= 16);
}

// The hardware fetches shorter rows in time, and a smaller A stays near.
constexpr index_t kFarRow = 256, kFarA = 4 * 1024 * 1024;
// So long ones, too, if a panel is all that reads them.
constexpr index_t kStreamRow = 2048;

template <class T>
void gemm_blocked(const GemmProblem<T>& g, index_t i0, index_t i1, index_t j0, index_t j1) {
    const auto& kernel = kernels<GemmKernels, T>();
    const index_t mr = kernel.mr, nr = kernel.nr, item = sizeof(T);
    const Cache cache = cache_of(kernel.lanes * item);
    const bool streams = !cache.near && small_l2() && g.rsa == 1 && g.csb == 1 &&
                         g.m * g.n * item <= kStreamC &&
                         g.of_summands * (g.m + g.n) * item >= kFarA;
    const index_t kc = even_part(g.k, (streams ? kStreamPanel : cache.panel) / (nr * item), 8);
    const index_t nc = even_part(j1 - j0, kPackedBytes / ((kc + 1) * item), nr);
    // Where all of B stays near, rows go through whole, so that A and C pass through memory once.
    const bool small_b = kc == g.k && nc == j1 - j0 && kc * nc * item <= cache.block / 4;
    const index_t most = small_b ? cache.tiles * mr : cache.block / ((kc + 1) * item);
    // Blocks of as many tiles each as can be: a last one of few rows would not be worth its panels.
    const index_t tiles = (i1 - i0 + mr - 1) / mr, tiles_of_block = most / mr > 0 ? most / mr : 1;
    const index_t blocks = (tiles + tiles_of_block - 1) / tiles_of_block;
    const RowSplit rows = split_rows(i1 - i0, mr);
    auto edge = [&](index_t block) {
        const index_t tile = tiles * block / blocks;
        return i0 + tile * rows.base + (tile < rows.extra ? tile : rows.extra);
    };
    const index_t mc = (tiles + blocks - 1) / blocks * mr;
    const bool far_a = g.m * g.n * item > kStreamC && g.of_summands * g.m * item >= kFarA / 4;
    const bool pack_a =
        (j1 - j0) >= nr * panels_for_packing_a(g.csa == 1, g.rsa * item, far_a, cache);
    // Whole rows of A, of which half are read at least, and of an A stored [K, M] and of B.
    const bool rows_ahead = g.csa == 1 && g.rsa == g.k && g.k <= 2 * kc && !pack_a &&
                            g.k * item >= kFarRow && (i1 - i0) * g.k * item >= kFarA &&
                            (j1 - j0 > nr || g.k * item <= kStreamRow);
    const bool a_ahead = g.rsa == 1 && g.csa <= 2 * (i1 - i0);
    // The next tile's rows of a far C, where its own would come too late, and the next block's;
    // tiles of 512 bits fetch theirs step by step.
    const bool far_c =
        small_b && !g.c_transposed && !cache.near && g.of_rows * g.ldc * item >= kFarA;
    const bool c_rows_ahead =
        far_c && fetches_streams() && g.csa == 1 && g.rsa < 2 * g.k && g.ldc < 2 * (j1 - j0);
    const bool b_ahead = g.csb == 1 && g.rsb <= 2 * nc;
    const bool b_in_place = g.csb == 1 && stays_in_place(i1 - i0, kc, g.rsb * item, mr, cache);
    const bool at_once = !b_in_place && g.csb == 1 && kc * nc * item <= cache.block;
    // With one block of rows a panel is used at once and its place can be taken by the next.
    const bool keeps_panels = at_once || blocks > 1;

    Scratch<T> a_block(pack_a ? mc * kc + kernel.lanes : 0);
    Scratch<T> b_panels(b_in_place ? 0 : kc * (keeps_panels ? (nc + nr - 1) / nr * nr : nr));
    for (index_t jc = j0; jc < j1; jc += nc) {
        const index_t jc1 = jc + nc < j1 ? jc + nc : j1, panels = (jc1 - jc + nr - 1) / nr;
        index_t p = 0, p1 = 0;
        do {  // once even if K = 0: C is still to be scaled
            p1 = p + kc < g.k ? p + kc : g.k;
            if (at_once) pack_all(g, p, p1 - p, jc, jc1, b_panels.get());
            for (index_t block = 0; block < blocks; ++block) {
                const index_t i = edge(block), ie = edge(block + 1);
                const bool packs_b = block == 0 && !b_in_place && !at_once;
                Ahead<T> ahead;
                if (block + 1 < blocks) {
                    const index_t next = edge(block + 2) - ie;
                    if (c_rows_ahead)
                        ahead = {panels, g.a + ie * g.rsa, next * g.rsa, g.c + ie * g.ldc + j0,
                                 next * g.ldc};
                    else if (rows_ahead)
                        ahead = {panels, g.a + ie * g.rsa, next * g.rsa};
                } else if (p1 < g.k) {
                    const index_t next = std::min(kc, g.k - p1);
                    ahead = {panels, g.a + (a_ahead ? p1 * g.csa : 0), a_ahead ? next * g.csa : 0,
                             g.b + (b_ahead ? p1 * g.rsb : 0), b_ahead ? next * g.rsb : 0};
                }
                if (pack_a)
                    kernel.pack_a(ie - i, p1 - p, g.a + i * g.rsa + p * g.csa, g.rsa, g.csa,
                                  a_block.get());
                for (index_t j = jc; j < jc1; j += nr) {
                    GemmTask<T> t = g.task(i, ie, j, j + nr < jc1 ? j + nr : jc1, p, p1);
                    if (!b_in_place) {
                        T* panel = b_panels.get() + (keeps_panels ? (j - jc) * t.k : 0);
                        if (packs_b)
                            (g.csb == 1 ? kernel.pack_b : kernel.pack_bt)(t.k, t.n, t.b, t.ldb,
                                                                          panel);
                        t.b = panel;
                        t.ldb = nr;
                    }
                    ahead.share((j - jc) / nr, t);
                    if (far_c) t.c_ahead = mr * t.ldc;
                    if (pack_a) t.a = a_block.get(), t.a_packed = true;
                    kernel.panel(t, !b_in_place);
                }
                if (p1 == g.k) g.activate(i, ie, jc, jc1);
            }
            p = p1;
        } while (p < g.k);
    }
}

template struct GemmProblem<float>;
template struct GemmProblem<double>;
#define RV_BLOCK(name, T) \
    template void name(const GemmProblem<T>&, index_t, index_t, index_t, index_t);
RV_BLOCK(gemm_skinny, float)
RV_BLOCK(gemm_skinny, double)
RV_BLOCK(gemm_few, float)
RV_BLOCK(gemm_few, double)
RV_BLOCK(gemm_dots, float)
RV_BLOCK(gemm_dots, double)
RV_BLOCK(gemm_blocked, float)
RV_BLOCK(gemm_blocked, double)
#undef RV_BLOCK

}  // namespace ranvier
