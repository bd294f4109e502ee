#include "ranvier/gemm.hpp"

#include <limits>

#include "check.hpp"
#include "ranvier/activation.hpp"

using namespace ranvier;
using ranvier::test::random_values;

// Until the engine has its own.
namespace ranvier {
template <class T>
static void tanh_only(index_t n, const T* x, T* y) {
    for (index_t i = 0; i < n; ++i) y[i] = std::tanh(x[i]);
}
template <>
__attribute__((weak)) void act_forward<float>(Act, const ActParams&, index_t n, const float* x,
                                              float* y) {
    tanh_only(n, x, y);
}
template <>
__attribute__((weak)) void act_forward<double>(Act, const ActParams&, index_t n, const double* x,
                                               double* y) {
    tanh_only(n, x, y);
}
}  // namespace ranvier

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

template <class T>
struct Setup {
    Trans ta = Trans::no, tb = Trans::no;
    index_t m = 0, n = 0, k = 0;
    T alpha = 1, beta = 0;
    bool bias = false, pre = false;
    Act act = Act::linear;
    double slope = 0;
    index_t pad = 0;  // added to every leading dimension
};

template <class T>
struct Result {
    std::vector<T> c, pre;
};

// Operands end exactly at the end of their allocation, so that the sanitizer sees a read beyond.
template <class T>
struct Operands {
    index_t lda, ldb, ldc;
    std::vector<T> a, b, c, bias;
    explicit Operands(const Setup<T>& s) {
        const bool ta = s.ta == Trans::yes, tb = s.tb == Trans::yes;
        const index_t rows_a = ta ? s.k : s.m, cols_a = ta ? s.m : s.k;
        const index_t rows_b = tb ? s.n : s.k, cols_b = tb ? s.k : s.n;
        lda = cols_a + s.pad;
        ldb = cols_b + s.pad;
        ldc = s.n + s.pad;
        auto size = [](index_t rows, index_t cols, index_t ld) {
            return static_cast<std::size_t>(rows && cols ? (rows - 1) * ld + cols : 0);
        };
        a = random_values<T>(size(rows_a, cols_a, lda), 1);
        b = random_values<T>(size(rows_b, cols_b, ldb), 2);
        c = random_values<T>(size(s.m, s.n, ldc), 3);
        bias = random_values<T>(static_cast<std::size_t>(s.n), 4);
    }
};

template <class T>
Result<T> run(const Setup<T>& s, const Operands<T>& o, int threads) {
    Result<T> r{o.c, std::vector<T>(o.c.size(), T(7))};
    if (s.beta == T(0))
        for (index_t i = 0; i < s.m; ++i)
            for (index_t j = 0; j < s.n; ++j) r.c[i * o.ldc + j] = std::nan("");
    Epilogue<T> e;
    e.bias = s.bias ? o.bias.data() : nullptr;
    e.act = s.act;
    e.params = {s.slope, kInf, 0.0};
    e.pre = s.pre ? r.pre.data() : nullptr;
    e.ldpre = o.ldc;
    set_num_threads(threads);
    gemm<T>(s.ta, s.tb, s.m, s.n, s.k, s.alpha, o.a.data(), o.lda, o.b.data(), o.ldb, s.beta,
            r.c.data(), o.ldc, e);
    return r;
}

template <class T>
double applied(const Setup<T>& s, double x) {
    if (s.act == Act::relu) return x < 0 ? x * s.slope : x;
    if (s.act == Act::tanh) return std::tanh(x);
    return x;
}

template <class T>
void check_against_loops(const Setup<T>& s, const Operands<T>& o, const Result<T>& r) {
    const double unit = 4 * std::numeric_limits<T>::epsilon() * (1 + std::sqrt(double(s.k)));
    bool right = true, untouched = true;
    for (index_t i = 0; i < s.m && right; ++i)
        for (index_t j = 0; j < o.ldc; ++j) {
            const std::size_t at = i * o.ldc + j;
            if (j >= s.n) {
                if (at < r.c.size()) untouched &= r.c[at] == o.c[at] && r.pre[at] == T(7);
                continue;
            }
            double sum = 0, scale = 1 + std::sqrt(double(s.k)) / 3;  // of the partial sums
            for (index_t p = 0; p < s.k; ++p) {
                const double x = s.ta == Trans::yes ? o.a[p * o.lda + i] : o.a[i * o.lda + p];
                const double y = s.tb == Trans::yes ? o.b[j * o.ldb + p] : o.b[p * o.ldb + j];
                sum += x * y;
            }
            double x = s.k && s.alpha != 0 ? s.alpha * sum : 0;
            if (s.beta != 0) x += s.beta * double(o.c[at]);
            if (s.bias) x += o.bias[j];
            scale += std::fabs(x);
            if (s.pre) right &= std::fabs(r.pre[at] - x) <= unit * scale;
            right &= std::fabs(r.c[at] - applied(s, x)) <= unit * scale;
            if (!right) {
                CHECK(right, "ta=%d tb=%d m=%td n=%td k=%td alpha=%g beta=%g at %td,%td: %g != %g",
                      int(s.ta), int(s.tb), s.m, s.n, s.k, double(s.alpha), double(s.beta), i, j,
                      double(r.c[at]), applied(s, x));
                break;
            }
        }
    CHECK(untouched, "m=%td n=%td k=%td", s.m, s.n, s.k);
}

