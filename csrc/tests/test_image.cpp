// Images against plain loops: every number of channels and tail, nothing touched around an output.
#include <algorithm>
#include <limits>

#include "check.hpp"
#include "ranvier/image.hpp"

using namespace ranvier;

namespace {

constexpr double kGuard = -77;

// An output that is NaN where something must be written and a guard value around that.
template <class T>
struct Guarded {
    explicit Guarded(index_t n) : size(n), all(static_cast<std::size_t>(n) + 16, T(kGuard)) {
        std::fill(all.begin() + 8, all.end() - 8, T(NAN));
    }
    T* data() { return all.data() + 8; }
    T operator[](index_t i) const { return all[static_cast<std::size_t>(i) + 8]; }
    bool intact() const {
        bool good = true;
        for (std::size_t i = 0; i < 8; ++i)
            good = good && all[i] == T(kGuard) && all[all.size() - 1 - i] == T(kGuard);
        for (index_t i = 0; i < size; ++i) good = good && !std::isnan((*this)[i]);
        return good;
    }
    index_t size;
    std::vector<T> all;
};

std::vector<double> transforms(index_t n, unsigned seed) {
    auto t = test::random_values<double>(static_cast<std::size_t>(8 * n), seed, -1.5, 1.5);
    for (index_t i = 0; i < n; ++i) {
        double* a = t.data() + 8 * i;
        a[2] *= 6;
        a[5] *= 6;
        a[6] = a[7] = 0;
    }
    return t;
}

index_t stand_in(FillMode mode, index_t i, index_t n) {
    while (i < 0 || i >= n) {
        if (mode == FillMode::constant) return -1;
        if (mode == FillMode::nearest) return i < 0 ? 0 : n - 1;
        if (mode == FillMode::wrap) i += i < 0 ? n : -n;
        if (mode == FillMode::reflect) i = i < 0 ? -1 - i : 2 * n - 1 - i;
        if (mode == FillMode::mirror) i = n == 1 ? 0 : (i < 0 ? -i : 2 * n - 2 - i);
    }
    return i;
}

// Calls f(row, column, weight) for the pixels that make y at (i, j); row -1: the fill value.
template <class F>
void pixels(const ImageShape& s, const double* t, const AffineSpec& spec, index_t i, index_t j,
            F&& f) {
    const double x = t[0] * double(j) + t[1] * double(i) + t[2];
    const double y = t[3] * double(j) + t[4] * double(i) + t[5];
    auto give = [&](double row, double column, double weight) {
        const index_t r = stand_in(spec.fill, static_cast<index_t>(row), s.h);
        const index_t c = stand_in(spec.fill, static_cast<index_t>(column), s.w);
        f(r < 0 || c < 0 ? -1 : r, c, weight);
    };
    if (spec.interpolation == Interpolation::nearest) return give(std::round(y), std::round(x), 1);
    const double top = std::floor(y), left = std::floor(x), dy = y - top, dx = x - left;
    give(top, left, (1 - dy) * (1 - dx));
    give(top, left + 1, (1 - dy) * dx);
    give(top + 1, left, dy * (1 - dx));
    give(top + 1, left + 1, dy * dx);
}

template <class T>
void check_affine(const ImageShape& s, const AffineSpec& spec) {
    const auto t = transforms(s.n, 5);
    const auto size = static_cast<std::size_t>(s.elements());
    const auto x = test::random_values<T>(size, 1), g = test::random_values<T>(size, 2);
    Guarded<T> y(s.elements()), dx(s.elements());
    affine_transform(s, t.data(), spec, x.data(), y.data());
    affine_transform_backward(s, t.data(), spec, g.data(), dx.data());
    CHECK(y.intact() && dx.intact());
    std::vector<double> want(size, 0.0), want_dx(size, 0.0);
    for (index_t p = 0; p < s.n * s.planes; ++p)
        for (index_t i = 0; i < s.h; ++i)
            for (index_t j = 0; j < s.w; ++j)
                pixels(s, t.data() + p / s.planes * 8, spec, i, j,
                       [&](index_t row, index_t column, double weight) {
                           for (index_t c = 0; c < s.c; ++c) {
                               const auto to = std::size_t(p * s.plane() + (i * s.w + j) * s.c + c);
                               const auto from =
                                   std::size_t(p * s.plane() + (row * s.w + column) * s.c + c);
                               want[to] += weight * (row < 0 ? spec.fill_value : double(x[from]));
                               if (row >= 0) want_dx[from] += weight * double(g[to]);
                           }
                       });
    // the place of a pixel is rounded; so are weights
    const double tolerance = 1e3 * double(std::numeric_limits<T>::epsilon());
    for (index_t e = 0; e < s.elements(); ++e) {
        CHECK(std::abs(double(y[e]) - want[std::size_t(e)]) < tolerance, "%g %g", double(y[e]),
              want[std::size_t(e)]);
        CHECK(std::abs(double(dx[e]) - want_dx[std::size_t(e)]) < 4 * tolerance, "%g %g",
              double(dx[e]), want_dx[std::size_t(e)]);
    }
}

}  // namespace

