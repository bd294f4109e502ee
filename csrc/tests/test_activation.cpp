// Activations, derivatives, PReLU, column sums against plain long double loops.
#include <functional>
#include <limits>
#include <string>

#include "check.hpp"
#include "ranvier/activation.hpp"

using namespace ranvier;
using namespace ranvier::test;

namespace {

using W = long double;
constexpr double kInf = std::numeric_limits<double>::infinity();

struct Named {
    const char* name;
    Act act;
    ActParams p;
    bool exact;  // same bits as the formula in T
};
const Named kAll[] = {
    {"linear", Act::linear, {}, true},
    {"binary_step", Act::binary_step, {}, true},
    {"relu", Act::relu, {0, kInf, 0}, true},
    {"relu max", Act::relu, {0, 1.5, 0}, true},
    {"relu6", Act::relu, {0, 6, 0}, true},
    {"leaky", Act::relu, {0.25, kInf, 0}, true},
    {"leaky negative", Act::relu, {-0.25, kInf, 0}, true},
    {"relu threshold", Act::relu, {0, kInf, 1}, true},
    {"relu threshold below", Act::relu, {0, kInf, -1}, true},
    {"relu all", Act::relu, {0.25, 2, 1}, true},
    {"relu all below", Act::relu, {0.25, 2, -1}, true},
    {"relu slope max", Act::relu, {0.25, 2, 0}, true},
    {"sigmoid", Act::sigmoid, {}, false},
    {"tanh", Act::tanh, {}, false},
    {"softplus", Act::softplus, {}, false},
    {"softsign", Act::softsign, {}, false},
    {"elu", Act::elu, {1, 0, 0}, false},
    {"elu 0.3", Act::elu, {0.3, 0, 0}, false},
    {"elu 0", Act::elu, {0, 0, 0}, false},
    {"elu negative", Act::elu, {-0.5, 0, 0}, false},
    {"selu", Act::selu, {}, false},
    {"gelu", Act::gelu, {}, false},
    {"gelu_tanh", Act::gelu_tanh, {}, false},
    {"silu", Act::silu, {}, false},
    {"hard_sigmoid", Act::hard_sigmoid, {}, false},
    {"exponential", Act::exponential, {}, false},
    {"log_sigmoid", Act::softplus, {-1, 0, 0}, false},
    {"celu", Act::elu, {0.5, 0.5, 0}, false},
    {"hard_tanh", Act::pieces, {0, 0, 0}, false},
    {"hard_shrink", Act::pieces, {1.5, 0, 1}, false},
    {"soft_shrink", Act::pieces, {1.5, 0, 2}, false},
    {"threshold", Act::pieces, {1.5, -4, 3}, false},
    {"sparse_plus", Act::pieces, {0, 0, 4}, false},
    {"sparse_sigmoid", Act::pieces, {0, 0, 5}, false},
    {"hard_silu", Act::pieces, {0, 0, 6}, false},
    {"mish", Act::mish, {}, false},
    {"tanh_shrink", Act::tanh_shrink, {}, false},
    {"squareplus", Act::squareplus, {4, 0, 0}, false},
};

W sigmoid_of(W x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
W cdf_of(W x) { return std::erfc(-x / std::sqrt(W(2))) / 2; }
W pdf_of(W x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::acos(W(-1))); }

W piece(const ActParams& p, W x) {
    switch (int(p.c)) {
        case 0:
            return std::min<W>(std::max<W>(x, -1), 1);
        case 1:
            return std::fabs(x) > p.a ? x : 0;
        case 2:
            return x > p.a ? x - p.a : (x < -p.a ? x + p.a : 0);
        case 3:
            return x > p.a ? x : p.b;
        case 4:
            return x <= -1 ? 0 : (x >= 1 ? x : (x + 1) * (x + 1) / 4);
        case 5:
            return std::min<W>(std::max<W>(x + 1, 0), 2) / 2;
        default:
            return x * std::min<W>(std::max<W>(x + 3, 0), 6) / 6;
    }
}
W piece_slope(const ActParams& p, W x) {
    switch (int(p.c)) {
        case 0:
            return std::fabs(x) <= 1 ? 1 : 0;
        case 1:
        case 2:
            return std::fabs(x) > p.a ? 1 : 0;
        case 3:
            return x > p.a ? 1 : 0;
        case 4:
            return x <= -1 ? 0 : (x >= 1 ? 1 : (x + 1) / 2);
        case 5:
            return std::fabs(x) <= 1 ? W(0.5) : 0;
        default:
            return x <= -3 ? 0 : (x >= 3 ? 1 : (2 * x + 3) / 6);
    }
}
W softplus_of(W x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

W value(Act act, const ActParams& p, W x) {
    const W alpha = 1.6732632423543772848170429916717L, scale = 1.0507009873554804934193349852946L;
    switch (act) {
        case Act::linear:
            return x;
        case Act::binary_step:
            return x < 0 ? 0 : 1;
        case Act::relu: {
            W v = x > p.c ? x : 0;
            if (p.b < kInf) v = std::min<W>(std::max<W>(v, 0), p.b);
            if (p.a != 0) v -= p.a * std::max<W>(p.c - x, 0);
            return v;
        }
        case Act::sigmoid:
            return sigmoid_of(x);
        case Act::tanh:
            return std::tanh(x);
        case Act::softplus:
            return p.a < 0 ? -softplus_of(-x) : softplus_of(x);
        case Act::softsign:
            return x / (1 + std::fabs(x));
        case Act::elu:
            return x > 0 ? x : p.a * std::expm1(p.b > 0 ? x / p.b : x);
        case Act::selu:
            return scale * (x > 0 ? x : alpha * std::expm1(x));
        case Act::gelu:
            return x * cdf_of(x);
        case Act::gelu_tanh:
            return x *
                   sigmoid_of(2 * std::sqrt(2 / std::acos(W(-1))) * (x + 0.044715L * x * x * x));
        case Act::silu:
            return x * sigmoid_of(x);
        case Act::hard_sigmoid:
            return std::min<W>(std::max<W>(x + 3, 0), 6) / 6;
        case Act::exponential:
            return std::exp(x);
        case Act::pieces:
            return piece(p, x);
        case Act::mish:
            return x * std::tanh(softplus_of(x));
        case Act::tanh_shrink:
            return x - std::tanh(x);
        case Act::squareplus:
            return (x + std::sqrt(x * x + p.a)) / 2;
    }
    return 0;
}

W slope(Act act, const ActParams& p, W x) {
    const W alpha = 1.6732632423543772848170429916717L, scale = 1.0507009873554804934193349852946L;
    switch (act) {
        case Act::linear:
            return 1;
        case Act::binary_step:
            return 0;
        case Act::relu: {
            if (p.c == 0 && p.b == kInf && p.a != 0) return x >= 0 ? 1 : p.a;
            const bool clipped = p.b < kInf;
            W d = x > p.c && (!clipped || (x > 0 && x < p.b)) ? 1 : 0;
            if (p.a != 0 && x < p.c) d += p.a;
            return d;
        }
        case Act::sigmoid:
            return sigmoid_of(x) * sigmoid_of(-x);
        case Act::tanh:
            return 1 / (std::cosh(x) * std::cosh(x));
        case Act::softplus:
            return sigmoid_of(p.a < 0 ? -x : x);
        case Act::softsign:
            return 1 / ((1 + std::fabs(x)) * (1 + std::fabs(x)));
        case Act::elu:
            return x > 0 ? 1 : (p.b > 0 ? p.a / p.b * std::exp(x / p.b) : p.a * std::exp(x));
        case Act::selu:
            return scale * (x > 0 ? 1 : alpha * std::exp(x));
        case Act::gelu:
            return cdf_of(x) + x * pdf_of(x);
        case Act::gelu_tanh: {
            if (x > 1e3L) return 1;
            const W k = 2 * std::sqrt(2 / std::acos(W(-1)));
            const W u = k * (x + 0.044715L * x * x * x);
            return sigmoid_of(u) +
                   x * k * (1 + 3 * 0.044715L * x * x) * sigmoid_of(u) * sigmoid_of(-u);
        }
        case Act::silu:
            return sigmoid_of(x) * (1 + x * sigmoid_of(-x));
        case Act::hard_sigmoid:
            return x > -3 && x < 3 ? W(1) / 6 : 0;
        case Act::exponential:
            return std::exp(x);
        case Act::pieces:
            return piece_slope(p, x);
        case Act::mish: {
            const W t = std::tanh(softplus_of(x));
            return t + x * (1 - t) * (1 + t) * sigmoid_of(x);
        }
        case Act::tanh_shrink:
            return std::tanh(x) * std::tanh(x);
        case Act::squareplus:
            return (1 + x / std::sqrt(x * x + p.a)) / 2;
    }
    return 0;
}

// Kinks and bends, then a spread.
template <class T>
std::vector<T> inputs(std::size_t n) {
    auto x = random_values<T>(n, 3, T(-8), T(8));
    const T kinks[] = {0, 1, -1, 1.5, 2, 3, -3, 6, -6, 7, T(-0.0), T(1e-30), T(-1e-30), T(0.625)};
    for (std::size_t i = 0; i < n && i < std::size(kinks); ++i) x[n - 1 - i] = kinks[i];
    return x;
}

template <class T>
bool near(T got, W want, double units, double absolute = 0) {
    const W eps = std::numeric_limits<T>::epsilon();
    return std::fabs(W(got) - want) <= units * eps * std::fabs(want) + absolute * eps;
}

template <class T>
void check_activation(const Named& c) {
    const std::size_t n = 203;
    const auto x = inputs<T>(n);
    const auto dy = random_values<T>(n, 9);
    const auto size = static_cast<index_t>(n);
    std::vector<T> y(n + 1, T(-77)), d(n + 1, T(-77)), dx(n + 1, T(-77));
    act_forward<T>(c.act, c.p, size, x.data(), y.data());
    act_derivative<T>(c.act, c.p, size, x.data(), d.data());
    const bool from_x = act_backward_reads_input(c.act, c.p);
    act_backward<T>(c.act, c.p, size, from_x ? x.data() : y.data(), dy.data(), dx.data());
    CHECK(y[n] == T(-77) && d[n] == T(-77) && dx[n] == T(-77));
    for (std::size_t i = 0; i < n; ++i) {
        const W want = value(c.act, c.p, x[i]), wanted_slope = slope(c.act, c.p, x[i]);
        const double absolute = c.act == Act::tanh_shrink ? 2 : 0.5e-3;  // x - tanh(x) cancels
        CHECK(near(y[i], want, c.exact ? 1 : 16, absolute), "%s y(%.9g) = %.9g, not %.9g", c.name,
              double(x[i]), double(y[i]), double(want));
        CHECK(near(d[i], wanted_slope, 8, 4), "%s d(%.9g) = %.9g, not %.9g", c.name, double(x[i]),
              double(d[i]), double(wanted_slope));
        // From y, 1 - y and the like cancel: absolute accuracy only.
        CHECK(near(dx[i], wanted_slope * W(dy[i]), 8, 4), "%s dx(%.9g) = %.9g, not %.9g", c.name,
              double(x[i]), double(dx[i]), double(wanted_slope * dy[i]));
    }
    // In place, and every tail.
    for (index_t m : {0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 203}) {
        auto z = x;
        act_forward<T>(c.act, c.p, m, z.data(), z.data());
        auto g = dy;
        act_backward<T>(c.act, c.p, m, from_x ? x.data() : y.data(), g.data(), g.data());
        for (std::size_t i = 0; i < n; ++i) {
            const bool inside = static_cast<index_t>(i) < m;
            CHECK(z[i] == (inside ? y[i] : x[i]), "%s %d", c.name, int(m));
            CHECK(g[i] == (inside ? dx[i] : dy[i]), "%s %d", c.name, int(m));
        }
    }
}

}  // namespace

TEST(values_and_derivatives) {
    for (const auto& c : kAll) {
        check_activation<float>(c);
        check_activation<double>(c);
    }
}

TEST(nan_stays_nan_and_infinity_is_right) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float inf = std::numeric_limits<float>::infinity();
    for (const auto& c : kAll) {
        float y[1], d[1];
        act_forward<float>(c.act, c.p, 1, &nan, y);
        CHECK(std::isnan(y[0]), "%s", c.name);
        act_derivative<float>(c.act, c.p, 1, &inf, d);
        CHECK(c.act == Act::exponential || std::fabs(d[0] - float(slope(c.act, c.p, 1e6))) < 1e-9f,
              "%s %g", c.name, double(d[0]));
        const float low = -inf;
        act_derivative<float>(c.act, c.p, 1, &low, d);
        CHECK(!std::isnan(d[0]), "%s", c.name);
    }
    const ActParams none{0, kInf, 0};
    const float big[] = {inf, -inf, 1e30f, -1e30f};
    float y[4];
    act_forward<float>(Act::relu, none, 4, big, y);
    CHECK(y[0] == inf && y[1] == 0 && y[2] == 1e30f && y[3] == 0);
    act_forward<float>(Act::silu, {}, 4, big, y);
    CHECK(y[0] == inf && y[2] == 1e30f && y[3] == 0);
    act_forward<float>(Act::gelu_tanh, {}, 4, big, y);
    CHECK(y[0] == inf && y[2] == 1e30f && y[3] == 0);
    act_forward<float>(Act::relu, {0, kInf, 1}, 4, big, y);
    CHECK(y[0] == inf && y[1] == 0 && y[3] == 0);
}

