// Recurrence against plain double loops over one row at a time: every cell, both passes, odd sizes,
// masks, dropout, strides; NaN where results go and guards around them.
#include <algorithm>
#include <cmath>
#include <limits>

#include "check.hpp"
#include "rnn_plain.hpp"

using namespace ranvier;
using namespace ranvier::test;

namespace {

// An array of rows x steps x width elements that lies anywhere in a larger one: NaN where results
// belong, else numbers that nobody may touch.
template <class T>
class Placed {
  public:
    Placed(index_t rows, index_t steps, index_t width, index_t row, index_t step, index_t first)
        : rows_(rows), steps_(steps), width_(width), row_(row), step_(step) {
        const index_t last = first + (rows - 1) * row + (steps - 1) * std::max<index_t>(0, step);
        first_ = kGuard + first;
        v_.assign(static_cast<std::size_t>(last + width + 2 * kGuard), T(77));
        each([&](index_t, T& x) { x = std::numeric_limits<T>::quiet_NaN(); });
    }
    explicit Placed(index_t n) : Placed(1, 1, n, 0, 0, 0) {}
    T* get() { return v_.data() + first_; }
    void set(const std::vector<T>& from) {
        each([&](index_t i, T& x) { x = from[static_cast<std::size_t>(i)]; });
    }
    // Both use up the elements: what is left must be the guards.
    bool holds(const std::vector<W>& want, W tolerance) {
        W scale = 1, worst = 0;
        for (W w : want) scale = std::max(scale, std::fabs(w));
        each([&](index_t i, T& x) {
            const W off = std::fabs(W(x) - want[static_cast<std::size_t>(i)]);
            worst = off <= worst ? worst : off;  // NaN stays
        });
        return worst <= tolerance * scale && intact();
    }
    bool intact() {
        each([](index_t, T& x) { x = T(77); });
        return std::all_of(v_.begin(), v_.end(), [](T x) { return x == T(77); });
    }

