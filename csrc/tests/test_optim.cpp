// Keras' formulas, written out element by element in long double.
#include <limits>

#include "check.hpp"
#include "ranvier/optim.hpp"

using namespace ranvier;

namespace {

using Real = long double;

struct Naive {
    OptimParams p;
    std::vector<Real> w, s0, s1, s2;

    void more(std::size_t i, Real d, Real t) {
        const Real lr = p.learning_rate, b1 = p.beta_1, b2 = p.beta_2, e = p.epsilon;
        if (p.kind == Optim::adadelta) {
            s0[i] = p.rho * s0[i] + (1 - p.rho) * d * d;
            const Real change = std::sqrt(s1[i] + e) * d / std::sqrt(s0[i] + e);
            s1[i] = p.rho * s1[i] + (1 - p.rho) * change * change;
            w[i] -= lr * change;
        } else if (p.kind == Optim::adamax) {
            s0[i] += (d - s0[i]) * (1 - b1);
            s1[i] = std::max(b2 * s1[i], std::abs(d));
            w[i] -= lr * s0[i] / ((1 - std::pow(b1, t)) * (s1[i] + e));
        } else if (p.kind == Optim::nadam) {
            s0[i] += (d - s0[i]) * (1 - b1);
            s1[i] += (d * d - s1[i]) * (1 - b2);
            Real now = 0, product = 1;
            for (Real k = 1; k <= t; ++k) product *= now = b1 * (1 - std::pow(0.96L, k) / 2);
            const Real next = b1 * (1 - std::pow(0.96L, t + 1) / 2);
            const Real h = next * s0[i] / (1 - product * next) + (1 - now) * d / (1 - product);
            w[i] -= lr * h / (std::sqrt(s1[i] / (1 - std::pow(b2, t))) + e);
        } else if (p.kind == Optim::lion) {
            const Real v = b1 * s0[i] + (1 - b1) * d;
            s0[i] = b2 * s0[i] + (1 - b2) * d;
            w[i] -= lr * static_cast<Real>((v > 0) - (v < 0));
        } else {
            const Real q = -p.learning_rate_power, after = s0[i] + d * d, l1 = p.l1;
            s1[i] += d + 2 * p.l2_shrinkage * w[i] -
                     (std::pow(after, q) - std::pow(s0[i], q)) / lr * w[i];
            s0[i] = after;
            const Real over = std::min(std::max(s1[i], -l1), l1) - s1[i];
            w[i] =
                over == 0 ? 0 : over / (std::pow(after, q) / lr + 2 * (p.l2 + p.beta / (2 * lr)));
        }
    }

