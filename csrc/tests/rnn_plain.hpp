// What test_rnn.cpp expects: recurrence written down step by step, in double, one row at a time.
#pragma once

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.hpp"
#include "ranvier/rnn.hpp"

namespace ranvier::test {

using W = double;

enum class MaskOf { none, start, middle, end, rows, random, all };

struct Options {
    Options(Cell cell, index_t b, index_t t, index_t f, index_t u)
        : batch(b), steps(t), features(f), units(u) {
        spec.cell = cell;
        spec.features = f;
        spec.units = u;
    }
    RnnSpec spec;
    index_t batch, steps, features, units;
    bool states = true, training = true;
    MaskOf mask = MaskOf::none;
    double scale = 1;
    std::string text() const {
        const index_t numbers[] = {index_t(spec.cell),
                                   batch,
                                   steps,
                                   features,
                                   units,
                                   spec.use_bias,
                                   spec.sequences,
                                   spec.backwards,
                                   spec.mask_backwards,
                                   spec.zero_masked,
                                   states,
                                   index_t(mask),
                                   index_t(spec.act),
                                   index_t(spec.gate_act),
                                   spec.dropout > 0,
                                   spec.recurrent_dropout > 0};
        std::string all =
            "cell, B, T, F, U, bias, sequences, backwards, mask backwards, zero masked, "
            "states, mask, act, gate act, dropouts =";
        for (index_t n : numbers) all += ' ' + std::to_string(n);
        return all;
    }
};

inline W apply(Act act, W x) {
    const W s = 1 / (1 + std::exp(-x));
    switch (act) {
        case Act::linear:
            return x;
        case Act::tanh:
            return std::tanh(x);
        case Act::sigmoid:
            return s;
        case Act::softsign:
            return x / (1 + std::fabs(x));
        case Act::silu:
            return x * s;
        default:
            throw std::logic_error("not in the tests");
    }
}
inline W slope(Act act, W x) {
    const W s = 1 / (1 + std::exp(-x)), q = 1 + std::fabs(x);
    switch (act) {
        case Act::linear:
            return 1;
        case Act::tanh:
            return 1 - std::tanh(x) * std::tanh(x);
        case Act::sigmoid:
            return s * (1 - s);
        case Act::softsign:
            return 1 / (q * q);
        case Act::silu:
            return s * (1 + x * (1 - s));
        default:
            throw std::logic_error("not in the tests");
    }
}

// Random arrays for a call, in the order batch, step, feature.
template <class T>
struct Problem {
    explicit Problem(const Options& options) : o(options) {
        const index_t B = o.batch, S = o.steps, F = o.features, U = o.units;
        const index_t G = gates_of(o.spec.cell) * U;
        const T k = T(o.scale / std::sqrt(double(F))), q = T(o.scale / std::sqrt(double(U)));
        x = values(B * S * F, 1, T(1));
        kernel = values(F * G, 2, k);
        recurrent = values(U * G, 3, q);
        bias = values(biases(), 4, T(o.scale));
        h0 = values(B * U, 5, T(1)), c0 = values(B * U, 6, T(1));
        dy = values(B * (o.spec.sequences ? S : 1) * U, 7, T(1));
        dh = values(B * U, 8, T(1)), dc = values(B * U, 9, T(1));
        key = {1234567, 42};
        x_drop.assign(static_cast<std::size_t>(B * F), T(1));
        h_drop.assign(static_cast<std::size_t>(B * U), T(1));
        if (o.training && o.spec.dropout > 0)
            dropout_mask(key, o.spec.dropout, B * F, x_drop.data());
        const RandomKey other{key.seed ^ 0x9e3779b97f4a7c15u, key.stream};
        if (o.training && o.spec.recurrent_dropout > 0)
            dropout_mask(other, o.spec.recurrent_dropout, B * U, h_drop.data());
        const auto draw = values(B * S, 10, T(1));
        for (index_t b = 0; b < B; ++b)
            for (index_t t = 0; t < S; ++t)
                mask.push_back(skips(b, t, draw[at(b * S + t)]) ? T(0) : T(1));
    }
    index_t biases() const {
        return gates_of(o.spec.cell) * o.units * (o.spec.cell == Cell::gru_reset_after ? 2 : 1);
    }
    // All but what the caller places.
    void give(RnnRun<T>& r) const {
        r.kernel = kernel.data(), r.recurrent = recurrent.data();
        r.bias = o.spec.use_bias ? bias.data() : nullptr;
        if (o.states) r.h0 = h0.data(), r.c0 = o.spec.cell == Cell::lstm ? c0.data() : nullptr;
        if (o.mask != MaskOf::none) r.mask = mask.data();
        r.key = key, r.training = o.training;
    }
    static std::size_t at(index_t i) { return static_cast<std::size_t>(i); }
    const Options o;
    std::vector<T> x, kernel, recurrent, bias, h0, c0, dy, dh, dc, mask, x_drop, h_drop;
    RandomKey key;