TEST(a_dead_relu_stops_an_infinite_gradient) {
    const float y[] = {0, 1}, dy[] = {std::numeric_limits<float>::infinity(), 2};
    float dx[2];
    act_backward<float>(Act::relu, {0, kInf, 0}, 2, y, dy, dx);
    CHECK(dx[0] == 0 && dx[1] == 2);
}

namespace {

template <class T>
void check_bias(index_t rows, index_t cols) {
    const auto n = static_cast<std::size_t>(rows * cols);
    const auto y = random_values<T>(n, 1), dy = random_values<T>(n, 2);
    const auto un = static_cast<std::size_t>(cols);
    std::vector<T> first_dx, first_db, first_sums;
    for (int threads : {1, 2, 3, 4}) {
        set_num_threads(threads);
        std::vector<T> dx(n + 1, T(-7)), db(un + 1, T(-7)), sums(un + 1, T(-7));
        db.assign(un + 1, std::numeric_limits<T>::quiet_NaN());
        db[un] = T(-7);
        act_backward_bias<T>(Act::tanh, {}, rows, cols, y.data(), dy.data(), dx.data(), db.data());
        column_sums<T>(rows, cols, dx.data(), sums.data());
        CHECK(dx[n] == T(-7) && db[un] == T(-7) && sums[un] == T(-7));
        if (threads == 1) {
            first_dx = dx;
            first_db = db;
            first_sums = sums;
            for (std::size_t j = 0; j < un; ++j) {
                W s = 0, size = 0;
                for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
                    const std::size_t e = i * un + j;
                    CHECK(near(dx[e], W(dy[e]) * (1 - W(y[e]) * y[e]), 6, 1));
                    s += dx[e];
                    size += std::fabs(W(dx[e]));
                }
                const W limit = 40 * std::numeric_limits<T>::epsilon() * (size + W(1e-30));
                CHECK(std::fabs(W(db[j]) - s) <= limit, "%d %d", int(rows), int(cols));
                CHECK(std::fabs(W(sums[j]) - s) <= limit, "%d %d", int(rows), int(cols));
            }
        }
        CHECK(dx == first_dx && db == first_db && sums == first_sums);
        if (db[0] != db[0]) CHECK(false, "NaN left in db");
    }
    set_num_threads(2);
}

