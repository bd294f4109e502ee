// Convolution by plain loops in double precision, and memory that shows what was written where.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "check.hpp"
#include "ranvier/conv.hpp"

namespace ranvier::test {

inline std::size_t size_of(index_t n) { return static_cast<std::size_t>(n); }

// Memory for a result: NaN, with guards on both sides.
template <class T>
class Guarded {
  public:
    explicit Guarded(index_t n) : all_(size_of(n + 2 * kGuard), kValue), n_(n) {
        std::fill_n(get(), n, std::numeric_limits<T>::quiet_NaN());
    }
    T* get() { return all_.data() + kGuard; }
    T operator[](index_t i) const { return all_[size_of(kGuard + i)]; }
    index_t size() const { return n_; }
    bool intact() const {
        for (index_t i = 0; i < kGuard; ++i)
            if (all_[size_of(i)] != kValue || all_[size_of(kGuard + n_ + i)] != kValue)
                return false;
        return true;
    }

  private:
    static constexpr index_t kGuard = 96;
    static constexpr T kValue = T(1234.5);
    std::vector<T> all_;
    index_t n_;
};

using Values = std::vector<double>;

// These were two thirds of the time of all tests under sanitizers.
#define RV_UNSANITIZED __attribute__((no_sanitize("address", "undefined")))
template <class T>
RV_UNSANITIZED void add_scaled(std::size_t n, double f, const T* x, double* y) {
    for (std::size_t i = 0; i < n; ++i) y[i] += f * double(x[i]);
}
template <class T>
RV_UNSANITIZED double dot(std::size_t n, const double* x, const T* y) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += x[i] * double(y[i]);
    return sum;
}
#undef RV_UNSANITIZED

// Calls f(i of x, i of w, i of y, n) for products of an element of x with n neighbours of w, which
// add to as many of y.
template <class F>
void each_product(const ConvShape& s, F f) {
    const index_t cg = s.c_of_group(), cog = s.co_of_group();
    index_t o[3], t[3], at[3];
    for (index_t n = 0; n < s.n; ++n)
        for (index_t p = 0; p < s.out_pixels(); ++p)
            for (index_t q = 0; q < s.taps(); ++q) {
                o[0] = p / (s.out[1] * s.out[2]), o[1] = p / s.out[2] % s.out[1];
                o[2] = p % s.out[2];
                t[0] = q / (s.kernel[1] * s.kernel[2]), t[1] = q / s.kernel[2] % s.kernel[1];
                t[2] = q % s.kernel[2];
                bool inside = true;
                for (int i = 0; i < 3; ++i) {
                    at[i] = o[i] * s.stride[i] + t[i] * s.dilation[i] - s.pad[i];
                    inside &= at[i] >= 0 && at[i] < s.in[i];
                }
                if (!inside) continue;
                const index_t x = ((n * s.in[0] + at[0]) * s.in[1] + at[1]) * s.in[2] + at[2];
                for (index_t c = 0; c < s.c; ++c) {
                    const index_t g = c / cg;
                    f(size_of(x * s.c + c), size_of((q * cg + c % cg) * s.co + g * cog),
                      size_of((n * s.out_pixels() + p) * s.co + g * cog), size_of(cog));
                }
            }
}

template <class T>
struct Problem {
    ConvShape s;
    std::vector<T> x, w, bias, dy;
    explicit Problem(const ConvShape& shape)
        : s(shape),
          x(random_values<T>(size_of(s.n * s.in_pixels() * s.c), 1)),
          w(random_values<T>(size_of(s.weights()), 2)),
          bias(random_values<T>(size_of(s.co), 3)),
          dy(random_values<T>(size_of(s.n * s.out_pixels() * s.co), 4)) {}

    Values sum(bool with_bias) const {
        Values y(dy.size());
        for (std::size_t i = 0; i < y.size(); ++i)
            y[i] = with_bias ? double(bias[i % size_of(s.co)]) : 0;
        each_product(s, [&](auto i, auto k, auto o, auto n) {
            add_scaled(n, double(x[i]), w.data() + k, y.data() + o);
        });
        return y;
    }
    Values to_x(const Values& g) const {
        Values dx(x.size());
        each_product(s, [&](auto i, auto k, auto o, auto n) {
            dx[i] += dot(n, g.data() + o, w.data() + k);
        });
        return dx;
    }
    Values to_w(const Values& g) const {
        Values dw(w.size());
        each_product(s, [&](auto i, auto k, auto o, auto n) {
            add_scaled(n, double(x[i]), g.data() + o, dw.data() + k);
        });
        return dw;
    }
    Values to_bias(const Values& g) const {
        Values db(bias.size());
        for (std::size_t i = 0; i < g.size(); ++i) db[i % db.size()] += g[i];
        return db;
    }
};

template <class T>
void check_close(const ConvShape& s, const char* what, const Guarded<T>& got, const Values& want) {
    double largest = 1;
    for (double v : want) largest = std::max(largest, std::fabs(v));
    const double bound = 128 * double(std::numeric_limits<T>::epsilon()) * largest;
    bool right = true;
    for (index_t i = 0; right && i < got.size(); ++i)
        right = std::fabs(double(got[i]) - want[size_of(i)]) <= bound;
    CHECK(right && got.intact(),
          "%s: n=%td in=%td,%td,%td c=%td co=%td groups=%td kernel=%td,%td,%td stride=%td "
          "dilation=%td pad=%td,%td,%td %s",
          what, s.n, s.in[0], s.in[1], s.in[2], s.c, s.co, s.groups, s.kernel[0], s.kernel[1],
          s.kernel[2], s.stride[2], s.dilation[2], s.pad[0], s.pad[1], s.pad[2],
          right ? "wrote beyond its result" : "");
}

}  // namespace ranvier::test
