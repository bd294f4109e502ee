// Softmax, losses and counting metrics against plain long double loops.
#include <algorithm>
#include <limits>

#include "check.hpp"
#include "ranvier/activation.hpp"
#include "ranvier/loss.hpp"

using namespace ranvier;
using namespace ranvier::test;

namespace {

using W = long double;
using U = std::size_t;
U at(index_t i) { return static_cast<U>(i); }

template <class T>
bool near(T got, W want, W limit) {
    return std::fabs(W(got) - want) <= limit * std::numeric_limits<T>::epsilon();
}

// ---- softmax ------------------------------------------------------------------------------
template <class T>
void check_softmax(index_t outer, index_t n, index_t inner) {
    const U size = at(outer * n * inner);
    const auto x = random_values<T>(size, 1, T(-5), T(5)), dy = random_values<T>(size, 2);
    for (bool log : {false, true}) {
        std::vector<T> y(size + 1, T(-7)), dx(size + 1, T(-7));
        (log ? log_softmax_forward<T> : softmax_forward<T>)(outer, n, inner, x.data(), y.data());
        (log ? log_softmax_backward<T> : softmax_backward<T>)(outer, n, inner, y.data(), dy.data(),
                                                              dx.data());
        CHECK(y[size] == T(-7) && dx[size] == T(-7));
        for (index_t o = 0; o < outer; ++o)
            for (index_t k = 0; k < inner; ++k) {
                const auto e = [&](index_t j) { return at((o * n + j) * inner + k); };
                W m = -1e30L, sum = 0, dot = 0;
                for (index_t j = 0; j < n; ++j) m = std::max<W>(m, x[e(j)]);
                for (index_t j = 0; j < n; ++j) sum += std::exp(W(x[e(j)]) - m);
                const auto p = [&](index_t j) { return std::exp(W(x[e(j)]) - m) / sum; };
                for (index_t j = 0; j < n; ++j) dot += (log ? 1 : p(j)) * dy[e(j)];
                for (index_t j = 0; j < n; ++j) {
                    const W want = log ? W(x[e(j)]) - m - std::log(sum) : p(j);
                    CHECK(near(y[e(j)], want, log ? 16 : 16 * want), "%d %d %d log %d", int(outer),
                          int(n), int(inner), int(log));
                    const W g = log ? dy[e(j)] - p(j) * dot : p(j) * (dy[e(j)] - dot);
                    CHECK(near(dx[e(j)], g, 16 + (log ? 8 * W(n) * p(j) : 0)));
                }
            }
        auto z = x;  // in place
        (log ? log_softmax_forward<T> : softmax_forward<T>)(outer, n, inner, z.data(), z.data());
        auto g = dy;
        (log ? log_softmax_backward<T> : softmax_backward<T>)(outer, n, inner, y.data(), g.data(),
                                                              g.data());
        for (U i = 0; i < size; ++i) CHECK(z[i] == y[i] && g[i] == dx[i]);
    }
}

}  // namespace

TEST(softmax_over_any_axis) {
    for (index_t n : {1, 2, 3, 5, 8, 9, 10, 15, 16, 17, 31, 33, 100})
        for (index_t outer : {0, 1, 7, 8, 9, 33})
            for (index_t inner : {1, 2, 3, 8, 13}) {
                check_softmax<float>(outer, n, inner);
                check_softmax<double>(outer, n, inner);
            }
    check_softmax<float>(2, 4, 600);
    check_softmax<float>(3, 1000, 1);
}

TEST(softmax_threads_do_not_change_bits) {
    for (index_t n : {2, 10, 100}) {
        const index_t rows = 600001 / n;
        const auto x = random_values<float>(at(rows * n), 1, -5.0f, 5.0f);
        std::vector<float> first(x.size()), y(x.size());
        for (int threads : {1, 2, 3, 4}) {
            set_num_threads(threads);
            softmax_forward<float>(rows, n, 1, x.data(), (threads == 1 ? first : y).data());
            if (threads > 1) CHECK(y == first);
        }
    }
    set_num_threads(2);
}

