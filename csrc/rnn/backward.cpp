// Backward through time: the slices walk back, then the gradients of the weights are products over
// all steps and rows.
#include "ranvier/gemm.hpp"
#include "rnn/cells.hpp"
#include "rnn/layout.hpp"
#include "rnn/product.hpp"

namespace ranvier {

using namespace rnn;

namespace {

template <class T>
struct Transposed {
    Transposed(const RnnSpec& s, const RnnRun<T>& r, bool want_dx)
        : input(want_dx ? r.kernel : nullptr, columns(s), s.features, columns(s), true,
                Factor<T>::panels),
          recurrent(r.recurrent, is_gru(s.cell) ? 2 * s.units : columns(s), s.units, columns(s),
                    true, Factor<T>::panels),
          candidate(is_gru(s.cell) ? r.recurrent + 2 * s.units : nullptr, s.units, s.units,
                    columns(s), true, Factor<T>::panels) {}
    Factor<T> input, recurrent, candidate;
};

template <class T>
class WalkBack {
  public:
    WalkBack(const RnnSpec& s, const RnnRun<T>& r, const RnnGradients<T>& g, const Transposed<T>& w,
             const Dropouts<T>& dropouts, index_t b0, index_t b1)
        : s_(s),
          r_(r),
          g_(g),
          w_(w),
          mask_(s, r),
          b0_(b0),
          n_(b1 - b0),
          chunk_(steps_at_once(s, n_, r.steps)),
          x_drop_(dropouts.x),
          h_drop_(dropouts.h ? dropouts.h + b0 * s.units : nullptr),
          dx_(g.dx ? chunk_ * n_ * s.features : 0),
          dh_(n_ * s.units),
          dc_(s.cell == Cell::simple ? 0 : n_ * s.units),
          extra_(s.cell == Cell::gru || h_drop_ ? n_ * s.units : 0),
          kept_(mask_.any() ? 2 * n_ * s.units : 0),
          cache_(s, r.batch, r.steps, r.cache) {}

    void run() {
        begin(dh_.get(), g_.dh);
        if (s_.cell == Cell::lstm) begin(dc_.get(), g_.dc);
        index_t end = r_.steps;
        for (index_t t = r_.steps - 1; t >= 0; --t) {
            step(t);
            if (g_.dx && (t == 0 || end - t == chunk_)) {
                input_gradient(t, end);
                end = t;
            }
        }
        finish(g_.dh0, dh_.get());
        if (s_.cell == Cell::lstm) finish(g_.dc0, dc_.get());
    }

  private:
    void begin(T* d, const T* from) const {
        const auto bytes = static_cast<std::size_t>(n_ * s_.units) * sizeof(T);
        if (from)
            std::memcpy(d, from + b0_ * s_.units, bytes);
        else
            std::memset(d, 0, bytes);
    }
    void finish(T* to, const T* d) const {
        if (to)
            std::memcpy(to + b0_ * s_.units, d,
                        static_cast<std::size_t>(n_ * s_.units) * sizeof(T));
    }
    T* at(T* all, index_t t, index_t width) const {
        return all ? all + (t * r_.batch + b0_) * width : nullptr;
    }

    void step(index_t t) {
        const index_t U = s_.units;
        RnnRows<T> k{};
        k.rows = n_;
        k.units = U;
        k.gates = at(cache_.gates, t, columns(s_));
        k.inner = at(cache_.inner, t, U);
        k.h_before = at(cache_.h, t, U);
        k.h = at(cache_.h, t + 1, U);
        k.c_before = at(cache_.c, t, U);
        k.c = s_.cell == Cell::gru ? dc_.get() : at(cache_.c, t + 1, U);
        k.act_c = at(cache_.act_c, t, U);
        k.dh = dh_.get();
        k.dc = dc_.get();
        k.ldy = r_.y_row;
        if (s_.sequences || t == r_.steps - 1)
            k.dy = g_.dy + b0_ * r_.y_row + (s_.sequences ? t * r_.y_step : 0);
        T* pre = at(cache_.pre, t, columns(s_));
        if (mask_.any()) keep_skipped(t, k);
        if (!mask_.skips_all(b0_, b0_ + n_, t)) {
            step_backward(s_, k, pre);
            if (mask_.any()) clear_skipped(t, k, pre);
            multiply(k, pre);
        } else {
            clear_skipped(t, k, pre);
        }
        if (mask_.any()) restore_skipped(t);
    }