template <class T>
void check_prelu(index_t rows, index_t cols) {
    const auto n = static_cast<std::size_t>(rows * cols);
    const auto un = static_cast<std::size_t>(cols);
    const auto x = random_values<T>(n, 1), dy = random_values<T>(n, 2);
    const auto alpha = random_values<T>(un, 3);
    std::vector<T> y(n + 1, T(-7)), dx(n + 1, T(-7)), da(un + 1, T(-7));
    prelu_forward<T>(rows, cols, x.data(), alpha.data(), y.data());
    prelu_backward<T>(rows, cols, x.data(), alpha.data(), dy.data(), dx.data(), da.data());
    CHECK(y[n] == T(-7) && dx[n] == T(-7) && da[un] == T(-7));
    for (std::size_t j = 0; j < un; ++j) {
        W s = 0;
        for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
            const std::size_t e = i * un + j;
            CHECK(y[e] == (x[e] > 0 ? x[e] : alpha[j] * x[e]));
            CHECK(dx[e] == (x[e] > 0 ? dy[e] : alpha[j] * dy[e]));
            s += W(dy[e]) * std::min<W>(x[e], 0);
        }
        CHECK(std::fabs(W(da[j]) - s) <= 4 * std::numeric_limits<T>::epsilon() * W(rows + 8));
    }
    auto g = dy;  // dx may be dy
    prelu_backward<T>(rows, cols, x.data(), alpha.data(), g.data(), g.data(), da.data());
    dx.pop_back();
    CHECK(g == dx);
}

}  // namespace

