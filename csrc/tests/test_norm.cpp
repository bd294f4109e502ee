// Normalization against plain long double loops: odd sizes, tails, guards around every output.
#include <limits>
#include <utility>

#include "check.hpp"
#include "ranvier/nodes_norm.hpp"

using namespace ranvier;
using namespace ranvier::test;

namespace {

using W = long double;

// n elements, NaN at the start, with numbers around them that nobody may touch.
template <class T>
class Guarded {
  public:
    explicit Guarded(index_t n) : v_(static_cast<std::size_t>(n) + 2 * kGuard, T(77)), n_(n) {
        for (index_t i = 0; i < n; ++i) get()[i] = std::numeric_limits<T>::quiet_NaN();
    }
    T* get() { return v_.data() + kGuard; }
    T operator[](index_t i) const { return v_[static_cast<std::size_t>(i) + kGuard]; }
    bool intact() const {
        for (std::size_t i = 0; i < kGuard; ++i)
            if (v_[i] != T(77) || v_[static_cast<std::size_t>(n_) + kGuard + i] != T(77))
                return false;
        return true;
    }

  private:
    static constexpr std::size_t kGuard = 19;
    std::vector<T> v_;
    index_t n_;
};

template <class T>
bool near(T a, W b, W scale) {
    const W tolerance = W(sizeof(T) == 4 ? 4e-6 : 1e-14) * (scale < 1 ? W(1) : scale);
    return std::fabs(W(a) - b) <= tolerance;
}

// Mean and variance of the elements that at(0 .. n - 1) gives.
template <class F>
std::pair<W, W> moments(index_t n, F&& at) {
    W sum = 0, square = 0;
    for (index_t i = 0; i < n; ++i) sum += at(i);
    for (index_t i = 0; i < n; ++i) square += (at(i) - sum / n) * (at(i) - sum / n);
    return {sum / n, square / n};
}

// dx of y = (x - m) k gamma with m and k of these n elements (k: 1 / sqrt(variance + epsilon)).
template <class X, class G>
W input_gradient(index_t n, index_t i, W m, W k, X&& x, G&& g) {
    W all = 0, dot = 0;
    for (index_t j = 0; j < n; ++j) {
        all += g(j);
        dot += g(j) * (x(j) - m) * k;
    }
    return k * (g(i) - all / n - (x(i) - m) * k * dot / n);
}

template <class T>
void batch_norm_of(index_t rows, index_t cols, bool affine) {
    const auto x = random_values<T>(static_cast<std::size_t>(rows * cols), 1, T(-1), T(3));
    const auto dy = random_values<T>(x.size(), 2);
    const auto gamma = random_values<T>(static_cast<std::size_t>(cols), 3);
    const auto beta = random_values<T>(static_cast<std::size_t>(cols), 4);
    const T *gp = affine ? gamma.data() : nullptr, *bp = affine ? beta.data() : nullptr;
    const double eps = 1e-2;
    Guarded<T> y(rows * cols), mean(cols), variance(cols), dx(rows * cols), dgamma(cols),
        dbeta(cols), again(rows * cols), fixed(rows * cols);
    batch_norm_forward(rows, cols, x.data(), gp, bp, eps, y.get(), mean.get(), variance.get());
    batch_norm_backward(rows, cols, x.data(), mean.get(), variance.get(), gp, eps, true, dy.data(),
                        dx.get(), dgamma.get(), dbeta.get());
    batch_norm_inference(rows, cols, x.data(), mean.get(), variance.get(), gp, bp, eps,
                         again.get());
    batch_norm_backward<T>(rows, cols, nullptr, mean.get(), variance.get(), gp, eps, false,
                           dy.data(), fixed.get(), nullptr, nullptr);
    for (index_t j = 0; j < cols; ++j) {
        auto xs = [&](index_t i) { return W(x[static_cast<std::size_t>(i * cols + j)]); };
        auto gs = [&](index_t i) {
            return W(dy[static_cast<std::size_t>(i * cols + j)]) * (affine ? W(gp[j]) : W(1));
        };
        const auto [m, v] = moments(rows, xs);
        const W k = 1 / std::sqrt(v + W(eps));
        CHECK(near(mean[j], m, 1) && near(variance[j], v, 1), "%td x %td", rows, cols);
        W sum = 0, dot = 0;
        for (index_t i = 0; i < rows; ++i) {
            const W d = W(dy[static_cast<std::size_t>(i * cols + j)]);
            sum += d;
            dot += d * (xs(i) - m) * k;
        }
        CHECK(near(dbeta[j], sum, W(rows)) && near(dgamma[j], dot, W(rows) * k));
        for (index_t i = 0; i < rows; i += 1 + rows / 50) {
            const index_t at = i * cols + j;
            const W want = (xs(i) - m) * k * (affine ? W(gp[j]) : 1) + (affine ? W(bp[j]) : 0);
            CHECK(near(y[at], want, 4 * k), "%td x %td", rows, cols);
            CHECK(near(again[at], want, 8 * k) && near(fixed[at], k * gs(i), k));
            CHECK(near(dx[at], input_gradient(rows, i, m, k, xs, gs), 8 * k), "%td x %td", rows,
                  cols);
        }
    }
    for (const auto* g : {&y, &mean, &variance, &dx, &dgamma, &dbeta, &again, &fixed})
        CHECK(g->intact());
}

template <class T>
void group_norm_of(index_t samples, index_t rows, index_t cols, index_t groups) {
    const index_t n = samples * rows * cols, each = cols / groups;
    const auto x = random_values<T>(static_cast<std::size_t>(n), 1, T(-1), T(3));
    const auto dy = random_values<T>(x.size(), 2);
    const auto gamma = random_values<T>(static_cast<std::size_t>(cols), 3);
    const auto beta = random_values<T>(static_cast<std::size_t>(cols), 4);
    const double eps = 1e-2;
    Guarded<T> y(n), mean(samples * groups), inverse(samples * groups), dx(n), dgamma(cols),
        dbeta(cols);
    group_norm_forward(samples, rows, cols, groups, x.data(), gamma.data(), beta.data(), eps,
                       y.get(), mean.get(), inverse.get());
    group_norm_backward(samples, rows, cols, groups, x.data(), mean.get(), inverse.get(),
                        gamma.data(), dy.data(), dx.get(), dgamma.get(), dbeta.get());
    std::vector<W> dw(static_cast<std::size_t>(cols)), db(dw);
    for (index_t s = 0; s < samples; ++s)
        for (index_t g = 0; g < groups; ++g) {
            auto place = [&](index_t i) {
                return static_cast<std::size_t>((s * rows + i / each) * cols + g * each + i % each);
            };
            auto column = [&](index_t i) { return static_cast<std::size_t>(g * each + i % each); };
            auto xs = [&](index_t i) { return W(x[place(i)]); };
            auto gs = [&](index_t i) { return W(dy[place(i)]) * W(gamma[column(i)]); };
            const auto [m, v] = moments(rows * each, xs);
            const W k = 1 / std::sqrt(v + W(eps));
            CHECK(near(mean[s * groups + g], m, 1) && near(inverse[s * groups + g], k, k * k));
            for (index_t i = 0; i < rows * each; ++i) {
                dw[column(i)] += W(dy[place(i)]) * (xs(i) - m) * k;
                db[column(i)] += W(dy[place(i)]);
                const auto at = static_cast<index_t>(place(i));
                CHECK(
                    near(y[at], (xs(i) - m) * k * W(gamma[column(i)]) + W(beta[column(i)]), 4 * k));
                CHECK(near(dx[at], input_gradient(rows * each, i, m, k, xs, gs), 8 * k),
                      "%td %td %td %td", samples, rows, cols, groups);
            }
        }
    for (index_t j = 0; j < cols; ++j) {
        const auto c = static_cast<std::size_t>(j);
        CHECK(near(dgamma[j], dw[c], W(10 * samples * rows)));
        CHECK(near(dbeta[j], db[c], W(samples * rows)));
    }
    for (const auto* g : {&y, &mean, &inverse, &dx, &dgamma, &dbeta}) CHECK(g->intact());
}

template <class T>
void row_norm_of(RowNorm kind, index_t rows, index_t n) {
    const auto x = random_values<T>(static_cast<std::size_t>(rows * n), 1, T(-1), T(3));
    const auto dy = random_values<T>(x.size(), 2);
    const auto gamma = random_values<T>(static_cast<std::size_t>(n), 3);
    const auto beta = random_values<T>(static_cast<std::size_t>(n), 4);
    const double eps = kind == RowNorm::unit ? 1e-12 : 1e-2;
    Guarded<T> y(rows * n), mean(rows), inverse(rows), dx(rows * n), dgamma(n), dbeta(n);
    row_norm_forward(kind, rows, n, x.data(), gamma.data(), beta.data(), eps, y.get(), mean.get(),
                     inverse.get());
    row_norm_backward(kind, rows, n, x.data(), mean.get(), inverse.get(), gamma.data(), eps,
                      dy.data(), dx.get(), dgamma.get(), dbeta.get());
    std::vector<W> dw(static_cast<std::size_t>(n)), db(dw);
    for (index_t r = 0; r < rows; ++r) {
        auto xs = [&](index_t i) { return W(x[static_cast<std::size_t>(r * n + i)]); };
        auto ds = [&](index_t i) { return W(dy[static_cast<std::size_t>(r * n + i)]); };
        auto gs = [&](index_t i) { return ds(i) * W(gamma[static_cast<std::size_t>(i)]); };
        const auto [m, v] = moments(n, xs);
        const W square = v + m * m;  // the mean of x^2
        const bool centred = kind == RowNorm::layer;
        const W k = 1 / std::sqrt(kind == RowNorm::unit  ? square * n
                                  : kind == RowNorm::rms ? square + W(eps)
                                                         : v + W(eps));
        W dot = 0;
        for (index_t i = 0; i < n; ++i) dot += gs(i) * xs(i);
        if (kind != RowNorm::unit) dot /= n;
        for (index_t i = 0; i < n; ++i) {
            const W hat = (xs(i) - (centred ? m : 0)) * k;
            dw[static_cast<std::size_t>(i)] += ds(i) * hat;
            db[static_cast<std::size_t>(i)] += ds(i);
            const W want =
                hat * W(gamma[static_cast<std::size_t>(i)]) + W(beta[static_cast<std::size_t>(i)]);
            CHECK(near(y[r * n + i], want, 4 * k), "kind %d, %td x %td", int(kind), rows, n);
            const W from = xs(i) - (kind == RowNorm::layer_rms ? m : 0);
            const W slope =
                centred ? input_gradient(n, i, m, k, xs, gs) : k * gs(i) - k * k * k * from * dot;
            CHECK(near(dx[r * n + i], slope, 16 * k + 16 * k * k * k), "kind %d, %td x %td",
                  int(kind), rows, n);
        }
    }
    for (index_t i = 0; i < n; ++i) {
        CHECK(near(dgamma[i], dw[static_cast<std::size_t>(i)], W(10 * rows)));
        CHECK(near(dbeta[i], db[static_cast<std::size_t>(i)], W(rows)));
    }
    for (const auto* g : {&y, &mean, &inverse, &dx, &dgamma, &dbeta}) CHECK(g->intact());
}

}  // namespace

