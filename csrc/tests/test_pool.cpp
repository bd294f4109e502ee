// Pooling and its relatives against plain loops: every count of channels around the vector width,
// unaligned pointers, outputs that hold NaN before, guards around them.
#include "ranvier/pool.hpp"

#include <limits>

#include "tests/check.hpp"

using namespace ranvier;
using ranvier::test::random_values;

namespace {

constexpr double kGuard = 12345.0;

// n elements that hold NaN, off any alignment, with guards before and after.
template <class T>
class Guarded {
  public:
    explicit Guarded(index_t n)
        : v_(static_cast<std::size_t>(n + 7), T(kGuard)), n_(static_cast<std::size_t>(n)) {
        for (std::size_t i = 0; i < n_; ++i) v_[3 + i] = std::numeric_limits<T>::quiet_NaN();
    }
    T* get() { return v_.data() + 3; }
    bool intact() const {
        for (std::size_t i = 0; i < v_.size(); ++i)
            if ((i < 3 || i >= n_ + 3) && v_[i] != T(kGuard)) return false;
        return true;
    }
    T operator[](index_t i) const { return v_[static_cast<std::size_t>(3 + i)]; }

  private:
    std::vector<T> v_;
    std::size_t n_;
};

struct Expected {
    std::vector<double> max, mean, dmax, dmean;
    std::vector<std::uint32_t> index;
};

// By definition: every output looks at every place of its window.
template <class T>
Expected by_definition(const PoolShape& s, const std::vector<T>& x, const std::vector<T>& dy) {
    Expected e;
    const auto outputs = static_cast<std::size_t>(s.n * s.out_image());
    const auto inputs = static_cast<std::size_t>(s.n * s.in_image());
    e.dmax.assign(inputs, 0);
    e.dmean.assign(inputs, 0);
    for (std::size_t y = 0; y < outputs; ++y) {
        auto rest = static_cast<index_t>(y);
        const index_t c = rest % s.c;
        rest /= s.c;
        index_t o[3];
        for (int a = 2; a >= 0; --a) {
            o[a] = rest % s.out[a];
            rest /= s.out[a];
        }
        std::vector<std::size_t> seen;
        for (index_t i = 0; i < s.window[0]; ++i)
            for (index_t j = 0; j < s.window[1]; ++j)
                for (index_t k = 0; k < s.window[2]; ++k) {
                    const index_t d = o[0] * s.stride[0] - s.before[0] + i;
                    const index_t h = o[1] * s.stride[1] - s.before[1] + j;
                    const index_t w = o[2] * s.stride[2] - s.before[2] + k;
                    if (d < 0 || h < 0 || w < 0 || d >= s.in[0] || h >= s.in[1] || w >= s.in[2])
                        continue;
                    seen.push_back(static_cast<std::size_t>(
                        (((rest * s.in[0] + d) * s.in[1] + h) * s.in[2] + w) * s.c + c));
                }
        std::size_t best = 0;
        double sum = 0, nan = 0;
        for (std::size_t i = 0; i < seen.size(); ++i) {
            if (!(x[seen[best]] >= x[seen[i]])) best = i;
            if (x[seen[i]] != x[seen[i]]) nan = x[seen[i]];
            sum += x[seen[i]];
        }
        e.max.push_back(nan == 0 ? x[seen[best]] : nan);
        e.index.push_back(static_cast<std::uint32_t>(best));
        const double share = s.mean ? 1.0 / static_cast<double>(seen.size()) : 1.0;
        e.mean.push_back(sum * share);
        e.dmax[seen[best]] += dy[y];
        for (std::size_t i : seen) e.dmean[i] += dy[y] * share;
    }
    return e;
}

bool near(double got, double wanted, double tolerance) {
    if (wanted != wanted) return got != got;
    return got == wanted || std::fabs(got - wanted) <= tolerance * (1 + std::fabs(wanted));
}

template <class T, class A, class B>
void check_all(const char* what, const A& got, const B& wanted, double tolerance) {
    for (std::size_t i = 0; i < wanted.size(); ++i)
        if (!near(got[static_cast<index_t>(i)], wanted[i], tolerance)) {
            CHECK(false, "%s: element %zu is %g, not %g", what, i,
                  double(got[static_cast<index_t>(i)]), double(wanted[i]));
            return;
        }
}

template <class T>
void check_pool(const Shape& shape, const Shape& window, const Shape& stride, bool same,
                bool specials) {
    const PoolShape s = pool_shape(shape, window, stride, same);
    const index_t n = s.n * s.in_image(), m = s.n * s.out_image();
    std::vector<T> x = random_values<T>(static_cast<std::size_t>(n), 5);
    for (std::size_t i = 0; specials && i < x.size(); ++i) {
        x[i] = std::round(2 * x[i]);  // ties
        if (i % 7 == 3) x[i] = -std::numeric_limits<T>::infinity();
        if (i % 11 == 5) x[i] = std::numeric_limits<T>::quiet_NaN();
    }
    const std::vector<T> dy = random_values<T>(static_cast<std::size_t>(m), 6);
    const Expected e = by_definition(s, x, dy);
    const double tolerance = sizeof(T) == 4 ? 3e-6 : 1e-14;

    Guarded<T> y(m), y_without(m), mean(m), dmax(n), dmean(n);
    std::vector<unsigned char> index(static_cast<std::size_t>(m * s.index_bytes() + 8), 0xcd);
    max_pool(s, x.data(), y.get(), index.data() + 4);
    max_pool<T>(s, x.data(), y_without.get(), nullptr);
    check_all<T>("max", y, e.max, 0);
    check_all<T>("max without index", y_without, e.max, 0);
    for (std::size_t i = 0; i < e.index.size(); ++i) {
        std::uint32_t at = index[4 + i];
        if (s.wide_index) std::memcpy(&at, index.data() + 4 + 4 * i, 4);
        CHECK(at == e.index[i], "index %zu is %u, not %u", i, at, e.index[i]);
    }
    for (std::size_t i = 0; i < 4; ++i)
        CHECK(index[i] == 0xcd && index[index.size() - 1 - i] == 0xcd, "guard of the index");
    max_pool_backward<T>(s, dy.data(), index.data() + 4, dmax.get());
    check_all<T>("max backward", dmax, e.dmax, tolerance);
    average_pool(s, x.data(), mean.get());
    if (!specials) check_all<T>("average", mean, e.mean, tolerance);
    average_pool_backward(s, dy.data(), dmean.get());
    check_all<T>("average backward", dmean, e.dmean, tolerance);
    CHECK(y.intact() && y_without.intact() && mean.intact() && dmax.intact() && dmean.intact(),
          "guards");

    // the same by images and by rows
    Guarded<T> part(m), dpart(n);
    for (index_t i = 0; i < s.n; ++i)
        maxpool_forward<T>(s, i, i + 1, x.data(), part.get(), nullptr);
    for (index_t i = 0; i < s.n * s.in_rows(); ++i)
        maxpool_backward_rows<T>(s, i, i + 1, dy.data(), index.data() + 4, dpart.get());
    CHECK(m == 0 || std::memcmp(part.get(), y_without.get(), sizeof(T) * std::size_t(m)) == 0,
          "by images");
    CHECK(n == 0 || std::memcmp(dpart.get(), dmax.get(), sizeof(T) * std::size_t(n)) == 0,
          "by rows");
}

template <class T>
void pools() {
    for (index_t c = 1; c <= 37; c += c < 20 ? 1 : 4) {
        check_pool<T>({2, 4, 6, c}, {2, 2}, {2, 2}, false, c % 2 == 0);
        check_pool<T>({1, 5, 7, c}, {2, 2}, {2, 2}, true, c % 2 == 1);
        check_pool<T>({2, 7, 6, c}, {3, 3}, {2, 2}, true, c % 2 == 0);
        check_pool<T>({2, 5, 6, c}, {3, 2}, {1, 1}, true, c % 2 == 1);
        check_pool<T>({1, 9, c}, {2}, {3}, false, true);
        check_pool<T>({2, 3, 4, 5, c}, {2, 2, 3}, {1, 2, 2}, true, true);
    }
    for (index_t c : {1, 2, 17}) {
        check_pool<T>({1, 18, 19, c}, {17, 16}, {1, 2}, false, true);  // indices of 32 bits
        check_pool<T>({1, 18, 19, c}, {17, 16}, {1, 2}, true, false);
        check_pool<T>({2, 4, 3, c}, {9, 8}, {2, 2}, true, false);  // windows larger than the input
        check_pool<T>({1, 600, c}, {3}, {2}, false, false);        // more than one run of windows
        check_pool<T>({1, 600, c}, {5}, {1}, true, true);
        check_pool<T>({0, 4, 4, c}, {2, 2}, {2, 2}, false, false);
    }
    check_pool<T>({2, 4, 4, 0}, {2, 2}, {2, 2}, false, false);
}
TEST(pools_float) { pools<float>(); }
TEST(pools_double) { pools<double>(); }

template <class T>
void globals() {
    for (index_t c : {1, 2, 3, 5, 8, 16, 17, 31, 63, 64, 65, 130})
        for (index_t positions : {1, 2, 7, 64, 65, 300}) {
            const index_t n = 2, all = n * positions * c;
            auto x = random_values<T>(std::size_t(all), 3);
            for (auto& v : x) v = std::round(4 * v);
            x[std::size_t(all) - 1] = std::numeric_limits<T>::quiet_NaN();
            const auto dy = random_values<T>(std::size_t(n * c), 4);
            Guarded<T> most(n * c), mean(n * c), dmost(all), dmean(all);
            global_max_pool(n, positions, c, x.data(), most.get());
            global_average_pool(n, positions, c, x.data(), mean.get());
            global_max_pool_backward(n, positions, c, x.data(), most.get(), dy.data(), dmost.get());
            global_average_pool_backward(n, positions, c, dy.data(), dmean.get());
            for (index_t i = 0; i < n * c; ++i) {
                const index_t from = i / c * positions * c + i % c;
                double best = x[std::size_t(from)], sum = 0, count = 0;
                bool nan = false;
                for (index_t p = 0; p < positions; ++p) {
                    const double v = x[std::size_t(from + p * c)];
                    nan = nan || v != v;
                    best = v > best ? v : best;
                    sum += v;
                }
                if (nan) best = std::nan("");
                for (index_t p = 0; p < positions; ++p)
                    count += x[std::size_t(from + p * c)] == best;
                CHECK(near(most[i], best, 0), "max of c %td, positions %td", c, positions);
                CHECK(near(mean[i], sum / double(positions), 1e-6), "mean of c %td, %td", c,
                      positions);
                for (index_t p = 0; p < positions; ++p) {
                    const bool equal = x[std::size_t(from + p * c)] == best;
                    const double g = nan ? std::nan("") : equal ? dy[std::size_t(i)] / count : 0;
                    CHECK(near(dmost[from + p * c], g, 1e-6), "dmax of c %td, %td", c, positions);
                    CHECK(near(dmean[from + p * c], dy[std::size_t(i)] / double(positions), 1e-6),
                          "dmean of c %td, %td", c, positions);
                }
            }
            CHECK(most.intact() && mean.intact() && dmost.intact() && dmean.intact(), "guards");
        }
}
TEST(globals_float) { globals<float>(); }
TEST(globals_double) { globals<double>(); }

template <class T>
void resampling() {
    for (index_t c : {1, 3, 8, 17, 40}) {
        const index_t n = 2, h = 3, w = 4, sh = 2, sw = 3;
        const index_t small = n * h * w * c, large = small * sh * sw;
        const auto x = random_values<T>(std::size_t(small), 1);
        const auto dy = random_values<T>(std::size_t(large), 2);
        Guarded<T> y(large), dx(small), b(large), db(small);
        const PoolShape s = upsample_shape({n, h, w, c}, {sh, sw});
        upsample(s, x.data(), y.get());
        upsample_backward(s, dy.data(), dx.get());
        std::vector<double> sums(std::size_t(small), 0);
        for (index_t i = 0; i < large; ++i) {
            const index_t p = i / c, col = p % (w * sw), row = p / (w * sw) % (h * sh);
            const index_t image = p / (w * sw) / (h * sh);
            const index_t from = ((image * h + row / sh) * w + col / sw) * c + i % c;
            CHECK(y[i] == x[std::size_t(from)], "nearest, c %td, element %td", c, i);
            sums[std::size_t(from)] += dy[std::size_t(i)];
        }
        check_all<T>("nearest backward", dx, sums, 1e-6);

        // bilinear: constants stay, and <y, dy> = <x, dx>
        const BilinearShape q{n, h, w, c, sh, sw};
        const std::vector<T> ones(std::size_t(small), T(1));
        upsample_bilinear(q, ones.data(), b.get());
        for (index_t i = 0; i < large; ++i) CHECK(near(b[i], 1, 1e-6), "a constant");
        upsample_bilinear(q, x.data(), b.get());
        upsample_bilinear_backward(q, dy.data(), db.get());
        double forward = 0, backward = 0;
        for (index_t i = 0; i < large; ++i) forward += double(b[i]) * dy[std::size_t(i)];
        for (index_t i = 0; i < small; ++i) backward += double(db[i]) * x[std::size_t(i)];
        CHECK(near(forward, backward, 1e-5), "%g and %g", forward, backward);
        CHECK(y.intact() && dx.intact() && b.intact() && db.intact(), "guards");
    }
}
TEST(resampling_float) { resampling<float>(); }
TEST(resampling_double) { resampling<double>(); }

TEST(frames) {
    const FrameShape s = frame_shape({2, 2, 3, 2, 3}, {1, 0, 2}, {0, 2, 1}, true);
    const index_t inner = 2 * 2 * 3 * 2 * 3, outer = 2 * 3 * 5 * 5 * 3;
    const auto x = random_values<float>(inner, 1);
    Guarded<float> y(outer), back(inner);
    zero_pad(s, x.data(), y.get());
    index_t zeros = 0;
    for (index_t i = 0; i < outer; ++i) zeros += y[i] == 0;
    CHECK(zeros == outer - inner, "%td zeros", zeros);
    crop(s, y.get(), back.get());
    check_all<float>("there and back", back, x, 0);
    CHECK(y.intact() && back.intact(), "guards");
    CHECK(y[((0 * 3 + 1) * 5 + 0) * 15 + 6] == x[0], "the first element");
}

template <class F>
bool refused(F&& f) {
    try {
        f();
    } catch (const std::invalid_argument&) {
        return true;
    } catch (const std::bad_alloc&) {
        return true;
    }
    return false;
}
TEST(refusals) {
    CHECK(refused([] { pool_shape({1, 2, 2, 1}, {3, 3}, {1, 1}, false); }), "too large");
    CHECK(refused([] { pool_shape({1, 2, 2, 1}, {3}, {1}, false); }), "rank");
    CHECK(refused([] { pool_shape({1, 2, 2, 1}, {1, 1}, {1}, false); }), "strides");
    CHECK(refused([] { pool_shape({1, 2, 2, 1}, {1, 1}, {}, false); }), "no strides");
    CHECK(refused([] { pool_shape({1, 2, 2, 1}, {1, 1}, {0, 1}, false); }), "stride 0");
    CHECK(refused([] { pool_shape({1, 0, 2, 1}, {1, 1}, {1, 1}, true); }), "empty");
    CHECK(refused([] { pool_shape({1}, {}, {}, true); }), "no axes");
    CHECK(refused([] { upsample_shape({1, 1 << 30, 1 << 30, 1}, {1 << 30, 1 << 30}); }),
          "overflow");
    CHECK(refused([] { frame_shape({1, 4, 1}, {2}, {2}, false); }), "nothing left");
    CHECK(refused([] { frame_shape({1, 4, 1}, {-1}, {2}, true); }), "negative");
}

}  // namespace

RV_TEST_MAIN
