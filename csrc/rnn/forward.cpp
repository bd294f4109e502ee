// Forward: the batch in slices, each walked through time by one thread without a barrier.
#include "rnn/cells.hpp"
#include "rnn/layout.hpp"
#include "rnn/product.hpp"

namespace ranvier {

using namespace rnn;

index_t rnn_cache_size(const RnnSpec& s, index_t batch, index_t steps) {
    return Cache<float>(s, batch, steps, nullptr).size;
}

double rnn_flops(const RnnSpec& s, index_t batch, index_t steps) {
    const double rows = static_cast<double>(batch) * static_cast<double>(steps);
    const double products =
        2.0 * static_cast<double>(columns(s)) * static_cast<double>(s.features + s.units);
    return rows * (products + 40.0 * static_cast<double>(columns(s)));
}

namespace {

// What all slices share.
template <class T>
struct Weights {
    Weights(const RnnSpec& s, const RnnRun<T>& r)
        : few(r.cache == nullptr && r.batch <= 4),
          input(r.kernel, s.features, columns(s), columns(s), false,
                few && r.batch * r.steps <= 4                         ? Factor<T>::in_place
                : Factor<T>::has_few_summands(s.features, columns(s)) ? Factor<T>::few_summands
                                                                      : Factor<T>::panels),
          // of the gates that need nothing but h', and the GRU's candidate apart
          recurrent(r.recurrent, s.units, is_gru(s.cell) ? 2 * s.units : columns(s), columns(s),
                    false, layout(r)),
          candidate(is_gru(s.cell) ? r.recurrent + 2 * s.units : nullptr, s.units, s.units,
                    columns(s), false, layout(r)),
          bias_(s.use_bias && s.cell == Cell::gru_reset_after ? columns(s) : 0) {
        bias = s.use_bias ? r.bias : nullptr;
        if (!s.use_bias || s.cell != Cell::gru_reset_after) return;
        // b' of z and r may be added with b
        const index_t U = s.units;
        for (index_t u = 0; u < 3 * U; ++u)
            bias_[u] = r.bias[u] + (u < 2 * U ? r.bias[3 * U + u] : T(0));
        bias = bias_.get();
        candidate_bias = r.bias + 5 * U;
    }

    bool few;  // rows, so few that panels of the weights would not pay
    Factor<T> input, recurrent, candidate;
    const T* bias = nullptr;
    const T* candidate_bias = nullptr;

  private:
    typename Factor<T>::Layout layout(const RnnRun<T>& r) const {
        constexpr index_t kWorthCopying = 8;  // steps
        if (!few) return Factor<T>::panels;
        return r.steps < kWorthCopying ? Factor<T>::in_place : Factor<T>::aligned;
    }
    Scratch<T> bias_;
};

// Rows [b0, b1) from the first step to the last.
template <class T>
class Walk {
  public:
    Walk(const RnnSpec& s, const RnnRun<T>& r, const Weights<T>& w, const Dropouts<T>& dropouts,
         index_t b0, index_t b1)
        : s_(s),
          r_(r),
          w_(w),
          mask_(s, r),
          b0_(b0),
          n_(b1 - b0),
          chunk_(steps_at_once(s, n_, r.steps)),
          x_drop_(dropouts.x),
          h_drop_(dropouts.h ? dropouts.h + b0 * s.units : nullptr),
          x_(chunk_ * n_ * s.features),
          dropped_(h_drop_ ? n_ * s.units : 0),
          own_gates_(r.cache ? 0 : chunk_ * n_ * columns(s)),
          own_(r.cache ? 0
                       : (s.cell == Cell::lstm ? 4
                          : is_gru(s.cell)     ? 3
                                               : 2) *
                             n_ * s.units),
          cache_(r.cache ? Cache<T>(s, r.batch, r.steps, r.cache) : Cache<T>()) {}

    void run() {
        const index_t bytes = n_ * s_.units * static_cast<index_t>(sizeof(T));
        begin(h_of(0), r_.h0, bytes);
        if (s_.cell == Cell::lstm) begin(c_of(0), r_.c0, bytes);
        for (index_t t = 0; t < r_.steps; ++t) {
            if (t % chunk_ == 0) project(t, std::min(r_.steps, t + chunk_));
            step(t);
        }
        end(r_.h, h_of(r_.steps), bytes);
        if (s_.cell == Cell::lstm) end(r_.c, c_of(r_.steps), bytes);
        if (!s_.sequences && !mask_.any())
            for (index_t b = 0; b < n_; ++b) copy_out(h_of(r_.steps), b, y_at(b, 0));
    }