    void step(index_t iteration, std::vector<Real> g, Real rate_scale) {
        const Real lr = p.learning_rate, t = static_cast<Real>(iteration + 1);
        for (std::size_t i = 0; i < w.size(); ++i) {
            Real d = g[i] * rate_scale;
            if (p.clipvalue > 0) d = std::min<Real>(std::max<Real>(d, -p.clipvalue), p.clipvalue);
            w[i] -= w[i] * p.weight_decay * lr;
            switch (p.kind) {
                case Optim::sgd:
                    s0[i] = p.momentum * s0[i] - lr * d;
                    w[i] += p.nesterov ? p.momentum * s0[i] - lr * d : s0[i];
                    break;
                case Optim::adam: {
                    s0[i] += (d - s0[i]) * (1 - p.beta_1);
                    s1[i] += (d * d - s1[i]) * (1 - p.beta_2);
                    s2[i] = std::max(s2[i], s1[i]);
                    const Real rate = lr * std::sqrt(1 - std::pow<Real>(p.beta_2, t)) /
                                      (1 - std::pow<Real>(p.beta_1, t));
                    w[i] -= rate * s0[i] / (std::sqrt(p.amsgrad ? s2[i] : s1[i]) + p.epsilon);
                    break;
                }
                case Optim::rmsprop: {
                    s0[i] = p.rho * s0[i] + (1 - p.rho) * d * d;
                    Real below = s0[i] + p.epsilon;
                    if (p.centered) {
                        s2[i] = p.rho * s2[i] + (1 - p.rho) * d;
                        below -= s2[i] * s2[i];
                    }
                    s1[i] = p.momentum * s1[i] + lr * d / std::sqrt(below);
                    w[i] -= s1[i];
                    break;
                }
                case Optim::adagrad:
                    s0[i] += d * d;
                    w[i] -= lr * d / std::sqrt(s0[i] + p.epsilon);
                    break;
                default:
                    more(i, d, t);
            }
        }
    }
};

template <class T>
void check(OptimParams p, double tolerance) {
    const index_t n = 37;  // 20 + 3 of padding + 14
    auto w = test::random_values<T>(n, 1);
    for (int i = 20; i < 23; ++i) w[i] = 0;
    std::vector<T> g(n), s0(n + 1), s1(n + 1), s2(n + 1);
    s0[n] = s1[n] = s2[n] = T(5);
    T* slots[] = {s0.data(), s1.data(), s2.data()};
    if (p.kind == Optim::rmsprop && p.centered && p.momentum == 0) slots[1] = s2.data();
    std::vector<OptimVariable<T>> vars = {{w.data(), 0, 20}, {w.data() + 23, 23, 14}};
    Naive naive{
        p, {w.begin(), w.end()}, std::vector<Real>(n), std::vector<Real>(n), std::vector<Real>(n)};
    for (index_t it = 0; it < 5; ++it) {
        const auto grad = test::random_values<T>(n, 10 + static_cast<unsigned>(it));
        std::vector<Real> exact(grad.begin(), grad.end());
        for (int i = 20; i < 23; ++i) exact[i] = 0;
        g = grad;
        for (int i = 20; i < 23; ++i) g[i] = 0;
        Real norm_a = 0, norm_b = 0, scale = 1;
        for (int i = 0; i < 20; ++i) norm_a += exact[i] * exact[i];
        for (int i = 23; i < n; ++i) norm_b += exact[i] * exact[i];
        if (p.global_clipnorm > 0)
            scale =
                p.global_clipnorm / std::max<Real>(std::sqrt(norm_a + norm_b), p.global_clipnorm);
        if (p.clipnorm > 0)
            for (int i = 0; i < n; ++i)
                exact[i] *=
                    p.clipnorm / std::max<Real>(std::sqrt(i < 20 ? norm_a : norm_b), p.clipnorm);
        naive.step(it, exact, scale);
        optim_step<T>(p, it, vars, g.data(), slots);
    }
    for (int i = 0; i < n; ++i)
        CHECK(std::abs(static_cast<double>(w[i] - naive.w[i])) < tolerance,
              "kind %d element %d: %g %g", static_cast<int>(p.kind), i, static_cast<double>(w[i]),
              static_cast<double>(naive.w[i]));
    CHECK(s0[n] == T(5) && s1[n] == T(5) && s2[n] == T(5));
}

}  // namespace

TEST(every_rule_with_every_option) {
    for (Optim kind : {Optim::sgd, Optim::adam, Optim::rmsprop, Optim::adagrad, Optim::adadelta,
                       Optim::adamax, Optim::nadam, Optim::lion, Optim::ftrl})
        for (int option = 0; option < 8; ++option)
            for (int clip = 0; clip < 4; ++clip) {
                OptimParams p;
                p.kind = kind;
                p.learning_rate = 0.05;
                p.momentum = option & 1 ? 0.9 : 0.0;
                p.nesterov = p.centered = p.amsgrad = option & 2;
                p.weight_decay = option & 4 ? 0.1 : 0.0;
                p.learning_rate_power = option & 1 ? -0.7 : -0.5;
                p.l1 = p.l2 = p.l2_shrinkage = option & 2 ? 0.02 : 0.0;
                p.beta = option & 4 ? 0.3 : 0.0;
                p.clipvalue = clip == 1 ? 0.3 : 0.0;
                p.clipnorm = clip == 2 ? 0.5 : 0.0;
                p.global_clipnorm = clip == 3 ? 0.5 : 0.0;
                // float32: Keras computes 1 - beta^t in float32 too, which shows in the 4th digit
                check<float>(p, 2e-4);
                check<double>(p, 1e-12);
            }
}