TEST(affine_sampling_against_loops) {
    for (int fill = 0; fill < 5; ++fill)
        for (auto how : {Interpolation::nearest, Interpolation::bilinear})
            for (index_t c = 1; c <= 5; ++c) {
                const AffineSpec spec{how, static_cast<FillMode>(fill), 0.75};
                check_affine<double>({2, 1, 5, 7, c}, spec);
                check_affine<double>({1, 3, 4, 9, c}, spec);
                check_affine<float>({2, 1, 3, 65 + c, c}, spec);
                check_affine<float>({3, 1, 1, c, 3}, spec);
                check_affine<float>({3, 2, c, 1, 1}, spec);
            }
}

TEST(a_pixel_at_the_edge_reads_nothing_beyond) {
    // whole pixels, so that weights outside are 0: a NaN behind the image must not come in
    const ImageShape s{1, 1, 3, 4, 3};
    std::vector<float> x(36 + 64, NAN);
    for (int i = 0; i < 36; ++i) x[static_cast<std::size_t>(i) + 32] = float(i);
    const double same[8] = {1, 0, 0, 0, 1, 0, 0, 0};
    for (int fill = 0; fill < 5; ++fill) {
        Guarded<float> y(36);
        affine_transform(s, same, {Interpolation::bilinear, static_cast<FillMode>(fill), 9.0},
                         x.data() + 32, y.data());
        CHECK(y.intact());
        for (int i = 0; i < 36; ++i) CHECK(y[i] == float(i));
    }
}

// The weights of one axis, by their definition.
std::vector<double> weights(index_t old, index_t now, Interpolation how, bool antialias) {
    std::vector<double> w(static_cast<std::size_t>(old * now), 0.0);
    const double scale = double(old) / double(now), wide = antialias ? std::max(scale, 1.0) : 1.0;
    for (index_t j = 0; j < now; ++j) {
        const double centre = (double(j) + 0.5) * scale - 0.5;
        double total = 0;
        for (index_t i = 0; i < old; ++i) {
            const double d = std::abs(double(i) - centre) / wide;
            double v = std::max(0.0, 1 - d);
            if (how == Interpolation::bicubic)
                v = d < 1   ? 1.5 * d * d * d - 2.5 * d * d + 1
                    : d < 2 ? -0.5 * d * d * d + 2.5 * d * d - 4 * d + 2
                            : 0;
            if (how == Interpolation::nearest) v = i == index_t(std::floor(centre + 0.5));
            if (old == now) v = i == j;
            w[std::size_t(j * old + i)] = v;
            total += v;
        }
        for (index_t i = 0; i < old; ++i) w[std::size_t(j * old + i)] /= total;
    }
    return w;
}

template <class T>
void check_resize(const ImageShape& s, const Frame& f, const ResizeSpec& spec, index_t oh,
                  index_t ow) {
    const index_t planes = s.n * s.planes, out = planes * oh * ow * s.c;
    const auto x = test::random_values<T>(std::size_t(s.elements()), 1);
    const auto g = test::random_values<T>(std::size_t(out), 2);
    Guarded<T> y(out), dx(s.elements());
    resize(s, f, spec, oh, ow, x.data(), y.data());
    resize_backward(s, f, spec, oh, ow, g.data(), dx.data());
    CHECK(y.intact() && dx.intact());
    const auto rows = weights(f.full_h, oh, spec.interpolation, spec.antialias);
    const auto columns = weights(f.full_w, ow, spec.interpolation, spec.antialias);
    std::vector<double> want(std::size_t(out), 0.0), want_dx(std::size_t(s.elements()), 0.0);
    for (index_t e = 0; e < out; ++e) {
        const index_t c = e % s.c, j = e / s.c % ow, i = e / s.c / ow % oh, p = e / s.c / ow / oh;
        for (index_t a = 0; a < f.full_h; ++a)
            for (index_t b = 0; b < f.full_w; ++b) {
                const double w =
                    rows[std::size_t(i * f.full_h + a)] * columns[std::size_t(j * f.full_w + b)];
                const index_t row = a - f.pad_y, column = b - f.pad_x;
                const bool inside = row >= 0 && row < f.h && column >= 0 && column < f.w;
                const auto from = std::size_t(
                    inside ? ((p * s.h + f.y + row) * s.w + f.x + column) * s.c + c : 0);
                want[std::size_t(e)] += w * (inside ? double(x[from]) : spec.fill_value);
                if (inside) want_dx[from] += w * double(g[std::size_t(e)]);
            }
    }
    const double tolerance = 50 * double(std::numeric_limits<T>::epsilon());
    for (index_t e = 0; e < out; ++e)
        CHECK(std::abs(double(y[e]) - want[std::size_t(e)]) < tolerance, "%g %g", double(y[e]),
              want[std::size_t(e)]);
    for (index_t e = 0; e < s.elements(); ++e)
        CHECK(std::abs(double(dx[e]) - want_dx[std::size_t(e)]) < 10 * tolerance);
}