  private:
    // States by step: kept in the cache, or two in turn. A slice's rows lie together.
    T* h_of(index_t t) const {
        return r_.cache ? cache_.h + (t * r_.batch + b0_) * s_.units
                        : own_.get() + t % 2 * n_ * s_.units;
    }
    T* c_of(index_t t) const {
        return r_.cache ? cache_.c + (t * r_.batch + b0_) * s_.units
                        : own_.get() + (2 + t % 2) * n_ * s_.units;
    }
    T* gates_of_step(index_t t) const {
        return r_.cache ? cache_.gates + (t * r_.batch + b0_) * columns(s_)
                        : own_gates_.get() + t % chunk_ * n_ * columns(s_);
    }
    T* inner_of(index_t t) const {
        return r_.cache ? cache_.inner + (t * r_.batch + b0_) * s_.units
                        : own_.get() + 2 * n_ * s_.units;
    }
    T* y_at(index_t b, index_t t) const {
        return r_.y + (b0_ + b) * r_.y_row + (s_.sequences ? t * r_.y_step : 0);
    }
    void begin(T* state, const T* from, index_t bytes) const {
        if (from)
            std::memcpy(state, from + b0_ * s_.units, static_cast<std::size_t>(bytes));
        else
            std::memset(state, 0, static_cast<std::size_t>(bytes));
    }
    void end(T* to, const T* state, index_t bytes) const {
        if (to) std::memcpy(to + b0_ * s_.units, state, static_cast<std::size_t>(bytes));
    }
    void copy_out(const T* states, index_t b, T* to) const {
        std::memcpy(to, states + b * s_.units, static_cast<std::size_t>(s_.units) * sizeof(T));
    }

    // x W + b of steps [t0, t1).
    void project(index_t t0, index_t t1) const {
        const index_t G = columns(s_), F = s_.features;
        gather_x(s_, r_, t0, t1, b0_, b0_ + n_, x_drop_, x_.get());
        if (n_ == r_.batch || r_.cache == nullptr)  // the steps' rows lie together
            return w_.input.multiply((t1 - t0) * n_, x_.get(), F, T(0), w_.bias, gates_of_step(t0),
                                     G);
        for (index_t t = t0; t < t1; ++t)
            w_.input.multiply(n_, x_.get() + (t - t0) * n_ * F, F, T(0), w_.bias, gates_of_step(t),
                              G);
    }

    void step(index_t t) {
        const index_t U = s_.units;
        if (mask_.skips_all(b0_, b0_ + n_, t)) return skip(t);
        RnnRows<T> k{};
        k.rows = n_;
        k.units = U;
        k.gates = gates_of_step(t);
        k.h_before = h_of(t);
        k.h = h_of(t + 1);
        k.keep = r_.cache != nullptr;
        if (s_.cell == Cell::lstm) {
            k.c_before = c_of(t);
            k.c = c_of(t + 1);
            if (k.keep) k.act_c = cache_.act_c + (t * r_.batch + b0_) * U;
        }
        if (s_.sequences && !mask_.any()) {
            k.y = y_at(0, t);
            k.ldy = r_.y_row;
        }
        T* pre = cache_.pre ? cache_.pre + (t * r_.batch + b0_) * columns(s_) : nullptr;
        multiply(t, k, pre);
        step_forward(s_, k, pre);
        if (mask_.any()) skip(t);
    }

    // h' R, added to the gates; the GRU's candidate apart.
    void multiply(index_t t, RnnRows<T>& k, T* pre) const {
        const index_t U = s_.units, G = columns(s_);
        const T* h = k.h_before;
        if (h_drop_) {
            for (index_t i = 0; i < n_ * U; ++i) dropped_[i] = h[i] * h_drop_[i];
            h = dropped_.get();
        }
        w_.recurrent.multiply(n_, h, U, T(1), nullptr, k.gates, G, t);
        if (!is_gru(s_.cell)) return;
        k.inner = inner_of(t);
        if (s_.cell == Cell::gru_reset_after)
            return w_.candidate.multiply(n_, h, U, T(0), w_.candidate_bias, k.inner, U);
        gru_gates(s_, k, h_drop_, k.inner, pre);
        w_.candidate.multiply(n_, k.inner, U, T(1), nullptr, k.gates + 2 * U, G);
    }

    // Skipped rows keep their states, the output among them; writes y for all rows.
    void skip(index_t t) const {
        for (index_t b = 0; b < n_; ++b) {
            const bool skipped = mask_.skips(b0_ + b, t);
            if (skipped) {
                copy_out(h_of(t), b, h_of(t + 1) + b * s_.units);
                if (s_.cell == Cell::lstm) copy_out(c_of(t), b, c_of(t + 1) + b * s_.units);
            }
            if (!s_.sequences && t + 1 < r_.steps) continue;
            if (skipped && s_.zero_masked)
                std::memset(y_at(b, t), 0, static_cast<std::size_t>(s_.units) * sizeof(T));
            else
                copy_out(h_of(t + 1), b, y_at(b, t));
        }
    }

    const RnnSpec& s_;
    const RnnRun<T>& r_;
    const Weights<T>& w_;
    Mask<T> mask_;
    index_t b0_, n_, chunk_;
    const T *x_drop_, *h_drop_;
    Scratch<T> x_, dropped_, own_gates_, own_;
    Cache<T> cache_;
};

}  // namespace

template <class T>
void rnn_forward(const RnnSpec& s, const RnnRun<T>& r) {
    if (r.batch <= 0 || s.units <= 0) return;
    const Weights<T> weights(s, r);
    const Dropouts<T> dropouts(s, r);
    const Slices slices(s, r.batch, r.steps, 1);
    parallel_for(slices.threads, slices.count, [&](index_t i) {
        Walk<T> walk(s, r, weights, dropouts, i * slices.size,
                     std::min(r.batch, (i + 1) * slices.size));
        walk.run();
    });
}

template void rnn_forward(const RnnSpec&, const RnnRun<float>&);
template void rnn_forward(const RnnSpec&, const RnnRun<double>&);

}  // namespace ranvier