  private:
    static std::vector<T> values(index_t n, unsigned seed, T greatest) {
        return random_values<T>(at(n), seed, -greatest, greatest);
    }
    bool skips(index_t b, index_t t, T draw) const {
        const index_t S = o.steps;
        switch (o.mask) {
            case MaskOf::none:
                return false;
            case MaskOf::start:
                return t < (b + 2) % S;
            case MaskOf::middle:
                return t >= S / 3 && t < S - S / 3;
            case MaskOf::end:
                return t >= S - (b + 2) % S;
            case MaskOf::rows:
                return b % 2 == 1 || b > o.batch / 2;
            case MaskOf::random:
                return draw > T(0.3);
            case MaskOf::all:
                return true;
        }
        return false;
    }
};

template <class T>
class Plain {
  public:
    explicit Plain(const Problem<T>& p)
        : p_(p),
          s_(p.o.spec),
          B(p.o.batch),
          S(p.o.steps),
          F(p.o.features),
          U(p.o.units),
          G(gates_of(p.o.spec.cell) * p.o.units),
          gru_(s_.cell == Cell::gru || s_.cell == Cell::gru_reset_after) {
        y.resize(p.dy.size()), dx.resize(p.x.size()), dkernel.resize(p.kernel.size());
        drecurrent.resize(p.recurrent.size()), dbias.resize(p.bias.size());
        h.resize(p.h0.size()), c = dh0 = dc0 = h;
        for (index_t b = 0; b < B; ++b) {
            forward(b);
            backward(b);
        }
    }
    std::vector<W> y, h, c, dx, dkernel, drecurrent, dbias, dh0, dc0;

  private:
    static std::size_t at(index_t i) { return static_cast<std::size_t>(i); }
    // A step of the row: before and behind the activations, h' R + b' of the candidate (reset
    // after), and the states before.
    struct Step {
        std::vector<W> x, pre, gate, inner, h, c, c_after;
    };
    bool skipped(index_t b, index_t t) const {
        const index_t m = s_.mask_backwards ? S - 1 - t : t;
        return p_.o.mask != MaskOf::none && p_.mask[at(b * S + m)] == T(0);
    }
    index_t place_x(index_t b, index_t t) const {
        return (b * S + (s_.backwards ? S - 1 - t : t)) * F;
    }
    index_t place_y(index_t b, index_t t) const { return (s_.sequences ? b * S + t : b) * U; }
    W kernel(index_t f, index_t g) const { return W(p_.kernel[at(f * G + g)]); }
    W recurrent(index_t u, index_t g) const { return W(p_.recurrent[at(u * G + g)]); }
    W drop(index_t b, index_t u) const { return W(p_.h_drop[at(b * U + u)]); }
    Act act_of(index_t g) const {  // of column g
        const bool candidate = s_.cell == Cell::lstm ? g / U == 2 : !gru_ || g / U == 2;
        return candidate ? s_.act : s_.gate_act;
    }
    bool after() const { return s_.cell == Cell::gru_reset_after; }

    void forward(index_t b) {
        std::vector<W> hs(at(U)), cs(at(U));
        for (index_t u = 0; u < U && p_.o.states; ++u)
            hs[at(u)] = W(p_.h0[at(b * U + u)]), cs[at(u)] = W(p_.c0[at(b * U + u)]);
        steps_.clear();
        for (index_t t = 0; t < S; ++t) {
            Step k = products(b, t, hs);
            k.c = cs;
            const bool skip = skipped(b, t);
            if (!skip)
                for (index_t u = 0; u < U; ++u) new_state(k, u, hs[at(u)], cs[at(u)]);
            k.c_after = cs;
            if (s_.sequences || t + 1 == S)
                for (index_t u = 0; u < U; ++u)
                    y[at(place_y(b, t) + u)] = skip && s_.zero_masked ? 0 : hs[at(u)];
            steps_.push_back(std::move(k));
        }
        for (index_t u = 0; u < U; ++u) h[at(b * U + u)] = hs[at(u)], c[at(b * U + u)] = cs[at(u)];
    }

    Step products(index_t b, index_t t, const std::vector<W>& before) const {
        Step k{{}, std::vector<W>(at(G)), std::vector<W>(at(G)), std::vector<W>(at(U)), before, {},
               {}};
        for (index_t f = 0; f < F; ++f)
            k.x.push_back(W(p_.x[at(place_x(b, t) + f)]) * W(p_.x_drop[at(b * F + f)]));
        for (index_t g = 0; g < G; ++g) {
            W sum = s_.use_bias ? W(p_.bias[at(g)]) : 0, inner = 0;
            for (index_t f = 0; f < F; ++f) sum += k.x[at(f)] * kernel(f, g);
            if (after() && s_.use_bias) inner = W(p_.bias[at(G + g)]);
            const bool candidate = gru_ && g >= 2 * U;
            for (index_t u = 0; u < U; ++u) {
                const W r = candidate && !after() ? k.gate[at(U + u)] : 1;
                inner += r * before[at(u)] * drop(b, u) * recurrent(u, g);
            }
            if (candidate) k.inner[at(g - 2 * U)] = inner;
            k.pre[at(g)] = sum + (candidate && after() ? k.gate[at(g - U)] : 1) * inner;
            k.gate[at(g)] = apply(act_of(g), k.pre[at(g)]);
        }
        return k;
    }
    void new_state(const Step& k, index_t u, W& hu, W& cu) const {
        const W first = k.gate[at(u)];
        if (s_.cell == Cell::simple) {
            hu = first;
        } else if (gru_) {
            hu = first * hu + (1 - first) * k.gate[at(2 * U + u)];
        } else {
            cu = k.gate[at(U + u)] * cu + first * k.gate[at(2 * U + u)];
            hu = k.gate[at(3 * U + u)] * apply(s_.act, cu);
        }
    }