TEST(regularisation_is_added_and_reported) {
    std::vector<double> w = {1.0, -2.0, 0.0}, g = {0.1, 0.1, 0.1};
    OptimParams p;
    p.learning_rate = 1.0;
    const double penalty =
        optim_step<double>(p, 0, {{w.data(), 0, 3, true, 0.5, 0.25}}, g.data(), nullptr);
    CHECK(std::abs(penalty - (0.5 * 3 + 0.25 * 5)) < 1e-15);
    CHECK(std::abs(w[0] - (1 - 0.1 - 0.5 - 0.5)) < 1e-15);
    CHECK(std::abs(w[1] - (-2 - 0.1 + 0.5 + 1)) < 1e-15);
    CHECK(std::abs(w[2] - (-0.1)) < 1e-15);
}

TEST(weight_decay_spares_what_is_excluded) {
    std::vector<float> w = {1.0f, 1.0f}, g = {0.0f, 0.0f};
    OptimParams p;
    p.learning_rate = 0.5;
    p.weight_decay = 0.5;
    optim_step<float>(p, 0, {{w.data(), 0, 1, true}, {w.data() + 1, 1, 1, false}}, g.data(),
                      nullptr);
    CHECK(w[0] == 0.75f && w[1] == 1.0f);
}

TEST(variables_that_lie_apart) {
    std::vector<float> a(100, 1.0f), b(50, 1.0f), g(150, 1.0f);
    OptimParams p;
    p.learning_rate = 0.25;
    optim_step<float>(p, 0, {{a.data(), 50, 100}, {b.data(), 0, 50}}, g.data(), nullptr);
    for (float v : a) CHECK(v == 0.75f);
    for (float v : b) CHECK(v == 0.75f);
}

TEST(threads_do_not_matter) {
    const index_t n = 1 << 20;
    OptimParams p;
    p.kind = Optim::adam;
    p.global_clipnorm = 1.0;
    std::vector<float> first;
    for (int threads : {1, 2, 3, 4}) {
        set_num_threads(threads);
        auto w = test::random_values<float>(n, 1), g = test::random_values<float>(n, 2);
        std::vector<float> m(n), v(n);
        float* slots[] = {m.data(), v.data()};
        optim_step<float>(p, 0, {{w.data(), 0, n}}, g.data(), slots);
        if (first.empty()) first = w;
        CHECK(std::memcmp(first.data(), w.data(), n * sizeof(float)) == 0);
    }
}

TEST(lion_by_a_gradient_that_is_no_number) {
    std::vector<float> w = {1, 1}, g = {std::numeric_limits<float>::quiet_NaN(), 0}, m(2);
    OptimParams p;
    p.kind = Optim::lion;
    float* slots[] = {m.data()};
    optim_step<float>(p, 0, {{w.data(), 0, 2}}, g.data(), slots);
    CHECK(std::isnan(w[0]) && w[1] == 1);
}

// Keras multiplies on; ours stops multiplying what no longer changes.
TEST(nadam_after_many_steps) {
    OptimParams p;
    p.kind = Optim::nadam;
    p.beta_1 = 0.9995;
    std::vector<double> w = {1}, g = {0.5}, m(1), v(1);
    double* slots[] = {m.data(), v.data()};
    Naive naive{p, {1}, {0}, {0}, {0}};
    naive.step(2999, {0.5}, 1);
    optim_step<double>(p, 2999, {{w.data(), 0, 1}}, g.data(), slots);
    CHECK(std::abs(w[0] - static_cast<double>(naive.w[0])) < 1e-12);
}

TEST(gradients_that_are_not_finite) {
    std::vector<float> w = {1, 1}, g = {std::numeric_limits<float>::infinity(), 1};
    OptimParams p;
    p.global_clipnorm = 1.0;
    optim_step<float>(p, 0, {{w.data(), 0, 2}}, g.data(), nullptr);
    CHECK(std::isnan(w[0]) && std::isnan(w[1]));
}

RV_TEST_MAIN
