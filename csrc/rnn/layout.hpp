// What forward leaves for backward, and how rows come from x and go back to it.
#pragma once

#include <algorithm>
#include <cstring>

#include "ranvier/activation.hpp"
#include "ranvier/rnn.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier::rnn {

inline bool is_gru(Cell cell) { return cell == Cell::gru || cell == Cell::gru_reset_after; }
inline index_t columns(const RnnSpec& s) { return gates_of(s.cell) * s.units; }

// Whether the kernels of csrc/kernels/rnn.cpp compute the step: cells.cpp has all others.
inline bool is_fused(const RnnSpec& s) {
    return (s.cell == Cell::lstm || s.cell == Cell::gru_reset_after) && s.act == Act::tanh &&
           s.gate_act == Act::sigmoid;
}
// Whether backward reads what was before the activations.
inline bool keeps_pre(const RnnSpec& s) {
    const bool of_act = act_backward_reads_input(s.act, s.act_params);
    return s.cell != Cell::simple &&
           (of_act || act_backward_reads_input(s.gate_act, s.gate_params));
}

// All [T, B, ...], time-major: the rows of a step lie together, and (T x B) rows are one matrix for
// the gradients of the weights.
template <class T>
struct Cache {
    T *h = nullptr, *c = nullptr;  // [T + 1, B, U], the states before the first step first
    T* act_c = nullptr;            // [T, B, U]
    T* gates = nullptr;            // [T, B, G U]; simple: before the activation
    T* inner = nullptr;            // [T, B, U], GRU: h' R + b' or r h' (reset_after or not)
    T* pre = nullptr;              // [T, B, G U]

    Cache() = default;
    Cache(const RnnSpec& s, index_t batch, index_t steps, T* base) {
        const index_t rows = steps * batch, U = s.units;
        auto take = [&](bool wanted, index_t n) -> T* {
            if (!wanted) return nullptr;
            T* here = base + size;
            size += (n + 15) / 16 * 16;
            return here;
        };
        h = take(true, rows * U + batch * U);
        c = take(s.cell == Cell::lstm, rows * U + batch * U);
        act_c = take(s.cell == Cell::lstm, rows * U);
        gates = take(true, rows * columns(s));
        inner = take(is_gru(s.cell), rows * U);
        pre = take(keeps_pre(s), rows * columns(s));
    }
    index_t size = 0;
};

// The dropout patterns, [B, F] and [B, U]; null where there is no dropout.
template <class T>
class Dropouts {
  public:
    Dropouts(const RnnSpec& s, const RnnRun<T>& r)
        : x_(r.training && s.dropout > 0 ? r.batch * s.features : 0),
          h_(r.training && s.recurrent_dropout > 0 ? r.batch * s.units : 0) {
        if (r.training && s.dropout > 0) {
            x = x_.get();
            dropout_mask(r.key, s.dropout, r.batch * s.features, x);
        }
        if (r.training && s.recurrent_dropout > 0) {
            h = h_.get();
            const RandomKey other{r.key.seed ^ 0x9e3779b97f4a7c15u, r.key.stream};
            dropout_mask(other, s.recurrent_dropout, r.batch * s.units, h);
        }
    }
    T *x = nullptr, *h = nullptr;

  private:
    Scratch<T> x_, h_;
};

template <class T>
index_t x_offset(const RnnSpec& s, const RnnRun<T>& r, index_t b, index_t t) {
    return b * r.x_row + (s.backwards ? r.steps - 1 - t : t) * r.x_step;
}

// Steps [t0, t1) of rows [b0, b1) as [t, b, F].
template <class T>
void gather_x(const RnnSpec& s, const RnnRun<T>& r, index_t t0, index_t t1, index_t b0, index_t b1,
              const T* dropout, T* out) {
    const index_t F = s.features;
    for (index_t t = t0; t < t1; ++t)
        for (index_t b = b0; b < b1; ++b, out += F) {
            const T* x = r.x + x_offset(s, r, b, t);
            if (dropout)
                for (index_t f = 0; f < F; ++f) out[f] = x[f] * dropout[b * F + f];
            else if (F == 1)
                *out = *x;
            else
                std::memcpy(out, x, static_cast<std::size_t>(F) * sizeof(T));
        }
}
template <class T>
void scatter_dx(const RnnSpec& s, const RnnRun<T>& r, index_t t0, index_t t1, index_t b0,
                index_t b1, const T* dropout, const T* in, T* dx) {
    const index_t F = s.features;
    for (index_t t = t0; t < t1; ++t)
        for (index_t b = b0; b < b1; ++b, in += F) {
            T* to = dx + x_offset(s, r, b, t);
            if (dropout)
                for (index_t f = 0; f < F; ++f) to[f] = in[f] * dropout[b * F + f];
            else
                std::memcpy(to, in, static_cast<std::size_t>(F) * sizeof(T));
        }
}

// Which steps of which rows are skipped.
template <class T>
class Mask {
  public:
    Mask(const RnnSpec& s, const RnnRun<T>& r)
        : mask_(r.mask), steps_(r.steps), reversed_(s.mask_backwards) {}
    bool any() const { return mask_ != nullptr; }
    bool skips(index_t b, index_t t) const {
        return mask_ && mask_[b * steps_ + (reversed_ ? steps_ - 1 - t : t)] == T(0);
    }
    bool skips_all(index_t b0, index_t b1, index_t t) const {
        if (mask_ == nullptr) return false;
        for (index_t b = b0; b < b1; ++b)
            if (!skips(b, t)) return false;
        return true;
    }

  private:
    const T* mask_;
    index_t steps_;
    bool reversed_;
};

// Steps at a time whose gates are computed from x together, while they are in the cache.
inline index_t steps_at_once(const RnnSpec& s, index_t rows, index_t steps) {
    constexpr index_t kElements = 64 * 1024;
    const index_t step = std::max<index_t>(1, rows * std::max(columns(s), s.features));
    return std::clamp<index_t>(kElements / step, 1, std::max<index_t>(1, steps));
}

// A part of the batch that one thread walks through time.
struct Slices {
    Slices(const RnnSpec& s, index_t batch, index_t steps, double passes) {
        threads = threads_for(passes * rnn_flops(s, batch, steps));
        count = std::min<index_t>(threads, batch);
        size = count > 0 ? (batch + count - 1) / count : 0;
        count = size > 0 ? (batch + size - 1) / size : 0;
    }
    int threads;
    index_t count, size;
};

}  // namespace ranvier::rnn