    void backward(index_t b) {
        std::vector<W> dh(at(U)), dc(at(U));
        for (index_t u = 0; u < U && p_.o.states; ++u)
            dh[at(u)] = W(p_.dh[at(b * U + u)]), dc[at(u)] = W(p_.dc[at(b * U + u)]);
        for (index_t t = S - 1; t >= 0; --t) {
            const bool skip = skipped(b, t);
            if ((s_.sequences || t + 1 == S) && !(skip && s_.zero_masked))
                for (index_t u = 0; u < U; ++u) dh[at(u)] += W(p_.dy[at(place_y(b, t) + u)]);
            if (!skip) step_back(b, t, steps_[at(t)], dh, dc);
        }
        for (index_t u = 0; u < U; ++u)
            dh0[at(b * U + u)] = dh[at(u)], dc0[at(b * U + u)] = dc[at(u)];
    }

    // dh, dc: from behind the step to before it.
    void step_back(index_t b, index_t t, const Step& k, std::vector<W>& dh, std::vector<W>& dc) {
        std::vector<W> d(at(G)), direct(at(U));  // before the activations; past the products
        for (index_t u = 0; u < U; ++u) {
            const W first = k.gate[at(u)], e = dh[at(u)];
            if (s_.cell == Cell::simple) {
                d[at(u)] = e;
            } else if (gru_) {
                d[at(u)] = e * (k.h[at(u)] - k.gate[at(2 * U + u)]);
                d[at(2 * U + u)] = e * (1 - first);
                direct[at(u)] = e * first;
            } else {
                const W o = k.gate[at(3 * U + u)];
                const W whole = dc[at(u)] + e * o * slope(s_.act, k.c_after[at(u)]);
                d[at(u)] = whole * k.gate[at(2 * U + u)];
                d[at(U + u)] = whole * k.c[at(u)];
                d[at(2 * U + u)] = whole * first;
                d[at(3 * U + u)] = e * apply(s_.act, k.c_after[at(u)]);
                dc[at(u)] = whole * k.gate[at(U + u)];
            }
        }
        for (index_t g = gru_ ? 2 * U : 0; g < G; ++g) d[at(g)] *= slope(act_of(g), k.pre[at(g)]);
        if (gru_) reset_back(b, k, d, direct);
        for (index_t g = 0; g < (gru_ ? 2 * U : 0); ++g) d[at(g)] *= slope(act_of(g), k.pre[at(g)]);
        dh = direct;
        weights_back(b, t, k, d, dh);
    }
    // The reset gate's d from the candidate's; what goes to h' past it, without reset_after.
    void reset_back(index_t b, const Step& k, std::vector<W>& d, std::vector<W>& direct) const {
        for (index_t u = 0; u < U; ++u) {
            if (after()) {
                d[at(U + u)] = d[at(2 * U + u)] * k.inner[at(u)];
                continue;
            }
            W sum = 0;
            for (index_t g = 2 * U; g < G; ++g) sum += d[at(g)] * recurrent(u, g);
            d[at(U + u)] = sum * k.h[at(u)] * drop(b, u);
            direct[at(u)] += sum * k.gate[at(U + u)] * drop(b, u);
        }
    }
    void weights_back(index_t b, index_t t, const Step& k, const std::vector<W>& d,
                      std::vector<W>& dh) {
        for (index_t g = 0; g < G; ++g) {
            const W e = d[at(g)];
            const bool candidate = gru_ && g >= 2 * U;
            const W inner = candidate && after() ? e * k.gate[at(g - U)] : e;
            dbias[at(g)] += e;
            if (after()) dbias[at(G + g)] += inner;
            for (index_t f = 0; f < F; ++f) {
                dkernel[at(f * G + g)] += k.x[at(f)] * e;
                dx[at(place_x(b, t) + f)] += e * kernel(f, g) * W(p_.x_drop[at(b * F + f)]);
            }
            for (index_t u = 0; u < U; ++u) {
                const W r = candidate && !after() ? k.gate[at(U + u)] : 1;
                drecurrent[at(u * G + g)] += r * k.h[at(u)] * drop(b, u) * inner;
                if (!(candidate && !after())) dh[at(u)] += inner * recurrent(u, g) * drop(b, u);
            }
        }
    }

    const Problem<T>& p_;
    const RnnSpec& s_;
    index_t B, S, F, U, G;
    bool gru_;
    std::vector<Step> steps_;
};

}  // namespace ranvier::test