  private:
    template <class F>
    void each(F&& f) {
        index_t i = 0;
        for (index_t r = 0; r < rows_; ++r)
            for (index_t s = 0; s < steps_; ++s)
                for (index_t w = 0; w < width_; ++w)
                    f(i++, v_[static_cast<std::size_t>(first_ + r * row_ + s * step_ + w)]);
    }
    static constexpr index_t kGuard = 19;
    index_t rows_, steps_, width_, row_, step_, first_;
    std::vector<T> v_;
};

enum class Lie { batch_major, time_major, reversed, interleaved };

// x and dx, y and dy as they lie.
template <class T>
Placed<T> place_x(const Options& o, Lie lie) {
    const index_t F = o.features, B = o.batch, S = o.steps;
    if (lie == Lie::time_major) return {B, S, F, F, B * F, 0};
    if (lie == Lie::interleaved) return {B, S, F, S * (F + 2) + 3, F + 2, 1};
    return {B, S, F, S * F, F, 0};
}
template <class T>
Placed<T> place_y(const Options& o, const RnnRun<T>& r) {
    const index_t first = r.y_step < 0 ? (o.steps - 1) * -r.y_step : 0;
    return {o.batch, o.spec.sequences ? o.steps : 1, o.units, r.y_row, r.y_step, first};
}
template <class T>
void lay_out(const Options& o, Lie lie, RnnRun<T>& r) {
    const index_t F = o.features, U = o.units, B = o.batch, S = o.steps, n = o.spec.sequences;
    const bool major = lie == Lie::time_major, apart = lie == Lie::interleaved;
    r.batch = B, r.steps = S;
    r.x_row = major ? F : apart ? S * (F + 2) + 3 : S * F;
    r.x_step = major ? B * F : apart ? F + 2 : F;
    r.y_row = n == 0 ? (apart ? 2 * U : U) : major ? U : apart ? 2 * S * U : S * U;
    r.y_step = major ? B * U : apart ? 2 * U : lie == Lie::reversed ? -U : U;
    if (n == 0) r.y_step = 0;
}

template <class T>
void check(const Options& o, Lie lie = Lie::batch_major) {
    const Problem<T> p(o);
    const Plain<T> want(p);
    const W tolerance = sizeof(T) == 4 ? 2e-5 : 1e-13;
    const index_t B = o.batch, U = o.units, G = gates_of(o.spec.cell) * U;
    RnnRun<T> r{};
    lay_out(o, lie, r);
    Placed<T> x = place_x<T>(o, lie), y = place_y(o, r), y2 = y, dx = x, h(B * U), c = h, h2 = h;
    Placed<T> c2 = h, dh0 = h, dc0 = h, dkernel(o.features * G), drecurrent(U * G), dy = y;
    Placed<T> dbias(p.biases()), cache(rnn_cache_size(o.spec, B, o.steps));
    x.set(p.x), dy.set(p.dy);
    const bool lstm = o.spec.cell == Cell::lstm;
    p.give(r);
    r.x = x.get(), r.y = y.get(), r.h = h.get(), r.c = lstm ? c.get() : nullptr;
    r.cache = cache.get();
    rnn_forward(o.spec, r);
    RnnGradients<T> g{};
    g.dy = dy.get(), g.dx = dx.get(), g.dkernel = dkernel.get(), g.drecurrent = drecurrent.get();
    g.dbias = o.spec.use_bias ? dbias.get() : nullptr;
    g.dh0 = dh0.get(), g.dc0 = lstm ? dc0.get() : nullptr;
    if (o.states) g.dh = p.dh.data(), g.dc = lstm ? p.dc.data() : nullptr;
    rnn_backward(o.spec, r, g);
    // inference, the states updated where they are
    if (o.states) h2.set(p.h0), c2.set(p.c0), r.h0 = h2.get(), r.c0 = c2.get();
    r.cache = nullptr, r.y = y2.get(), r.h = h2.get(), r.c = lstm ? c2.get() : nullptr;
    rnn_forward(o.spec, r);
    auto near = [&](const char* name, Placed<T>& got, const std::vector<W>& wanted) {
        CHECK(got.holds(wanted, tolerance), "%s: %s, lie %d", name, o.text().c_str(), int(lie));
    };
    near("y", y, want.y), near("y of inference", y2, want.y);
    near("h", h, want.h), near("h of inference", h2, want.h);
    if (lstm) near("c", c, want.c), near("c of inference", c2, want.c), near("dc0", dc0, want.dc0);
    near("dx", dx, want.dx), near("dkernel", dkernel, want.dkernel);
    near("drecurrent", drecurrent, want.drecurrent), near("dh0", dh0, want.dh0);
    if (o.spec.use_bias) near("dbias", dbias, want.dbias);
    CHECK(cache.intact(), "around the cache: %s", o.text().c_str());
}

template <class F>
void each_cell(F&& f) {
    for (Cell cell : {Cell::simple, Cell::lstm, Cell::gru, Cell::gru_reset_after}) f(cell);
}
void check_both(const Options& o, Lie lie = Lie::batch_major) {
    check<float>(o, lie);
    check<double>(o, lie);
}

struct Pair {
    Act act, gate;
};
// The fused kernels' own, then those that read what was before them, outside or inside.
constexpr Pair kActs[] = {{Act::tanh, Act::sigmoid},
                          {Act::softsign, Act::sigmoid},
                          {Act::tanh, Act::softsign},
                          {Act::silu, Act::silu},
                          {Act::linear, Act::sigmoid}};

}  // namespace

TEST(all_sizes) {
    unsigned i = 0;
    each_cell([&](Cell cell) {
        for (index_t units : {1, 3, 17, 50})
            for (index_t batch : {1, 2, 5, 33})
                for (index_t steps : {1, 2, 9}) {
                    Options o(cell, batch, steps, 1 + (i * 7) % 20, units);
                    o.spec.sequences = i % 2 == 0;
                    o.spec.use_bias = i % 3 != 0;
                    o.states = i % 5 != 0;
                    o.spec.backwards = i % 4 == 1;
                    check_both(o);
                    ++i;
                }
    });
}

