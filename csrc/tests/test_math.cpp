// Vector maths against libm one precision higher: errors in units of the last place over the
// whole range of bit patterns, special values, denormals, every tail length.
#include <limits>

#include "check.hpp"
#include "ranvier/activation.hpp"

using namespace ranvier;
using namespace ranvier::test;

namespace {

template <class T>
struct Bits;
template <>
struct Bits<float> {
    using Int = std::uint32_t;
    using Wide = double;
    static constexpr Int kStep = 4099;  // a prime: every exponent, all kinds of mantissa
};
template <>
struct Bits<double> {
    using Int = std::uint64_t;
    using Wide = long double;
    static constexpr Int kStep = 0x0000'3f5a'9173'5c1bull;
};

template <class W>
W sigmoid_of(W x) {
    return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}
template <class W>
W softplus_of(W x) {
    return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

template <class W>
W exact(Math f, W x) {
    switch (f) {
        case Math::exp:
            return std::exp(x);
        case Math::log:
            return std::log(x);
        case Math::tanh:
            return std::tanh(x);
        case Math::sigmoid:
            return sigmoid_of(x);
        case Math::erf:
            return std::erf(x);
        case Math::softplus:
            return softplus_of(x);
        case Math::expm1:
            return std::expm1(x);
        case Math::log1p:
            return std::log1p(x);
    }
    return 0;
}

// Error in units of the last place of the exact result rounded to T; 1e9 for a wrong class
// (NaN, infinity, sign).
template <class T, class W>
double ulp_error(T got, W want) {
    const T rounded = static_cast<T>(want);
    if (std::isnan(rounded) || std::isnan(got))
        return std::isnan(rounded) && std::isnan(got) ? 0.0 : 1e9;
    if (std::isinf(rounded) || std::isinf(got)) {
        if (rounded == got) return 0.0;
        // One step below infinity, or above the largest number, is one unit.
        const T big = std::numeric_limits<T>::max();
        return std::fabs(got) >= big && std::fabs(rounded) >= big ? 1.0 : 1e9;
    }
    if (std::signbit(rounded) != std::signbit(got) && want != 0 && got != 0) return 1e9;
    int e = 0;
    std::frexp(rounded, &e);
    if (e < std::numeric_limits<T>::min_exponent) e = std::numeric_limits<T>::min_exponent;
    const W unit = std::ldexp(W(1), e - std::numeric_limits<T>::digits);
    return static_cast<double>(std::fabs((W(got) - want) / unit));
}

template <class T>
const std::vector<T>& sample() {
    static const std::vector<T> all = [] {
        std::vector<T> v;
        const auto inf = std::numeric_limits<T>::infinity();
        for (T x : {T(0),
                    inf,
                    std::numeric_limits<T>::quiet_NaN(),
                    T(1),
                    T(0.5),
                    T(2),
                    T(0.625),
                    T(0.92),
                    T(3),
                    T(88),
                    T(88.7228),
                    T(88.7229),
                    T(-87.3365),
                    T(-103.97),
                    T(-103.98),
                    T(-104),
                    T(709.78),
                    T(710),
                    T(-745.13),
                    T(-745.14),
                    T(-746),
                    std::numeric_limits<T>::max(),
                    std::numeric_limits<T>::min(),
                    std::numeric_limits<T>::denorm_min(),
                    std::numeric_limits<T>::epsilon()})
            for (T s : {x, -x})
                for (T d : {s, std::nextafter(s, inf), std::nextafter(s, -inf)}) v.push_back(d);
        using Int = typename Bits<T>::Int;
        Int i = 0;
        do {
            T x;
            std::memcpy(&x, &i, sizeof x);
            v.push_back(x);
            const Int before = i;
            i += Bits<T>::kStep;
            if (i < before) break;
        } while (true);
        // Where the functions bend.
        std::mt19937_64 gen(1);
        std::uniform_real_distribution<T> near(T(-2), T(2)), far(T(-110), T(90));
        for (int k = 0; k < 300000; ++k) {
            v.push_back(near(gen));
            v.push_back(far(gen) * (sizeof(T) == 8 ? T(8) : T(1)));
        }
        return v;
    }();
    return all;
}

const char* const names[] = {"exp", "log", "tanh", "sigmoid", "erf", "softplus", "expm1", "log1p"};

template <class T>
void measure(Math f, double limit) {
    using W = typename Bits<T>::Wide;
    const auto& x = sample<T>();
    std::vector<T> y(x.size());
    vector_math<T>(f, static_cast<index_t>(x.size()), x.data(), y.data());
    double worst = 0;
    T worst_x = 0, worst_y = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double e = ulp_error(y[i], exact(f, W(x[i])));
        if (e > worst) {
            worst = e;
            worst_x = x[i];
            worst_y = y[i];
        }
    }
    std::printf("     %-8s f%d: %.3f ulp at %.17g (got %.17g)\n", names[int(f)], int(sizeof(T) * 8),
                worst, double(worst_x), double(worst_y));
    CHECK(worst <= limit, "%s: %.3f ulp at %.17g: %.17g", names[int(f)], worst, double(worst_x),
          double(worst_y));
}

constexpr Math kAll[] = {Math::exp, Math::log,      Math::tanh,  Math::sigmoid,
                         Math::erf, Math::softplus, Math::expm1, Math::log1p};

}  // namespace