    // dh of the step before.
    void multiply(RnnRows<T>& k, const T* pre) const {
        const index_t U = s_.units, G = columns(s_);
        const bool gru = is_gru(s_.cell);
        T* dh = dh_.get();
        if (s_.cell == Cell::gru) {
            w_.candidate.multiply(n_, k.gates + 2 * U, G, T(0), nullptr, extra_.get(), U);
            gru_gates_backward(s_, k, h_drop_, extra_.get(), pre);
        }
        T* to = h_drop_ ? extra_.get() : dh;
        w_.recurrent.multiply(n_, k.gates, G, T(gru && !h_drop_), nullptr, to, U);
        if (s_.cell == Cell::gru_reset_after)
            w_.candidate.multiply(n_, k.inner, U, T(1), nullptr, to, U);
        if (h_drop_)
            for (index_t i = 0; i < n_ * U; ++i) dh[i] = (gru ? dh[i] : T(0)) + to[i] * h_drop_[i];
    }

    // What passes a skipped step by: the gradients of its states, the output among them.
    void keep_skipped(index_t t, const RnnRows<T>& k) const {
        const index_t U = s_.units;
        for (index_t b = 0; b < n_; ++b) {
            if (!mask_.skips(b0_ + b, t)) continue;
            T *dh = kept_.get() + b * U, *dc = dh + n_ * U;
            const bool repeats = k.dy && !s_.zero_masked;
            for (index_t u = 0; u < U; ++u) {
                dh[u] = dh_[b * U + u] + (repeats ? k.dy[b * k.ldy + u] : T(0));
                if (s_.cell == Cell::lstm) dc[u] = dc_[b * U + u];
            }
        }
    }
    // `pre`, too: forward never wrote it where all rows of its slice were skipped.
    void clear_skipped(index_t t, const RnnRows<T>& k, T* pre) const {
        for (index_t b = 0; b < n_; ++b) {
            if (!mask_.skips(b0_ + b, t)) continue;
            if (pre) std::fill_n(pre + b * columns(s_), columns(s_), T(0));
            std::fill_n(k.gates + b * columns(s_), columns(s_), T(0));
            if (k.inner) std::fill_n(k.inner + b * s_.units, s_.units, T(0));
            if (s_.cell == Cell::gru) std::fill_n(k.c + b * s_.units, s_.units, T(0));
        }
    }
    void restore_skipped(index_t t) const {
        const index_t U = s_.units;
        for (index_t b = 0; b < n_; ++b) {
            if (!mask_.skips(b0_ + b, t)) continue;
            std::copy_n(kept_.get() + b * U, U, dh_.get() + b * U);
            if (s_.cell == Cell::lstm)
                std::copy_n(kept_.get() + (n_ + b) * U, U, dc_.get() + b * U);
        }
    }

    void input_gradient(index_t t0, index_t t1) const {
        const index_t G = columns(s_), F = s_.features;
        for (index_t t = t0; t < t1; ++t)
            w_.input.multiply(n_, at(cache_.gates, t, G), G, T(0), nullptr,
                              dx_.get() + (t - t0) * n_ * F, F);
        scatter_dx(s_, r_, t0, t1, b0_, b0_ + n_, x_drop_, dx_.get(), g_.dx);
    }