TEST(batch_norm_of_every_width) {
    for (index_t cols = 1; cols <= 35; ++cols)
        for (index_t rows : {1, 2, 15, 16, 17, 100, 1300}) {
            batch_norm_of<float>(rows, cols, cols % 2 == 0);
            batch_norm_of<double>(rows, cols, cols % 2 == 1);
        }
    for (index_t cols : {63, 64, 65, 100, 511, 512, 513, 530}) {
        batch_norm_of<float>(33, cols, true);
        batch_norm_of<double>(70, cols, true);
    }
}

TEST(group_norm_of_odd_shapes) {
    const index_t shapes[][4] = {{1, 1, 1, 1},  {3, 1, 6, 2},   {2, 5, 9, 3},  {4, 17, 7, 7},
                                 {2, 40, 3, 1}, {1, 300, 4, 2}, {5, 9, 64, 8}, {2, 3, 530, 10}};
    for (const auto& s : shapes) {
        group_norm_of<float>(s[0], s[1], s[2], s[3]);
        group_norm_of<double>(s[0], s[1], s[2], s[3]);
    }
}

TEST(row_norm_of_every_length) {
    for (RowNorm kind : {RowNorm::layer, RowNorm::layer_rms, RowNorm::rms, RowNorm::unit}) {
        for (index_t n = 1; n <= 70; ++n)
            for (index_t rows : {1, 2, 3, 4, 5}) {
                row_norm_of<float>(kind, rows, n);
                row_norm_of<double>(kind, rows, n);
            }
        row_norm_of<float>(kind, 3, 9001);
        row_norm_of<float>(kind, 300, 130);
        row_norm_of<double>(kind, 300, 130);
    }
}