TEST(softmax_of_extremes) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float inf = std::numeric_limits<float>::infinity();
    for (index_t n : {3, 40}) {
        std::vector<float> x(at(n * 4), 0.0f), y(x.size());
        x[1] = nan;
        x[at(n) + 2] = 1e30f;
        x[at(2 * n)] = -inf;
        x[at(3 * n) + 1] = -1e30f;
        softmax_forward<float>(4, n, 1, x.data(), y.data());
        for (index_t j = 0; j < n; ++j) {
            CHECK(std::isnan(y[at(j)]));
            CHECK(y[at(n + j)] == (j == 2 ? 1.0f : 0.0f));
            CHECK(near(y[at(2 * n + j)], j == 0 ? 0 : W(1) / W(n - 1), 2));
            CHECK(near(y[at(3 * n + j)], j == 1 ? 0 : W(1) / W(n - 1), 2));
        }
        log_softmax_forward<float>(4, n, 1, x.data(), y.data());
        CHECK(std::isnan(y[0]) && y[at(n) + 2] == 0 && y[at(n)] == -1e30f && y[at(2 * n)] == -inf);
    }
}

// ---- losses -------------------------------------------------------------------------------
namespace {

bool is_sparse(Loss l) { return l >= Loss::sparse_categorical_crossentropy; }
bool is_logits(Loss l) {
    return l == Loss::binary_crossentropy_logits || l == Loss::categorical_crossentropy_logits ||
           l == Loss::sparse_categorical_crossentropy_logits;
}
W sigmoid_of(W x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
W softplus_of(W x) { return std::max<W>(x, 0) + std::log1p(std::exp(-std::fabs(x))); }
W clip(W x, W lo, W hi) { return std::min(std::max(x, lo), hi); }
W passes(W x, W lo, W hi) { return x < lo || x > hi ? 0 : (x == lo || x == hi ? W(0.5) : W(1)); }

struct Row {
    W loss = 0;
    std::vector<W> slope, prob;
    bool valid = true;
};

// One row by the formulas of Keras; t is the row of targets (one-hot for the sparse losses).
template <class T>
Row exact_row(Loss loss, const LossParams& p, std::vector<W> t, const T* x) {
    const U n = t.size();
    Row r;
    r.slope.assign(n, 0);
    r.prob.assign(n, 0);
    const W lo = static_cast<T>(p.epsilon), hi = static_cast<T>(1.0 - p.epsilon);
    const bool binary =
        loss == Loss::binary_crossentropy || loss == Loss::binary_crossentropy_logits;
    if (p.label_smoothing != 0 && !is_sparse(loss) && int(loss) >= 2 &&
        loss != Loss::half_poisson_logits)
        for (auto& v : t)
            v = v * (1 - p.label_smoothing) +
                (binary ? W(0.5) : 1 / W(n)) * static_cast<W>(p.label_smoothing);
    if (int(loss) <= int(Loss::half_poisson_logits)) {
        for (U j = 0; j < n; ++j) {
            const W v = x[j], d = v - t[j], c = clip(v, lo, hi);
            if (loss == Loss::mean_squared_error) {
                r.loss += d * d / W(n);
                r.slope[j] = 2 * d / W(n);
            } else if (loss == Loss::mean_absolute_error) {
                r.loss += std::fabs(d) / W(n);
                r.slope[j] = W(d > 0 ? 1 : d < 0 ? -1 : 0) / W(n);
            } else if (loss == Loss::binary_crossentropy) {
                r.loss -= (t[j] * std::log(c) + (1 - t[j]) * std::log(1 - c)) / W(n);
                r.slope[j] = passes(v, lo, hi) * (c - t[j]) / (c * (1 - c)) / W(n);
            } else if (loss == Loss::half_poisson_logits) {
                r.prob[j] = std::exp(v);
                r.loss += (std::exp(v) + t[j] * (std::log(t[j] + (t[j] == 0)) - v - 1)) / W(n);
                r.slope[j] = (std::exp(v) - t[j]) / W(n);
            } else {
                r.loss += (t[j] * softplus_of(-v) + (1 - t[j]) * softplus_of(v)) / W(n);
                r.prob[j] = sigmoid_of(v);
                r.slope[j] = ((1 - t[j]) * sigmoid_of(v) - t[j] * sigmoid_of(-v)) / W(n);
            }
        }
        return r;
    }
    W sum = 0, total = 0;
    if (is_logits(loss)) {
        W m = x[0];
        for (U j = 0; j < n; ++j) m = std::max<W>(m, x[j]);
        for (U j = 0; j < n; ++j) sum += std::exp(W(x[j]) - m);
        for (U j = 0; j < n; ++j) {
            total += t[j];
            if (t[j] != 0) r.loss += t[j] * (std::log(sum) - (W(x[j]) - m));
            r.prob[j] = std::exp(W(x[j]) - m) / sum;
        }
        for (U j = 0; j < n; ++j) r.slope[j] = total * r.prob[j] - t[j];
        return r;
    }
    for (U j = 0; j < n; ++j) sum += x[j];
    for (U j = 0; j < n; ++j) total += t[j] * passes(x[j] / sum, lo, hi);
    for (U j = 0; j < n; ++j) {
        const W o = x[j] / sum, c = clip(o, lo, hi);
        r.loss -= t[j] * std::log(c);
        r.slope[j] = (total - t[j] * passes(o, lo, hi) / c) / sum;
    }
    return r;
}

template <class T>
void check_loss(Loss loss, index_t rows, index_t cols, bool weighted, const LossParams& p) {
    const U size = at(rows * cols);
    auto x = is_logits(loss) ? random_values<T>(size, 1, T(-6), T(6))
                             : random_values<T>(size, 1, T(0.05), T(0.95));
    std::vector<T> t(is_sparse(loss) ? at(rows) : size, T(0));
    std::mt19937 gen(5);
    for (index_t i = 0; i < rows; ++i) {
        const index_t label = index_t(gen()) % cols;
        if (is_sparse(loss))
            t[at(i)] = T(p.has_ignore_class && i % 3 == 1 ? p.ignore_class : label);
        else
            for (index_t j = 0; j < cols; ++j)
                t[at(i * cols + j)] =
                    int(loss) <= 3 ? T(gen() % 2) : (i % 4 == 3 ? T(0.25) : T(j == label));
    }
    const auto w = random_values<T>(at(rows), 7, T(0), T(2));
    const T nan = std::numeric_limits<T>::quiet_NaN();
    std::vector<T> row(at(rows) + 1, nan), dy(size + 1, nan), prob(size + 1, nan);
    row[at(rows)] = dy[size] = prob[size] = T(-7);
    const bool has_prob = is_logits(loss);
    index_t bad = 99, counted = 99;
    const double got = loss_forward_backward<T>(
        loss, p, rows, cols, t.data(), x.data(), weighted ? w.data() : nullptr, 0.5, row.data(),
        dy.data(), has_prob ? prob.data() : nullptr, &bad, &counted);
    CHECK(row[at(rows)] == T(-7) && dy[size] == T(-7) && prob[size] == T(-7));
    CHECK(bad == -1);
    W want = 0, magnitude = 0;
    index_t used = 0;
    for (index_t i = 0; i < rows; ++i) {
        std::vector<W> target(at(cols), 0);
        bool valid = true;
        if (is_sparse(loss)) {
            valid = !(p.has_ignore_class && t[at(i)] == T(p.ignore_class));
            if (valid) target[at(index_t(t[at(i)]))] = 1;
        } else {
            for (index_t j = 0; j < cols; ++j) target[at(j)] = t[at(i * cols + j)];
        }
        used += valid;
        const auto r = exact_row<T>(loss, p, target, x.data() + i * cols);
        const W wi = weighted ? W(w[at(i)]) : 1;
        const W row_want = valid ? r.loss : 0;
        want += wi * row_want;
        magnitude += wi * std::fabs(row_want);
        CHECK(near(row[at(i)], row_want, 12 + 20 * std::fabs(row_want)), "loss %d %dx%d: %g not %g",
              int(loss), int(rows), int(cols), double(row[at(i)]), double(row_want));
        for (index_t j = 0; j < cols; ++j) {
            const W g = valid ? W(0.5) * wi * r.slope[at(j)] : 0;
            CHECK(near(dy[at(i * cols + j)], g, 6 + 20 * std::fabs(g)), "slope %d %dx%d: %g not %g",
                  int(loss), int(rows), int(cols), double(dy[at(i * cols + j)]), double(g));
            if (has_prob) CHECK(near(prob[at(i * cols + j)], r.prob[at(j)], 10));
        }
    }
    CHECK(counted == used);
    CHECK(std::fabs(got - double(want)) <=
          20 * double(std::numeric_limits<T>::epsilon()) * double(magnitude + 1));
    // The value alone, the gradient in place, any number of threads: the same bits.
    for (int threads : {1, 2, 3, 4}) {
        set_num_threads(threads);
        CHECK(got == loss_forward_backward<T>(loss, p, rows, cols, t.data(), x.data(),
                                              weighted ? w.data() : nullptr, 0.5, nullptr, nullptr,
                                              nullptr, nullptr, nullptr));
        auto z = x;
        CHECK(got == loss_forward_backward<T>(loss, p, rows, cols, t.data(), z.data(),
                                              weighted ? w.data() : nullptr, 0.5, nullptr, z.data(),
                                              nullptr, nullptr, nullptr));
        dy.resize(size);
        CHECK(z == dy);
        if (has_prob) {
            z = x;
            loss_forward_backward<T>(loss, p, rows, cols, t.data(), z.data(), nullptr, 1.0, nullptr,
                                     nullptr, z.data(), nullptr, nullptr);
            prob.resize(size);
            CHECK(z == prob);
        }
    }
    set_num_threads(2);
}

constexpr Loss kAll[] = {Loss::mean_squared_error,
                         Loss::mean_absolute_error,
                         Loss::binary_crossentropy,
                         Loss::binary_crossentropy_logits,
                         Loss::half_poisson_logits,
                         Loss::categorical_crossentropy,
                         Loss::categorical_crossentropy_logits,
                         Loss::sparse_categorical_crossentropy,
                         Loss::sparse_categorical_crossentropy_logits};

}  // namespace

TEST(losses_and_gradients) {
    LossParams plain, smooth, ignore;
    smooth.label_smoothing = 0.1;
    ignore.has_ignore_class = true;
    ignore.ignore_class = -1;
    for (Loss loss : kAll)
        for (index_t rows : {1, 5, 8, 33, 300})
            for (index_t cols : {1, 2, 3, 8, 10, 16, 17, 40, 100}) {
                const bool weighted = rows % 2 == 1;
                check_loss<float>(loss, rows, cols, weighted, plain);
                check_loss<double>(loss, rows, cols, weighted, plain);
                if (is_sparse(loss))
                    check_loss<float>(loss, rows, cols, !weighted, ignore);
                else
                    check_loss<float>(loss, rows, cols, !weighted, smooth);
            }
    check_loss<float>(Loss::sparse_categorical_crossentropy_logits, 60000, 10, false, plain);
    check_loss<float>(Loss::binary_crossentropy_logits, 200000, 1, true, plain);
    check_loss<float>(Loss::mean_squared_error, 9, 5000, true, plain);
}

TEST(no_rows) {
    for (Loss loss : kAll)
        CHECK(loss_forward_backward<float>(loss, {}, 0, 3, nullptr, nullptr, nullptr, 1.0, nullptr,
                                           nullptr, nullptr, nullptr, nullptr) == 0.0);
}

TEST(extreme_logits_are_finite) {
    for (float big : {100.0f, 1e30f}) {
        const float x[] = {big, -big, 0.0f}, t[] = {0, 1, 0};
        float dy[3], label = 1, row;
        const double l =
            loss_forward_backward<float>(Loss::categorical_crossentropy_logits, {}, 1, 3, t, x,
                                         nullptr, 1.0, &row, dy, nullptr, nullptr, nullptr);
        CHECK(near(row, 2 * W(big), 2 * W(big)) && l == double(row));
        CHECK(dy[0] == 1 && dy[1] == -1 && std::fabs(dy[2]) < 1e-37f);
        loss_forward_backward<float>(Loss::sparse_categorical_crossentropy_logits, {}, 1, 3, &label,
                                     x, nullptr, 1.0, &row, dy, nullptr, nullptr, nullptr);
        CHECK(near(row, 2 * W(big), 2 * W(big)) && dy[1] == -1 && dy[0] == 1);
        const float tb[] = {1, 1, 0};
        loss_forward_backward<float>(Loss::binary_crossentropy_logits, {}, 3, 1, tb, x, nullptr,
                                     1.0, nullptr, dy, nullptr, nullptr, nullptr);
        CHECK(std::fabs(dy[0]) < 1e-37f && dy[1] == -1 && dy[2] == 0.5f);
    }
    const float x[] = {0, -std::numeric_limits<float>::infinity(), 1}, t[] = {1, 0, 0};
    float dy[3];
    CHECK(std::isfinite(loss_forward_backward<float>(Loss::categorical_crossentropy_logits, {}, 1,
                                                     3, t, x, nullptr, 1.0, nullptr, dy, nullptr,
                                                     nullptr, nullptr)));
    CHECK(dy[1] == 0);
}

TEST(clipped_probabilities_have_no_gradient) {
    const float p[] = {0.0f, 1.0f, 0.3f}, t[] = {1, 0, 1};
    float dy[3];
    double l = loss_forward_backward<float>(Loss::binary_crossentropy, {}, 3, 1, t, p, nullptr, 1.0,
                                            nullptr, dy, nullptr, nullptr, nullptr);
    CHECK(dy[0] == 0 && dy[1] == 0 && near(dy[2], -1 / W(0.3f), 10));
    CHECK(std::isfinite(l));
    const float one_hot[] = {1, 0, 0}, wrong[] = {0, 1, 0};
    for (const float* target : {one_hot, wrong}) {
        l = loss_forward_backward<float>(Loss::categorical_crossentropy, {}, 1, 3, target, one_hot,
                                         nullptr, 1.0, nullptr, dy, nullptr, nullptr, nullptr);
        CHECK(dy[0] == 0 && dy[1] == 0 && dy[2] == 0);
        CHECK(std::fabs(l - (target == one_hot ? 1.19e-7 : 16.118095)) < 1e-6);
    }
}

TEST(bad_labels_are_told_and_count_nothing) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (index_t cols : {3, 40})
        for (float bad_value : {-1.0f, float(cols), nan, 1e30f}) {
            const float labels[] = {0, 2, bad_value, 1, bad_value};
            const auto x = random_values<float>(at(5 * cols), 1, 0.1f, 1.0f);
            for (Loss loss : {Loss::sparse_categorical_crossentropy,
                              Loss::sparse_categorical_crossentropy_logits}) {
                std::vector<float> dy(x.size(), nan), row(5, nan);
                index_t bad = -5, counted = -5;
                const double l =
                    loss_forward_backward<float>(loss, {}, 5, cols, labels, x.data(), nullptr, 1.0,
                                                 row.data(), dy.data(), nullptr, &bad, &counted);
                CHECK(bad == 2 && counted == 5 && std::isfinite(l));
                CHECK(row[2] == 0 && row[4] == 0 && row[1] > 0);
                for (index_t j = 0; j < cols; ++j)
                    CHECK(dy[at(2 * cols + j)] == 0 && dy[at(4 * cols + j)] == 0);
            }
        }
}