template <class T>
void check_one(const Setup<T>& s) {
    const Operands<T> o(s);
    check_against_loops(s, o, run(s, o, 1));
}

template <class T>
void check_transposes(Setup<T> s) {
    for (Trans ta : {Trans::no, Trans::yes})
        for (Trans tb : {Trans::no, Trans::yes}) {
            s.ta = ta;
            s.tb = tb;
            check_one(s);
        }
}

template <class T>
void sweep_small() {
    for (index_t m : {1, 2, 3, 5, 6, 7, 8, 13, 16, 33})
        for (index_t n : {1, 2, 3, 4, 5, 7, 8, 9, 10, 15, 16, 17, 31, 33, 70})
            for (index_t k : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 20, 33}) {
                Setup<T> s;
                s.m = m;
                s.n = n;
                s.k = k;
                // Cheap variety: each combination sees another mixture of the options.
                const index_t mix = m + 3 * n + 5 * k;
                s.alpha = mix % 3 ? T(1) : T(-1.5);
                s.beta = mix % 4 == 0 ? T(0.5) : mix % 4 == 1 ? T(1) : T(0);
                s.bias = mix % 2;
                s.pre = mix % 5 == 0;
                s.act = mix % 3 == 1 ? Act::relu : Act::linear;
                s.slope = mix % 7 < 3 ? 0.25 : 0.0;
                s.pad = mix % 4;
                check_transposes(s);
            }
}

template <class T>
void check_shapes(const std::vector<std::vector<index_t>>& shapes) {
    for (const auto& shape : shapes) {
        Setup<T> s;
        s.m = shape[0];
        s.n = shape[1];
        s.k = shape[2];
        check_transposes(s);
        s.alpha = T(0.5);
        s.beta = T(2);
        s.bias = s.pre = true;
        s.act = Act::relu;
        s.pad = 3;
        check_transposes(s);
    }
}

}  // namespace

TEST(small_shapes_float) { sweep_small<float>(); }
TEST(small_shapes_double) { sweep_small<double>(); }

TEST(shapes_of_networks) {
    const std::vector<std::vector<index_t>> shapes = {
        {1, 100, 20},   {1, 10, 784},  {32, 100, 20}, {32, 2, 100},  {64, 10, 128},
        {50, 120, 400}, {20, 100, 32}, {784, 64, 9},  {1, 700, 300}, {300, 1, 1000},
        {129, 33, 65},  {200, 7, 200}, {30, 300, 3},  {33, 100, 8},  {1, 2100, 1000}};
    check_shapes<float>(shapes);
    check_shapes<double>(shapes);
}

TEST(several_blocks_of_each_extent) {
    const std::vector<std::vector<index_t>> shapes = {
        {8, 300, 900},   {10, 600, 1100}, {120, 100, 700}, {7, 40, 1000},  {400, 17, 900},
        {350, 230, 400}, {5, 2000, 800},  {2000, 5, 800},  {70, 24, 11200}};
    check_shapes<float>(shapes);
    check_shapes<double>(shapes);
}

TEST(nothing_to_do_and_nothing_to_sum) {
    for (index_t m : {0, 3})
        for (index_t n : {0, 20})
            for (index_t k : {0, 5}) {
                Setup<float> s;
                s.m = m;
                s.n = n;
                s.k = k;
                s.bias = true;
                check_transposes(s);
                s.beta = 0.5f;
                check_transposes(s);
            }
    // alpha = 0 does not read A and B.
    for (index_t m : {1, 20}) {
        std::vector<float> nan(20 * 20, std::nanf("")), c(m * 20, 3.0f);
        gemm<float>(Trans::no, Trans::no, m, 20, 20, 0.0f, nan.data(), 20, nan.data(), 20, 2.0f,
                    c.data(), 20);
        for (float x : c) CHECK(x == 6.0f);
        gemm<float>(Trans::no, Trans::no, m, 20, 0, 1.0f, nullptr, 20, nullptr, 20, 0.0f, c.data(),
                    20);
        for (float x : c) CHECK(x == 0.0f);
    }
}