TEST(wanted_gradients_only) {
    const index_t rows = 40, cols = 5;
    const auto x = random_values<float>(200, 1), dy = random_values<float>(200, 2);
    const std::vector<float> mean(40, 0.1f), spread(40, 1.5f);
    std::vector<float> dx(200), dgamma(5), dbeta(5), alone(5);
    for (bool of_batch : {false, true}) {
        batch_norm_backward<float>(rows, cols, x.data(), mean.data(), spread.data(), nullptr, 0.1,
                                   of_batch, dy.data(), dx.data(), dgamma.data(), dbeta.data());
        batch_norm_backward<float>(rows, cols, x.data(), mean.data(), spread.data(), nullptr, 0.1,
                                   of_batch, dy.data(), nullptr, alone.data(), nullptr);
        CHECK(alone == dgamma);
        batch_norm_backward<float>(rows, cols, x.data(), mean.data(), spread.data(), nullptr, 0.1,
                                   of_batch, dy.data(), nullptr, nullptr, alone.data());
        CHECK(alone == dbeta);
    }
    row_norm_backward<float>(RowNorm::layer, rows, cols, x.data(), mean.data(), spread.data(),
                             nullptr, 0.1, dy.data(), dx.data(), dgamma.data(), dbeta.data());
    row_norm_backward<float>(RowNorm::layer, rows, cols, x.data(), mean.data(), spread.data(),
                             nullptr, 0.1, dy.data(), nullptr, alone.data(), nullptr);
    CHECK(alone == dgamma);
    row_norm_backward<float>(RowNorm::layer, rows, cols, x.data(), mean.data(), spread.data(),
                             nullptr, 0.1, dy.data(), nullptr, nullptr, alone.data());
    CHECK(alone == dbeta);
}