// ---- counting -----------------------------------------------------------------------------
namespace {

template <class T>
void check_counts(index_t rows, index_t cols) {
    std::mt19937 gen(3);
    const U size = at(rows * cols);
    std::vector<T> pred(size), truth(size), labels(at(rows)), match(at(rows) + 1, T(-7));
    // Few values, so that ties abound.
    for (auto& v : pred) v = T(gen() % 4) / T(4);
    for (auto& v : truth) v = T(gen() % 2);
    for (auto& v : labels) v = T(index_t(gen()) % cols);
    const auto first_max = [&](const std::vector<T>& v, index_t i) {
        return index_t(std::max_element(v.begin() + i * cols, v.begin() + (i + 1) * cols) -
                       (v.begin() + i * cols));
    };
    const auto w = random_values<T>(at(rows), 2, T(0), T(1));
    for (int kind = 0; kind < 6; ++kind) {
        const bool sparse = kind == 3 || kind == 5;
        CountParams p;
        p.k = 2;
        const auto& t = sparse ? labels : truth;
        const double got = count_matches<T>(Count(kind), p, rows, cols, t.data(), pred.data(),
                                            w.data(), match.data());
        CHECK(match[at(rows)] == T(-7));
        W want = 0;
        for (index_t i = 0; i < rows; ++i) {
            W m = 0;
            const index_t label = sparse ? index_t(labels[at(i)]) : first_max(truth, i);
            if (kind <= 1) {
                for (index_t j = 0; j < cols; ++j) {
                    const T v = pred[at(i * cols + j)], q = truth[at(i * cols + j)];
                    m += (kind == 0 ? v == q : T(v > T(0.5)) == q) ? 1 : 0;
                }
                m /= W(cols);
            } else if (kind <= 3) {
                m = first_max(pred, i) == label;
            } else {
                index_t greater = 0;
                for (index_t j = 0; j < cols; ++j)
                    greater += pred[at(i * cols + j)] > pred[at(i * cols + label)];
                m = greater < 2;
            }
            CHECK(near(match[at(i)], m, 1), "kind %d %dx%d row %d", kind, int(rows), int(cols),
                  int(i));
            want += m * w[at(i)];
        }
        CHECK(std::fabs(got - double(want)) < 1e-6 * double(rows + 1));
        CHECK(got == count_matches<T>(Count(kind), p, rows, cols, t.data(), pred.data(), w.data(),
                                      nullptr));
    }
}

}  // namespace