TEST(masks) {
    each_cell([](Cell cell) {
        for (MaskOf mask : {MaskOf::start, MaskOf::middle, MaskOf::end, MaskOf::rows,
                            MaskOf::random, MaskOf::all})
            for (int flags = 0; flags < 16; ++flags) {
                Options o(cell, 5, 9, 3, 17);
                o.mask = mask;
                o.spec.sequences = flags & 1;
                o.spec.zero_masked = flags & 2;
                o.spec.backwards = flags & 4;
                o.spec.mask_backwards = flags & 8;
                o.states = flags != 3;
                check<float>(o, flags & 1 ? Lie::time_major : Lie::batch_major);
                check<double>(o);
            }
    });
}

TEST(dropout_and_activations) {
    each_cell([](Cell cell) {
        for (const Pair& acts : kActs)
            for (int flags = 0; flags < 8; ++flags) {
                Options o(cell, 5, 4, 6, 17);
                o.spec.act = acts.act, o.spec.gate_act = acts.gate;
                o.spec.dropout = flags & 1 ? 0.3 : 0;
                o.spec.recurrent_dropout = flags & 2 ? 0.4 : 0;
                o.mask = flags & 4 ? MaskOf::random : MaskOf::none;
                o.spec.sequences = true;
                check_both(o);
            }
        Options o(cell, 3, 4, 2, 5);
        o.spec.dropout = o.spec.recurrent_dropout = 0.5;
        o.training = false;
        check_both(o);
    });
}

TEST(anywhere_in_memory) {
    each_cell([](Cell cell) {
        for (Lie lie : {Lie::time_major, Lie::reversed, Lie::interleaved})
            for (int flags = 0; flags < 8; ++flags) {
                Options o(cell, flags & 4 ? 33 : 2, 5, flags & 2 ? 1 : 9, 17);
                o.spec.sequences = flags & 1;
                o.mask = flags & 2 ? MaskOf::random : MaskOf::none;
                o.spec.backwards = lie == Lie::reversed;
                check_both(o, lie);
            }
    });
}

namespace {

// All results of one call of both passes, one after another.
std::vector<float> all_results(const Options& o, int before, int after, unsigned wanted = ~0u) {
    const Problem<float> p(o);
    const index_t B = o.batch, S = o.steps, F = o.features, U = o.units;
    const index_t G = gates_of(o.spec.cell) * U, bu = B * U;
    const index_t sizes[] = {B * S * U, bu, bu, B * S * F, F * G, U * G, p.biases(), bu, bu};
    std::vector<float> all, cache(static_cast<std::size_t>(rnn_cache_size(o.spec, B, S)),
                                  std::numeric_limits<float>::quiet_NaN());
    float* at[9];
    index_t total = 0;
    for (index_t n : sizes) total += n;
    all.assign(static_cast<std::size_t>(total), 0.0f);
    total = 0;
    for (int i = 0; i < 9; total += sizes[i++])
        at[i] = wanted >> i & 1 ? all.data() + total : nullptr;
    const bool lstm = o.spec.cell == Cell::lstm;
    RnnRun<float> r{};
    lay_out(o, Lie::batch_major, r);
    p.give(r);
    r.x = p.x.data(), r.y = at[0], r.h = at[1], r.c = lstm ? at[2] : nullptr;
    r.cache = cache.data();
    set_num_threads(before);
    rnn_forward(o.spec, r);
    set_num_threads(after);
    rnn_backward(o.spec, r,
                 {p.dy.data(), p.dh.data(), lstm ? p.dc.data() : nullptr, at[3], at[4], at[5],
                  at[6], at[7], lstm ? at[8] : nullptr});
    set_num_threads(2);
    return all;
}

}  // namespace

TEST(same_bits_for_any_number_of_threads) {
    each_cell([](Cell cell) {
        for (const Pair& acts : {kActs[0], kActs[2]}) {
            Options o(cell, 33, 20, 20, 50);
            o.spec.sequences = true;
            o.spec.act = acts.act, o.spec.gate_act = acts.gate;
            o.spec.recurrent_dropout = 0.2;
            o.mask = MaskOf::rows;  // so that a thread may have nothing but skipped rows
            const auto one = all_results(o, 1, 1);
            CHECK(all_finite<float>(static_cast<index_t>(one.size()), one.data()));
            for (int before : {1, 2, 3})
                for (int after : {1, 2, 3})
                    CHECK(all_results(o, before, after) == one, "%d, then %d threads: %s", before,
                          after, o.text().c_str());
        }
    });
}