TEST(bias_gradient_is_the_sum_of_columns) {
    for (index_t rows : {0, 1, 3, 8, 32, 100, 1024, 3000})
        for (index_t cols : {1, 2, 3, 5, 7, 8, 9, 10, 16, 17, 31, 64, 100, 300}) {
            check_bias<float>(rows, cols);
            check_bias<double>(rows, cols);
        }
    check_bias<float>(2048, 1024);  // above the grain
}

TEST(prelu_and_its_slopes) {
    for (index_t rows : {0, 1, 2, 5, 33, 257})
        for (index_t cols : {1, 2, 3, 10, 17, 31, 32, 33, 100, 513}) {
            check_prelu<float>(rows, cols);
            check_prelu<double>(rows, cols);
        }
}

TEST(threads_do_not_change_bits) {
    const index_t n = 3000017;
    const auto x = random_values<float>(static_cast<std::size_t>(n), 4, -5.0f, 5.0f);
    std::vector<float> first(x.size()), y(x.size());
    for (Act act : {Act::relu, Act::tanh, Act::gelu}) {
        set_num_threads(1);
        act_forward<float>(act, {0, kInf, 0}, n, x.data(), first.data());
        for (int threads : {2, 3, 4}) {
            set_num_threads(threads);
            std::fill(y.begin(), y.end(), std::numeric_limits<float>::quiet_NaN());
            act_forward<float>(act, {0, kInf, 0}, n, x.data(), y.data());
            CHECK(y == first);
        }
    }
    set_num_threads(2);
}

RV_TEST_MAIN