TEST(resizing_against_matrices) {
    const index_t sizes[][4] = {{5, 7, 9, 4},  {4, 4, 4, 4}, {12, 3, 2, 11}, {1, 1, 3, 2},
                                {8, 30, 8, 3}, {9, 6, 1, 1}, {3, 5, 6, 10}};
    for (auto how : {Interpolation::nearest, Interpolation::bilinear, Interpolation::bicubic})
        for (bool antialias : {false, true})
            for (index_t c : {1, 2, 3, 7})
                for (const auto& z : sizes) {
                    const ResizeSpec spec{how, antialias, Aspect::stretch, 0.5};
                    const ImageShape s{2, c == 1 ? 2 : 1, z[0], z[1], c};
                    check_resize<double>(s, window(0, 0, z[0], z[1]), spec, z[2], z[3]);
                    check_resize<float>(s, frame_of(Aspect::crop, z[0], z[1], z[2], z[3]), spec,
                                        z[2], z[3]);
                    check_resize<float>(s, frame_of(Aspect::pad, z[0], z[1], z[2], z[3]), spec,
                                        z[2], z[3]);
                }
}

TEST(adjustments_against_loops) {
    for (index_t c = 1; c <= 4; ++c)
        for (index_t w : {1, 2, 7, 19}) {
            const ImageShape s{3, c == 2 ? 2 : 1, 5, w, c};
            const auto x = test::random_values<float>(std::size_t(s.elements()), 3);
            const double u[3] = {0.5, 0.50001, 0.2};
            for (int mode = 0; mode < 4; ++mode) {
                Guarded<float> y(s.elements());
                flip(s, mode & 1, mode & 2, u, x.data(), y.data());
                CHECK(y.intact());
                for (index_t e = 0; e < s.elements(); ++e) {
                    const index_t k = e % c, j = e / c % w, i = e / c / w % 5, p = e / c / w / 5;
                    const bool turned = u[p / s.planes] <= 0.5;
                    const index_t row = turned && (mode & 2) ? 4 - i : i;
                    const index_t column = turned && (mode & 1) ? w - 1 - j : j;
                    CHECK(y[e] == x[std::size_t(((p * 5 + row) * w + column) * c + k)]);
                }
            }
            const double f[3] = {1.5, 0.25, 1};
            Guarded<float> y(s.elements()), z(s.elements());
            adjust_contrast(s, f, -0.6, 0.7, x.data(), y.data());
            adjust_brightness(s, f, -0.6, 0.7, x.data(), z.data());
            CHECK(y.intact() && z.intact());
            for (index_t p = 0; p < s.n * s.planes; ++p)
                for (index_t k = 0; k < c; ++k) {
                    double mean = 0;
                    for (index_t q = 0; q < 5 * w; ++q)
                        mean += x[std::size_t((p * 5 * w + q) * c + k)] / double(5 * w);
                    for (index_t q = 0; q < 5 * w; ++q) {
                        const index_t e = (p * 5 * w + q) * c + k;
                        const double v = x[std::size_t(e)], a = f[p / s.planes];
                        const double contrast = std::clamp((v - mean) * a + mean, -0.6, 0.7);
                        CHECK(std::abs(y[e] - contrast) < 1e-6);
                        CHECK(std::abs(z[e] - std::clamp(v + a, -0.6, 0.7)) < 1e-6);
                    }
                }
        }
}

TEST(sides_and_ranks_that_are_refused) {
    auto refused = [](const Shape& shape) {
        try {
            image_shape(shape, false);
        } catch (const std::invalid_argument&) {
            return true;
        }
        return false;
    };
    CHECK(refused({2, 3, 4}) && refused({2, kMaxImageSide + 1, 1, 1}));
    CHECK(!refused({2, 3, 4, 1}) && !refused({0, 0, 0, 0}));
}

RV_TEST_MAIN