TEST(other_activations_follow_the_last_block) {
    for (index_t m : {1, 4, 40, 300})
        for (index_t n : {3, 50})
            for (index_t k : {10, 900}) {
                Setup<float> s;
                s.m = m;
                s.n = n;
                s.k = k;
                s.alpha = 0.1f;
                s.bias = s.pre = true;
                s.act = Act::tanh;
                check_transposes(s);
                s.pad = 2;
                check_transposes(s);
            }
}

TEST(relu_keeps_nan_and_negative_infinity) {
    for (double slope : {0.0, 0.5}) {
        const float one = 1.0f;
        const std::vector<float> b = {std::nanf(""), -std::numeric_limits<float>::infinity(),
                                      -2.0f};
        std::vector<float> c(3);
        Epilogue<float> e;
        e.act = Act::relu;
        e.params = {slope, kInf, 0.0};
        gemm<float>(Trans::no, Trans::no, 1, 3, 1, 1.0f, &one, 1, b.data(), 3, 0.0f, c.data(), 3,
                    e);
        CHECK(std::isnan(c[0]));
        CHECK(slope == 0.0 ? c[1] == 0.0f : std::isinf(c[1]));
        CHECK(c[2] == -2.0f * static_cast<float>(slope));
    }
}

TEST(same_bits_for_any_number_of_threads) {
    const std::vector<std::vector<index_t>> shapes = {
        {1, 3000, 1500}, {3, 2100, 1000}, {1500, 3, 2000},  {2000, 1, 1100},
        {7, 3000, 1000}, {300, 310, 400}, {1000, 100, 301}, {100, 1000, 301},
        {4000, 10, 300}, {64, 64, 5000},  {130, 40, 6300}};
    for (const auto& shape : shapes)
        for (Trans ta : {Trans::no, Trans::yes})
            for (Trans tb : {Trans::no, Trans::yes}) {
                Setup<float> s;
                s.ta = ta;
                s.tb = tb;
                s.m = shape[0];
                s.n = shape[1];
                s.k = shape[2];
                s.alpha = 0.7f;
                s.beta = 0.3f;
                s.bias = true;
                const Operands<float> o(s);
                const auto one = run(s, o, 1);
                for (int threads : {2, 3, 4, 7}) {
                    const auto many = run(s, o, threads);
                    CHECK(std::memcmp(one.c.data(), many.c.data(), one.c.size() * 4) == 0,
                          "m=%td n=%td k=%td ta=%d tb=%d threads=%d", s.m, s.n, s.k, int(ta),
                          int(tb), threads);
                }
            }
}

template <class T>
static void check_parts(index_t m, index_t n, index_t k, Trans tb) {
    const auto a = random_values<T>(m * k, 1), b = random_values<T>(k * n, 2);
    const index_t ldb = tb == Trans::yes ? k : n;
    std::vector<T> whole(static_cast<std::size_t>(m * n)), parts(whole.size());
    gemm<T>(Trans::no, tb, m, n, k, T(1), a.data(), k, b.data(), ldb, T(0), whole.data(), n);
    for (index_t rows : {1, 5, 12, 30}) {
        for (index_t i = 0; i < m; i += rows)
            gemm<T>(Trans::no, tb, std::min(rows, m - i), n, k, T(1), a.data() + i * k, k, b.data(),
                    ldb, T(0), parts.data() + i * n, n, {}, m);
        CHECK(std::memcmp(whole.data(), parts.data(), whole.size() * sizeof(T)) == 0,
              "m=%td n=%td k=%td tb=%d rows=%td", m, n, k, int(tb), rows);
    }
}

TEST(parts_have_the_bits_of_the_whole) {
    const std::vector<std::vector<index_t>> shapes = {
        {49, 512, 2048}, {24, 600, 1000}, {12, 576, 1000}, {7, 700, 2000}, {60, 4, 300},
        {50, 33, 7},     {40, 2, 900},    {6, 1200, 900},  {30, 3, 100}};
    for (const auto& shape : shapes)
        for (Trans tb : {Trans::no, Trans::yes}) {
            check_parts<float>(shape[0], shape[1], shape[2], tb);
            check_parts<double>(shape[0], shape[1], shape[2], tb);
        }
}

RV_TEST_MAIN
