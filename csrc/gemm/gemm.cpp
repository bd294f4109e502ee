// The matrix product: chooses the path and divides C among threads.
#include "ranvier/gemm.hpp"

#include <cmath>

#include "gemm/problem.hpp"

namespace ranvier {
namespace {

using namespace gemm_blocking;

// A grid of threads over C: the least work for the busiest, then the least reading of A and B.
struct Grid {
    index_t rows = 1, cols = 1;
};
Grid choose_grid(int threads, index_t row_units, index_t col_units, index_t mr, index_t nr) {
    Grid best;
    double best_cost = 1e300;
    for (index_t r = 1; r <= threads; ++r) {
        const index_t c = threads / r;
        const double most_rows = static_cast<double>((row_units + r - 1) / r * mr);
        const double most_cols = static_cast<double>((col_units + c - 1) / c * nr);
        const double cost = most_rows * most_cols + 4 * (most_rows + most_cols);
        if (cost < best_cost) best_cost = cost, best = {r, c};
    }
    return best;
}

template <class T>
using BlockFn = void (*)(const GemmProblem<T>&, index_t i0, index_t i1, index_t j0, index_t j1);

// Runs block() over the grid, boundaries at multiples of mr and nr.
template <class T>
void over_blocks(const GemmProblem<T>& g, index_t mr, index_t nr, BlockFn<T> block) {
    const double bytes = static_cast<double>(sizeof(T)) *
                         (static_cast<double>(g.m) * g.k + static_cast<double>(g.k) * g.n);
    const double flops =
        2.0 * static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
    const int threads = threads_for(flops > 4 * bytes ? flops : 4 * bytes);
    if (threads <= 1) return block(g, 0, g.m, 0, g.n);
    const index_t row_units = (g.m + mr - 1) / mr, col_units = (g.n + nr - 1) / nr;
    const Grid grid = choose_grid(threads, row_units, col_units, mr, nr);
    auto edge = [](index_t units, index_t unit, index_t parts, index_t part, index_t limit) {
        const index_t at = units * part / parts * unit;
        return at < limit ? at : limit;
    };
    parallel_for(threads, grid.rows * grid.cols, [&](index_t task) {
        const index_t r = task / grid.cols, c = task % grid.cols;
        const index_t i0 = edge(row_units, mr, grid.rows, r, g.m);
        const index_t i1 = edge(row_units, mr, grid.rows, r + 1, g.m);
        const index_t j0 = edge(col_units, nr, grid.cols, c, g.n);
        const index_t j1 = edge(col_units, nr, grid.cols, c + 1, g.n);
        if (i0 < i1 && j0 < j1) block(g, i0, i1, j0, j1);
    });
}

// Rows of op(A) and columns of op(B) both contiguous: are dot products worth it? Their sums over
// lanes cost by the output; the other ways have to rearrange B, which few rows do not pay for, and
// leave lanes idle if there are few columns.
template <class T>
bool by_dots(index_t m, index_t n, index_t k, index_t lanes) {
    if (n <= kDotColumns) return true;
    return few_rows_by_dots(m, k, lanes, sizeof(T)) || (n < lanes && k >= 4 * lanes);
}

// The same for a B whose columns must first be copied.
bool by_dots_of_copy(index_t m, index_t n, index_t k, index_t lanes) {
    if (n <= kDotColumns) return m >= 6 && k >= lanes;
    return n <= lanes / 2 && m >= 2 * lanes && k >= 4 * lanes;
}

// Columns n0..n1 of the product.
template <class T>
GemmProblem<T> columns(const GemmProblem<T>& g, Epilogue<T>& epilogue, index_t n0, index_t n1) {
    GemmProblem<T> part = g;
    epilogue = *g.epilogue;
    part.n = n1 - n0;
    part.b += n0 * g.csb;
    part.c += n0;
    if (epilogue.bias) epilogue.bias += n0;
    if (epilogue.pre) epilogue.pre += n0;
    part.epilogue = &epilogue;
    return part;
}

// The same with the columns of B contiguous, at `to`.
template <class T>
GemmProblem<T> turned(const GemmProblem<T>& g, T* to) {
    GemmProblem<T> t = g;
    t.b = to;
    t.rsb = 1;
    t.csb = g.k;
    for (index_t j = 0; j < g.n; ++j)
        for (index_t p = 0; p < g.k; ++p) to[j * g.k + p] = g.b[p * g.rsb + j * g.csb];
    return t;
}

template <class T>
void run(const GemmProblem<T>& g) {
    const auto& kernel = kernels<GemmKernels, T>();
    const index_t lanes = kernel.lanes, rest = g.n % lanes, m = g.of_rows;
    if (g.has_few_summands())  // whole rows: few() has no use for less than a vector
        return over_blocks(g, kernel.mr, g.n, &gemm_few<T>);
    // Few columns beyond whole vectors would keep a vector of their own mostly idle.
    if (rest > 0 && rest <= kDotColumns && g.n > lanes && g.n < kFewVectors * lanes &&
        m >= kManyRows && g.k >= lanes) {
        Epilogue<T> epilogue;
        run(columns(g, epilogue, 0, g.n - rest));
        return run(columns(g, epilogue, g.n - rest, g.n));
    }
    if (g.csa == 1 && g.csb != 1 && by_dots<T>(m, g.n, g.k, lanes))
        return over_blocks(g, 4, kernel.nr, &gemm_dots<T>);
    // Few columns of a plain product: B is transposed once, the rows of A are long.
    if (g.csa == 1 && by_dots_of_copy(m, g.n, g.k, lanes)) {
        const Scratch<T> copy(g.n * g.k);
        const GemmProblem<T> d = turned(g, copy.get());
        return over_blocks(d, 4, kernel.nr, &gemm_dots<T>);
    }
    const index_t item = sizeof(T);
    const bool few_rows =
        m <= kernel.mr || (m <= 2 * kernel.mr && g.k * g.n * item > cache_of(lanes * item).block);
    if (g.csb == 1 && (few_rows || (g.k <= kFewSummands && g.n >= 4 * lanes)))
        return over_blocks(g, kernel.mr, 8 * lanes, &gemm_skinny<T>);
    // Few columns of a product whose A is stored [K, M]: C^T = B^T A has few rows.
    if (g.rsa == 1 && g.n < lanes && g.n * ((g.m + lanes - 1) / lanes) < g.m) {
        const GemmProblem<T> s = g.swapped();
        if (g.n <= kernel.mr) return over_blocks(s, kernel.mr, 8 * lanes, &gemm_skinny<T>);
        return over_blocks(s, kernel.mr, kernel.nr, &gemm_blocked<T>);
    }
    over_blocks(g, kernel.mr, kernel.nr, &gemm_blocked<T>);
}

}  // namespace

template <class T>
void gemm(Trans ta, Trans tb, index_t m, index_t n, index_t k, T alpha, const T* a, index_t lda,
          const T* b, index_t ldb, T beta, T* c, index_t ldc, const Epilogue<T>& epilogue,
          index_t of_rows, index_t of_summands) {
    if (m <= 0 || n <= 0) return;
    GemmProblem<T> g;
    g.m = m;
    g.of_rows = of_rows > m ? of_rows : m;
    g.of_summands = of_summands > k ? of_summands : k;
    g.n = n;
    g.c = c;
    g.ldc = ldc;
    g.beta = beta;
    g.epilogue = &epilogue;
    if (k <= 0 || alpha == T(0)) {
        // Nothing to sum: A and B may be anything, and are not read.
        g.k = 0;
        g.alpha = T(1);
        g.a = g.b = c;
        g.rsa = g.rsb = 0;
        g.csa = g.csb = 1;
    } else {
        g.k = k;
        g.alpha = alpha;
        g.a = a;
        g.b = b;
        g.rsa = ta == Trans::no ? lda : 1;
        g.csa = ta == Trans::no ? 1 : lda;
        g.rsb = tb == Trans::no ? ldb : 1;
        g.csb = tb == Trans::no ? 1 : ldb;
    }
    run(g);
}

template void gemm<float>(Trans, Trans, index_t, index_t, index_t, float, const float*, index_t,
                          const float*, index_t, float, float*, index_t, const Epilogue<float>&,
                          index_t, index_t);
template void gemm<double>(Trans, Trans, index_t, index_t, index_t, double, const double*, index_t,
                           const double*, index_t, double, double*, index_t,
                           const Epilogue<double>&, index_t, index_t);

}  // namespace ranvier