TEST(counting_metrics) {
    for (index_t rows : {1, 7, 8, 33, 500})
        for (index_t cols : {1, 2, 3, 10, 16, 17, 100}) {
            check_counts<float>(rows, cols);
            check_counts<double>(rows, cols);
        }
}

TEST(counting_with_nan_is_as_keras) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float pred[] = {nan, 1, 2, 1, nan, 2, .1f, .1f, .1f, .3f, .3f, .1f, 1, 2, nan};
    const int argmaxima[] = {0, 1, 0, 0, 2};
    const int top2[3][5] = {{0, 1, 1, 1, 1}, {1, 0, 1, 1, 1}, {1, 1, 1, 0, 0}};
    for (int label = 0; label < 3; ++label) {
        float labels[5], match[5];
        for (float& l : labels) l = float(label);
        count_matches<float>(Count::sparse_categorical_accuracy, {}, 5, 3, labels, pred, nullptr,
                             match);
        for (int i = 0; i < 5; ++i) CHECK((match[i] == 1) == (argmaxima[i] == label));
        CountParams p;
        p.k = 2;
        count_matches<float>(Count::sparse_top_k_categorical_accuracy, p, 5, 3, labels, pred,
                             nullptr, match);
        for (int i = 0; i < 5; ++i) CHECK(match[i] == float(top2[label][i]));
    }
}

RV_TEST_MAIN