TEST(wanted_results_only) {
    each_cell([](Cell cell) {
        Options o(cell, 3, 4, 5, 6);
        o.spec.sequences = true;
        const auto all = all_results(o, 1, 1);
        for (unsigned i = 1; i < 9; ++i) {
            const auto some = all_results(o, 1, 1, ~(1u << i));
            for (std::size_t k = 0; k < all.size(); ++k)
                CHECK(some[k] == all[k] || some[k] == 0, "without %u", i);
        }
    });
}

TEST(a_thousand_steps_stay_finite) {
    each_cell([](Cell cell) {
        Options o(cell, 2, 1000, 3, 8);
        o.scale = 20;  // the gates at their ends
        o.mask = MaskOf::random;
        o.spec.sequences = true;
        const auto all = all_results(o, 1, 1);
        for (std::size_t i = 0; i < 2 * 1000 * 8; ++i) CHECK(std::fabs(all[i]) <= 1);
        o.scale = 1;
        const auto calm = all_results(o, 1, 1);
        CHECK(all_finite<float>(static_cast<index_t>(calm.size()), calm.data()));
    });
}

TEST(nothing_to_walk_gives_no_gradients) {
    each_cell([](Cell cell) {
        for (bool no_rows : {false, true}) {
            const Options o(cell, no_rows ? 0 : 2, no_rows ? 4 : 0, 3, 2);
            const Problem<double> p(o);
            const index_t G = gates_of(cell) * 2;
            Placed<double> h(o.batch * 2), c = h, dh0 = h, dc0 = h, dk(3 * G), dr(2 * G);
            Placed<double> db(p.biases());
            std::vector<double> cache(
                static_cast<std::size_t>(rnn_cache_size(o.spec, o.batch, o.steps) + 1));
            RnnRun<double> r{};
            lay_out(o, Lie::batch_major, r);
            p.give(r);
            r.x = p.x.data(), r.h = h.get(), r.c = cell == Cell::lstm ? c.get() : nullptr;
            std::vector<double> y(4);
            r.y = y.data(), r.cache = cache.data();
            rnn_forward(o.spec, r);
            rnn_backward(o.spec, r,
                         {y.data(), p.dh.data(), p.dc.data(), nullptr, dk.get(), dr.get(), db.get(),
                          dh0.get(), dc0.get()});
            const std::vector<W> zeros(1000);
            CHECK(dk.holds(zeros, 0) && dr.holds(zeros, 0) && db.holds(zeros, 0));
            CHECK(h.holds({p.h0.begin(), p.h0.end()}, 0));
            CHECK(dh0.holds({p.dh.begin(), p.dh.end()}, 0));
        }
    });
}

// c = i g with the other gate at 1 is the sigmoid or the tanh of a bias.
TEST(gates_are_near_to_sigmoid_and_tanh) {
    RnnSpec s;
    s.cell = Cell::lstm, s.features = s.units = 1;
    const float zeros[4] = {};
    float h = 0, c = 0, y = 0;
    RnnRun<float> r{};
    r.batch = r.steps = 1;
    r.x = r.kernel = r.recurrent = zeros;
    r.h = &h, r.c = &c, r.y = &y;
    for (bool tanh : {false, true}) {
        double worst = 0;
        for (int i = -10000; i < 10000; ++i) {
            const float u = static_cast<float>(i) / 10000, x = tanh ? 12 * u * u * u : 80 * u;
            const float bias[4] = {tanh ? 80 : x, 0, tanh ? x : 80, 0};
            r.bias = bias;
            rnn_forward(s, r);
            const double want = tanh ? std::tanh(double(x)) : 1 / (1 + std::exp(-double(x)));
            const float rounded = static_cast<float>(want);
            const double ulp = double(std::nextafter(std::abs(rounded), 2.0f)) - std::abs(rounded);
            worst = std::max(worst, std::abs(double(c) - want) / ulp);
        }
        CHECK(worst < 6, "%s: %.2f ulp", tanh ? "tanh" : "sigmoid", worst);
    }
}

RV_TEST_MAIN