    const RnnSpec& s_;
    const RnnRun<T>& r_;
    const RnnGradients<T>& g_;
    const Transposed<T>& w_;
    Mask<T> mask_;
    index_t b0_, n_, chunk_;
    const T *x_drop_, *h_drop_;
    Scratch<T> dx_, dh_, dc_, extra_, kept_;
    Cache<T> cache_;
};

// out [k, n] = the sum over all steps and rows of left' right, left from `rows` in chunks.
template <class T, class F>
void sum_products(const RnnRun<T>& r, index_t k, index_t n, const T* right, index_t ld, T* out,
                  index_t ldo, F&& left) {
    const index_t most = std::max<index_t>(1, 2048 / std::max<index_t>(1, r.batch));
    for (index_t t = 0; t < r.steps; t += most) {
        const index_t end = std::min(r.steps, t + most);
        gemm<T>(Trans::yes, Trans::no, k, n, (end - t) * r.batch, T(1), left(t, end), k,
                right + t * r.batch * ld, ld, T(t > 0), out, ldo);
    }
}

template <class T>
void kernel_gradient(const RnnSpec& s, const RnnRun<T>& r, const Cache<T>& cache,
                     const Dropouts<T>& dropouts, T* out) {
    const index_t most = std::max<index_t>(1, 2048 / std::max<index_t>(1, r.batch));
    const Scratch<T> x(std::min(most, r.steps) * r.batch * s.features);
    sum_products(r, s.features, columns(s), cache.gates, columns(s), out, columns(s),
                 [&](index_t t, index_t end) {
                     gather_x(s, r, t, end, 0, r.batch, dropouts.x, x.get());
                     return x.get();
                 });
}

// h' (with its dropout) of all steps times `right`.
template <class T>
void state_product(const RnnSpec& s, const RnnRun<T>& r, const Cache<T>& cache, const T* dropout,
                   index_t n, const T* right, index_t ld, T* out) {
    const index_t U = s.units, rows = r.steps * r.batch;
    if (dropout == nullptr)
        return gemm<T>(Trans::yes, Trans::no, U, n, rows, T(1), cache.h, U, right, ld, T(0), out,
                       columns(s));
    const index_t most = std::max<index_t>(1, 2048 / std::max<index_t>(1, r.batch));
    const index_t block = r.batch * U;
    const Scratch<T> dropped(std::min(most, r.steps) * block);
    sum_products(r, U, n, right, ld, out, columns(s), [&](index_t t, index_t end) {
        for (index_t i = 0; i < (end - t) * block; ++i)
            dropped[i] = cache.h[t * block + i] * dropout[i % block];
        return dropped.get();
    });
}

template <class T>
void recurrent_gradient(const RnnSpec& s, const RnnRun<T>& r, const Cache<T>& cache,
                        const T* dropout, T* out) {
    const index_t U = s.units, G = columns(s), rows = r.steps * r.batch;
    if (!is_gru(s.cell)) return state_product(s, r, cache, dropout, G, cache.gates, G, out);
    state_product(s, r, cache, dropout, 2 * U, cache.gates, G, out);
    if (s.cell == Cell::gru_reset_after)
        return state_product(s, r, cache, dropout, U, cache.inner, U, out + 2 * U);
    gemm<T>(Trans::yes, Trans::no, U, U, rows, T(1), cache.inner, U, cache.gates + 2 * U, G, T(0),
            out + 2 * U, G);
}

template <class T>
void bias_gradient(const RnnSpec& s, const RnnRun<T>& r, const Cache<T>& cache, T* out) {
    const index_t U = s.units, G = columns(s), rows = r.steps * r.batch;
    column_sums(rows, G, cache.gates, out);
    if (s.cell != Cell::gru_reset_after) return;
    std::copy_n(out, 2 * U, out + G);
    column_sums(rows, U, cache.inner, out + G + 2 * U);
}

}  // namespace

template <class T>
void rnn_backward(const RnnSpec& s, const RnnRun<T>& r, const RnnGradients<T>& g) {
    const Dropouts<T> dropouts(s, r);
    {
        const Transposed<T> weights(s, r, g.dx != nullptr);
        const Slices slices(s, r.batch, r.steps, 1);
        parallel_for(slices.threads, slices.count, [&](index_t i) {
            WalkBack<T> walk(s, r, g, weights, dropouts, i * slices.size,
                             std::min(r.batch, (i + 1) * slices.size));
            walk.run();
        });
    }
    const Cache<T> cache(s, r.batch, r.steps, r.cache);
    const index_t bytes_kernel = s.features * columns(s), bytes_recurrent = s.units * columns(s);
    if (r.steps == 0 || r.batch == 0) {
        if (g.dkernel) std::fill_n(g.dkernel, bytes_kernel, T(0));
        if (g.drecurrent) std::fill_n(g.drecurrent, bytes_recurrent, T(0));
        if (g.dbias)
            std::fill_n(g.dbias, columns(s) * (s.cell == Cell::gru_reset_after ? 2 : 1), T(0));
        return;
    }
    if (g.dkernel) kernel_gradient(s, r, cache, dropouts, g.dkernel);
    if (g.drecurrent) recurrent_gradient(s, r, cache, dropouts.h, g.drecurrent);
    if (g.dbias) bias_gradient(s, r, cache, g.dbias);
}

template void rnn_backward(const RnnSpec&, const RnnRun<float>&, const RnnGradients<float>&);
template void rnn_backward(const RnnSpec&, const RnnRun<double>&, const RnnGradients<double>&);

}  // namespace ranvier