TEST(float_errors) {
    for (Math f : kAll) measure<float>(f, 2.0);
}

TEST(double_errors) {
    for (Math f : kAll) measure<double>(f, 4.0);
}

TEST(signed_zero_and_denormals_pass) {
    for (Math f : {Math::tanh, Math::erf, Math::expm1, Math::log1p}) {
        float x[] = {-0.0f, 0.0f}, y[2];
        vector_math<float>(f, 2, x, y);
        CHECK(y[0] == 0 && std::signbit(y[0]) && !std::signbit(y[1]), "%s", names[int(f)]);
    }
    const float tiny = 1e-42f;
    for (Math f : {Math::tanh, Math::expm1, Math::log1p}) {
        float y;
        vector_math<float>(f, 1, &tiny, &y);
        CHECK(y == tiny, "%s", names[int(f)]);
    }
    float x = -100.0f, y;
    for (Math f : {Math::exp, Math::sigmoid, Math::softplus}) {
        vector_math<float>(f, 1, &x, &y);
        CHECK(y == 3.78350585e-44f, "%s %g", names[int(f)], double(y));
    }
}

template <class T>
void check_tails(Math f) {
    const T guard = T(-777);
    const auto x = random_values<T>(64, 5, T(0.1), T(2));
    std::vector<T> whole(64);
    vector_math<T>(f, 64, x.data(), whole.data());
    for (index_t n = 0; n <= 40; ++n)
        for (index_t offset : {0, 1, 3}) {
            std::vector<T> y(64, std::numeric_limits<T>::quiet_NaN());
            y[static_cast<std::size_t>(offset + n)] = guard;
            vector_math<T>(f, n, x.data() + offset, y.data() + offset);
            bool same = y[static_cast<std::size_t>(offset + n)] == guard;
            for (index_t i = 0; i < n; ++i)
                same = same && y[static_cast<std::size_t>(offset + i)] ==
                                   whole[static_cast<std::size_t>(offset + i)];
            CHECK(same, "%s n=%d", names[int(f)], int(n));
            auto z = x;  // in place
            vector_math<T>(f, n, z.data() + offset, z.data() + offset);
            for (index_t i = 0; i < n; ++i)
                CHECK(z[static_cast<std::size_t>(offset + i)] ==
                      whole[static_cast<std::size_t>(offset + i)]);
        }
}

TEST(every_tail_gives_the_same_bits) {
    for (Math f : kAll) {
        check_tails<float>(f);
        check_tails<double>(f);
    }
}

RV_TEST_MAIN