TEST(in_place) {
    const auto x = random_values<float>(3300, 1), dy = random_values<float>(3300, 2);
    std::vector<float> y(3300), over = x, dx(3300), over_dy = dy, m(1100), v(1100), dw(3), db(3);
    batch_norm_forward<float>(1100, 3, x.data(), nullptr, nullptr, 0.1, y.data(), m.data(),
                              v.data());
    batch_norm_forward<float>(1100, 3, over.data(), nullptr, nullptr, 0.1, over.data(), m.data(),
                              v.data());
    CHECK(over == y);
    batch_norm_backward<float>(1100, 3, x.data(), m.data(), v.data(), nullptr, 0.1, true, dy.data(),
                               dx.data(), dw.data(), db.data());
    batch_norm_backward<float>(1100, 3, x.data(), m.data(), v.data(), nullptr, 0.1, true,
                               over_dy.data(), over_dy.data(), dw.data(), db.data());
    CHECK(over_dy == dx);
    over_dy = dy;
    over = x;
    row_norm_forward<float>(RowNorm::layer, 1100, 3, x.data(), nullptr, nullptr, 0.1, y.data(),
                            m.data(), v.data());
    row_norm_forward<float>(RowNorm::layer, 1100, 3, over.data(), nullptr, nullptr, 0.1,
                            over.data(), m.data(), v.data());
    CHECK(over == y);
    row_norm_backward<float>(RowNorm::layer, 1100, 3, x.data(), m.data(), v.data(), nullptr, 0.1,
                             dy.data(), dx.data(), dw.data(), db.data());
    row_norm_backward<float>(RowNorm::layer, 1100, 3, x.data(), m.data(), v.data(), nullptr, 0.1,
                             over_dy.data(), over_dy.data(), dw.data(), db.data());
    CHECK(over_dy == dx);
}

TEST(no_rows_give_no_gradients) {
    std::vector<float> dw(3, 5.0f), db(3, 5.0f);
    const float none = 0;
    auto zero = [&] {
        bool all = true;
        for (std::size_t i = 0; i < 3; ++i) all = all && dw[i] == 0 && db[i] == 0;
        dw.assign(3, 5.0f);
        db.assign(3, 5.0f);
        return all;
    };
    batch_norm_backward<float>(0, 3, &none, &none, &none, nullptr, 0.1, true, &none, nullptr,
                               dw.data(), db.data());
    CHECK(zero());
    group_norm_backward<float>(0, 2, 3, 3, &none, &none, &none, nullptr, &none, nullptr, dw.data(),
                               db.data());
    CHECK(zero());
    row_norm_backward<float>(RowNorm::layer, 0, 3, &none, &none, &none, nullptr, 0.1, &none,
                             nullptr, dw.data(), db.data());
    CHECK(zero());
}

TEST(moving_statistics_move_in_training_only) {
    Graph<double> graph;
    graph.set_input({2});
    const int mean = graph.add_param(2, false), variance = graph.add_param(2, false);
    graph.add(make_batch_norm<double>(2, false, false, 0.75, 0.0, false), {0}, {mean, variance});
    double m[2] = {1, 2}, v[2] = {4, 1};
    const Params<double> params{{m, v}, {nullptr, nullptr}};
    const double x[4] = {0, 3, 8, 5};  // means 4 and 4, variances 16 and 1
    double y[4];
    infer(make_plan(graph, {2, 2}, Mode::infer), params, x, y);
    CHECK(y[0] == -0.5 && y[1] == 1 && y[2] == 3.5 && y[3] == 3);
    CHECK(m[0] == 1 && m[1] == 2 && v[0] == 4 && v[1] == 1);
    Session<double> session(std::make_shared<const Graph<double>>(std::move(graph)));
    session.prepare({2, 2});
    session.forward(params, x, false, 0);
    CHECK(session.output()[2] == 3.5 && m[0] == 1);
    session.forward(params, x, true, 0);
    CHECK(session.output()[0] == -1 && session.output()[1] == -1 && session.output()[2] == 1);
    CHECK(m[0] == 1.75 && m[1] == 2.5 && v[0] == 7 && v[1] == 1);
}

RV_TEST_MAIN
