// Convolution against plain loops: outputs filled with NaN between guards, inputs that end where
// their memory ends, all tails of channels, padding on all sides.
#include "conv_plain.hpp"
#include "kernels/depthwise.hpp"

using namespace ranvier;
using namespace ranvier::test;

namespace {

double gelu(double x) { return x * 0.5 * std::erfc(-x / std::sqrt(2.0)); }
double gelu_slope(double x) {
    const double pi = std::acos(-1.0);
    return 0.5 * std::erfc(-x / std::sqrt(2.0)) + x * std::exp(-x * x / 2) / std::sqrt(2 * pi);
}

template <class T>
void check_forward(const Problem<T>& p) {
    const ConvShape& s = p.s;
    const auto n = static_cast<index_t>(p.dy.size());
    Guarded<T> linear(n), relu(n), act(n), pre(n);
    conv_forward<T>(s, p.x.data(), p.w.data(), nullptr, Act::linear, {}, linear.get(), nullptr);
    check_close(s, "y", linear, p.sum(false));
    Values want = p.sum(true);
    conv_forward<T>(s, p.x.data(), p.w.data(), p.bias.data(), Act::gelu, {}, act.get(), pre.get());
    check_close(s, "the sum before gelu", pre, want);
    Values after = want;
    for (double& v : after) v = gelu(v);
    check_close(s, "gelu", act, after);
    const ActParams slope{0.25, std::numeric_limits<double>::infinity(), 0};
    conv_forward<T>(s, p.x.data(), p.w.data(), p.bias.data(), Act::relu, slope, relu.get(),
                    nullptr);
    for (double& v : want) v = v < 0 ? 0.25 * v : v;
    check_close(s, "relu", relu, want);
}

// conv_backward with what is wanted, after an activation.
template <class T>
void check_backward(const Problem<T>& p, Act act, bool wants_x, bool wants_w, bool wants_bias) {
    const ConvShape& s = p.s;
    const Values z = p.sum(true);
    std::vector<T> saved(z.size()), dy = p.dy;
    Values g(z.size());
    for (std::size_t i = 0; i < z.size(); ++i) {
        saved[i] = act == Act::tanh ? std::tanh(T(z[i])) : T(z[i]);
        const double y = double(saved[i]);
        const double slope =
            act == Act::linear ? 1 : (act == Act::tanh ? 1 - y * y : gelu_slope(y));
        g[i] = double(dy[i]) * slope;
    }
    Guarded<T> dx(static_cast<index_t>(p.x.size())), dw(s.weights()), db(s.co);
    ConvBackward<T> b;
    b.x = p.x.data();
    b.w = p.w.data();
    b.act = act;
    b.saved = act == Act::linear ? nullptr : saved.data();
    b.dy = dy.data();
    if (wants_x) b.dx = dx.get();
    if (wants_w) b.dw = dw.get();
    if (wants_bias) b.db = db.get();
    conv_backward(s, b);
    if (wants_x) check_close(s, "dx", dx, p.to_x(g));
    if (wants_w) check_close(s, "dw", dw, p.to_w(g));
    if (wants_bias) check_close(s, "db", db, p.to_bias(g));
    CHECK(dx.intact() && dw.intact() && db.intact());
}

template <class T>
void check_products(const Problem<T>& p) {
    const ConvShape& s = p.s;
    const Values g(p.dy.begin(), p.dy.end());
    Guarded<T> dx(static_cast<index_t>(p.x.size())), dw(s.weights());
    const auto of_x = random_values<T>(size_of(s.c), 5);
    Values want = p.to_x(g);
    for (std::size_t i = 0; i < want.size(); ++i) want[i] += double(of_x[i % of_x.size()]);
    conv_transpose<T>(s, p.dy.data(), p.w.data(), of_x.data(), dx.get());
    check_close(s, "the transpose", dx, want);
    conv_weights<T>(s, p.x.data(), p.dy.data(), dw.get());
    check_close(s, "the weights' gradient", dw, p.to_w(g));
}

template <class T>
void check_all(const ConvShape& s) {
    const Problem<T> p(s);
    check_forward(p);
    check_products(p);
    check_backward(p, Act::tanh, true, true, true);
}

// `first`: another stride along the first axis.
ConvShape shape(const Shape& x, const Shape& kernel, index_t co, ConvPadding padding,
                index_t stride = 1, index_t dilation = 1, index_t groups = 1, index_t first = 0) {
    ConvSpec spec;
    spec.axes = static_cast<int>(kernel.size());
    spec.c = x.back();
    spec.co = co;
    spec.groups = groups;
    spec.kernel = kernel;
    spec.stride = Shape(kernel.size(), stride);
    if (first) spec.stride[0] = first;
    spec.dilation = Shape(kernel.size(), dilation);
    spec.padding = padding;
    return conv_shape(spec, x);
}

void check_both(const ConvShape& s) {
    check_all<float>(s);
    check_all<double>(s);
}

constexpr auto same = ConvPadding::same, valid = ConvPadding::valid, causal = ConvPadding::causal;

}  // namespace

TEST(all_tails_of_channels) {
    for (index_t c = 1; c <= 40; ++c) {
        const index_t co = c * 7 % 41 + 1;
        check_both(shape({2, 9, 10, c}, {3, 3}, co, same));
        check_both(shape({2, 3, 5, co}, {3, 3}, c, valid));
        check_both(shape({1, 3, 5, c}, {1, 1}, co, valid));
    }
}

// The kernel's gradient reads whole vectors of dy: behind these bands there is less than one.
TEST(little_behind_the_last_band_but_one) {
    for (index_t co : {1, 2, 3}) {
        check_both(shape({3, 5, 1}, {3}, co, same));
        check_both(shape({4, 8, 1}, {3}, co, valid));
        check_both(shape({1, 46, 5, 1}, {3, 3}, co, same));
        check_both(shape({2, 47, 6, 2}, {2, 2}, co, valid));
    }
}

TEST(all_tails_of_depthwise_channels) {
    for (index_t c = 2; c <= 40; ++c) {
        check_both(shape({2, 5, 6, c}, {3, 3}, c, same, 1, 1, c));
        check_both(shape({2, 5, 6, c}, {2, 3}, 2 * c, valid, 2, 1, c));
        check_both(shape({2, 9, c}, {3}, 3 * c, same, 1, 2, c));
    }
}

TEST(kernels_strides_dilations_groups) {
    for (index_t c : {1, 3, 7, 16, 17, 33})
        for (index_t k = 1; k <= 5; ++k) {
            check_both(shape({3, 11, 9, c}, {k, k}, 18, same, 2));
            check_both(shape({2, 10, 7, c}, {k, 2}, 5, valid, 3));
            check_both(shape({2, 9, 11, c}, {k, k}, 20, same, 1, 2));
            check_both(shape({1, 13, 13, 3 * c}, {k, 3}, 12, valid, 1, 1, 3));
            check_both(shape({2, 17, c}, {k}, 9, causal, 1, 3));
            check_both(shape({2, 5, 4, 6, c}, {2, k, 3}, 4, same));
        }
}

TEST(padding_on_all_sides_of_a_picture_smaller_than_the_kernel) {
    for (index_t side = 1; side <= 3; ++side)
        for (index_t c : {1, 3, 16, 40})
            for (index_t k : {3, 5, 6}) {
                check_both(shape({2, side, side, c}, {k, k}, 17, same));
                check_both(shape({2, 1, side, c}, {k, 1}, 3, same, 3));
                check_both(shape({5, side, side, c}, {k, k}, 16, same, 1, 2));
                check_both(shape({2, side, side, c}, {k, k}, c, same, 1, 1, c));
                check_both(shape({2, side, c}, {k}, 7, causal, 1, 4));
            }
}

TEST(pictures_large_enough_for_all_ways) {
    for (index_t n : {1, 5}) {
        check_both(shape({n, 23, 21, 24}, {3, 3}, 40, same));
        check_both(shape({n, 23, 21, 40}, {5, 5}, 24, valid));
        check_both(shape({n, 23, 21, 20}, {3, 3}, 33, same, 1, 3));
        check_both(shape({n, 23, 21, 3}, {7, 7}, 16, same, 2));
        // few output channels to many
        for (index_t co : {1, 3}) check_both(shape({n, 23, 21, 40}, {3, 5}, co, same));
        check_both(shape({n, 4, 5, 9, 33}, {2, 3, 4}, 2, valid));
        // Winograd's weights block by block: their gradient, and all ways if tiles are few
        check_both(shape({n, 4, 5, 350}, {3, 3}, 343, same));
        check_both(shape({n, 7, 9, 97}, {3, 3}, 107, same));
        check_both(shape({n, 9, 8, 90}, {5, 5}, 149, valid));
        // Winograd's tiles of 5 x 5, of groups, and of each remainder of a stride
        check_both(shape({n, 21, 26, 17}, {2, 2}, 33, same));
        check_both(shape({n, 23, 21, 51}, {3, 3}, 99, same, 1, 1, 3));
        check_both(shape({n, 23, 21, 48}, {5, 5}, 32, valid, 1, 2, 2));
        for (index_t k : {4, 5, 6, 9, 10})
            for (ConvPadding padding : {same, valid})
                check_both(shape({n, 29, 20 + k, 33}, {k, k}, 40, padding, 2));
        check_both(shape({n, 23, 21, 17}, {1, 1}, 40, valid));
        check_both(shape({n, 23, 21, 17}, {1, 1}, 9, same, 2));
        for (index_t co : {3, 7}) check_both(shape({n, 23, 21, 1}, {5, 4}, co, same));
        // one channel, few taps a row: in several bands
        for (index_t co : {3, 20, 40}) {
            check_both(shape({n, 23, 51, 1}, {4, 3}, co, same));
            check_both(shape({n, 43, 41, 1}, {3, 2}, co, same, 1, 2));
            check_both(shape({n, 43, 41, 1}, {3, 2}, co, valid, 2));
            check_both(shape({n, 43, 51, 1}, {4, 3}, co, same, 1, 1, 1, 2));
            check_both(shape({n, 5, 23, 21, 1}, {2, 3, 2}, co, same));
        }
    }
    // ... where the rows of all taps do not stay near
    check_both(shape({1, 5, 4000, 1}, {3, 3}, 3, same));
    // Winograd's sums of a part in several calls of several blocks of tiles
    check_both(shape({9, 45, 45, 16}, {3, 3}, 17, same));
    check_both(shape({9, 40, 39, 64}, {3, 3}, 97, same, 2));
    // each channel by itself: all tails of a row of pixels
    for (index_t width = 5; width < 24; ++width)
        for (index_t k : {1, 2, 3, 5}) {
            check_both(shape({1, 7, width, 40}, {k, k}, 40, same, 1, 1, 40));
            check_both(shape({1, 7, 2 * width, 40}, {k, k}, 40, same, 2, 1, 40));
        }
    check_both(shape({2, 30, 31, 20}, {7, 7}, 20, same, 1, 1, 20));
    // ... copied, as most pixels are at an edge or have few places in L1
    check_both(shape({2, 6, 7, 20}, {7, 7}, 20, same, 1, 1, 20));
    for (index_t c : {256, 1024})
        for (ConvPadding padding : {same, valid})
            check_both(shape({2, 7, 8, c}, {3, 3}, c, padding, padding == same ? 2 : 1, 1, c));
    check_both(shape({2, 6, 17, 16, 20}, {3, 3, 3}, 20, same, 1, 1, 20));
    check_both(shape({2, 20, 1, 16}, {3, 3}, 16, same, 1, 1, 16));
    check_both(shape({2, 20, 1, 16}, {3, 1}, 16, valid, 1, 1, 16));
    check_both(shape({2, 23, 21, 20}, {3, 3}, 20, same, 1, 1, 20, 2));
    check_both(shape({2, 23, 21, 20}, {3, 5}, 20, valid, 2, 1, 20, 1));
    // ... several lines at a time, not all of them, and parts of their pixels
    for (index_t stride : {1, 2})
        for (index_t k : {3, 5}) {
            check_both(shape({2, 21, 300, 20}, {k, k}, 20, same, stride, 1, 20));
            check_both(shape({2, 4, 9, 15, 37}, {2, k, k}, 37, valid, stride, 1, 37));
            check_both(shape({2, 13, 14, 300}, {k, k}, 300, same, stride, 1, 300));
        }
    // strides longer than the kernel leave gaps
    check_both(shape({2, 11, 13, 3}, {1, 2}, 5, valid, 4));
    check_both(shape({2, 11, 13, 16}, {2, 2}, 16, same, 5));
    check_both(shape({2, 9, 7, 7}, {1, 1}, 7, valid, 3, 1, 7));
}

TEST(what_is_not_wanted_is_not_touched) {
    const ConvShape shapes[] = {shape({3, 9, 8, 17}, {3, 3}, 20, same),
                                shape({3, 5, 4, 6}, {1, 1}, 3, valid),
                                shape({3, 9, 8, 6}, {3, 3}, 6, same, 2, 1, 6),
                                shape({3, 9, 8, 4}, {2, 2}, 12, same, 1, 1, 4)};
    for (const ConvShape& s : shapes)
        for (int wants = 0; wants < 8; ++wants)
            for (Act act : {Act::linear, Act::tanh, Act::gelu}) {
                check_backward(Problem<float>(s), act, wants & 1, wants & 2, wants & 4);
                check_backward(Problem<double>(s), act, wants & 1, wants & 2, wants & 4);
            }
}

TEST(an_empty_batch_has_zero_gradients) {
    check_both(shape({0, 5, 6, 3}, {3, 3}, 4, same));
    check_both(shape({0, 9, 8, 20}, {3, 3}, 20, same, 1, 1, 20));
    check_both(shape({0, 9, 8, 4}, {3, 3}, 8, same, 1, 1, 4));
    check_both(shape({0, 5, 6, 3}, {1, 1}, 4, valid));
}

TEST(threads_do_not_change_a_bit) {
    const ConvShape shapes[] = {
        shape({3, 40, 39, 24}, {3, 3}, 40, same), shape({1, 61, 67, 40}, {1, 1}, 33, valid),
        shape({1, 81, 83, 33}, {3, 3}, 33, same, 1, 1, 33),
        shape({9, 21, 20, 16}, {3, 3}, 16, valid, 1, 2),
        // Winograd's ways to divide the weights among threads: all images at once, or in parts
        shape({3, 4, 5, 350}, {3, 3}, 343, same), shape({3, 28, 28, 288}, {3, 3}, 290, same),
        shape({9, 9, 8, 90}, {3, 3}, 100, same), shape({3, 39, 40, 40}, {5, 5}, 33, same, 2),
        shape({3, 40, 39, 40}, {3, 3}, 60, same, 1, 1, 2),
        // few rows a thread
        shape({1, 7, 7, 2048}, {1, 1}, 512, valid), shape({1, 41, 7, 512}, {3, 3}, 96, same, 2),
        // a band is the picture or a copy with zeros, and dot products add
        shape({1, 379, 384, 56}, {2, 2}, 8, same, 2, 1, 2),
        // along the pixels; along the input's channels; each channel by itself
        shape({40, 31, 29, 1}, {5, 5}, 6, same), shape({40, 31, 29, 1}, {3, 3}, 20, same),
        shape({20, 31, 29, 40}, {5, 5}, 3, same),
        shape({9, 41, 37, 40}, {5, 5}, 40, same, 1, 1, 40),
        shape({9, 41, 37, 40}, {3, 3}, 40, same, 2, 1, 40),
        shape({5, 6, 17, 16, 20}, {3, 3, 3}, 20, same, 1, 1, 20)};
    for (const ConvShape& s : shapes) {
        const Problem<float> p(s);
        std::vector<float> first;
        for (int threads = 1; threads <= 4; ++threads) {
            set_num_threads(threads);
            const auto n = p.dy.size();
            std::vector<float> all(n + p.x.size() + p.w.size());
            conv_forward<float>(s, p.x.data(), p.w.data(), nullptr, Act::linear, {}, all.data(),
                                nullptr);
            conv_transpose<float>(s, p.dy.data(), p.w.data(), nullptr, all.data() + n);
            conv_weights<float>(s, p.x.data(), p.dy.data(), all.data() + n + p.x.size());
            if (threads == 1) first = all;
            CHECK(std::memcmp(first.data(), all.data(), all.size() * sizeof(float)) == 0,
                  "%d threads", threads);
        }
        set_num_threads(1);
    }
}

namespace {

// relu(maxpool(z)) and, for its gradient dy, that of z.
struct Pooled {
    Values y, dz;
    Pooled(const PoolShape& s, const Values& z, const std::vector<double>& dy)
        : y(dy.size()), dz(z.size()) {
        for (std::size_t i = 0; i < y.size(); ++i) {
            const std::size_t best = largest_of(s, z, static_cast<index_t>(i));
            y[i] = std::max(0.0, z[best]);
            if (z[best] > 0) dz[best] += dy[i];
        }
    }
    static std::size_t largest_of(const PoolShape& s, const Values& z, index_t i) {
        const index_t j = i % s.c, x = i / s.c % s.out[2], y = i / s.c / s.out[2] % s.out[1];
        const index_t image = i / s.out_image();
        index_t best = -1;
        for (index_t a = 0; a < s.window[1]; ++a)
            for (index_t b = 0; b < s.window[2]; ++b) {
                const index_t h = y * s.stride[1] + a - s.before[1];
                const index_t w = x * s.stride[2] + b - s.before[2];
                if (h < 0 || w < 0 || h >= s.in[1] || w >= s.in[2]) continue;
                const index_t at = ((image * s.in[1] + h) * s.in[2] + w) * s.c + j;
                if (best < 0 || z[size_of(at)] > z[size_of(best)]) best = at;
            }
        return size_of(best);
    }
};

template <class T>
void check_pooled(const ConvShape& s, bool pads) {
    const Problem<T> p(s);
    ConvPool<T> both;
    both.conv = s;
    both.relu = true;
    both.pool = pool_shape({s.n, s.out[1], s.out[2], s.co}, {2, 3}, {2, 2}, pads);
    const index_t size = s.n * both.pool.out_image();
    Guarded<T> y(size), dx(static_cast<index_t>(p.x.size())), dw(s.weights()), db(s.co);
    std::vector<char> index(size_of(size * both.pool.index_bytes()));
    conv_pool_forward<T>(both, p.x.data(), p.w.data(), p.bias.data(), y.get(), index.data());
    auto dy = random_values<T>(size_of(size), 6);
    const Pooled want(both.pool, p.sum(true), {dy.begin(), dy.end()});
    check_close(s, "pooled", y, want.y);
    ConvBackward<T> b;
    b.x = p.x.data();
    b.w = p.w.data();
    b.saved = y.get();
    b.dy = dy.data();
    b.dx = dx.get();
    b.dw = dw.get();
    b.db = db.get();
    conv_pool_backward(both, b, static_cast<const void*>(index.data()));
    CHECK(dx.intact() && dw.intact() && db.intact());
    if (sizeof(T) == 4) return;  // rounding decides which of two near elements is the largest
    check_close(s, "dx of both", dx, p.to_x(want.dz));
    check_close(s, "dw of both", dw, p.to_w(want.dz));
    check_close(s, "db of both", db, p.to_bias(want.dz));
}

}  // namespace

TEST(convolution_and_pooling_in_one) {
    for (index_t c : {1, 3, 16, 17})
        for (index_t co : {1, 5, 16, 40})
            for (index_t n : {0, 1, 3}) {
                const ConvShape shapes[] = {
                    shape({n, 12, 11, c}, {3, 3}, co, same),
                    shape({n, 12, 11, c}, {3, 3}, co, valid),
                    shape({n, 9, 8, 2 * c}, {1, 2}, 2 * co, valid, 1, 1, 2),
                };
                for (const ConvShape& s : shapes)
                    for (bool pads : {false, true}) {
                        check_pooled<float>(s, pads);
                        check_pooled<double>(s, pads);
                    }
            }
}

namespace {

// Lines of a depthwise convolution within the picture, as processors that are told what to fetch
// and those that are not take them: small integers, whose sums are exact in any order.
template <class T>
void check_lines(index_t c, index_t lines, index_t pixels, index_t taps, bool fetches) {
    const index_t row = (pixels + taps - 1) * c, rows = lines + taps - 1, kernel = taps * taps * c;
    std::mt19937 gen(7);
    std::uniform_int_distribution<int> small(-4, 4);
    const auto numbers = [&](index_t n) {
        std::vector<T> v(static_cast<std::size_t>(n));
        for (T& x : v) x = static_cast<T>(small(gen));
        return v;
    };
    const std::vector<T> x = numbers(rows * row), w = numbers(kernel);
    std::vector<T> y = numbers(lines * pixels * c), dw = numbers(kernel), want_dw = dw, want_y = y;
    std::vector<index_t> offsets, at;
    for (index_t r = 0; r < taps; ++r) offsets.push_back(r * row), at.push_back(r * taps * c);
    for (index_t i = 0; i < lines * pixels * c; ++i) {
        const index_t j = i % c, from = i / c / pixels * row + i / c % pixels * c + j;
        T sum = 0;
        for (index_t tap = 0; tap < taps * taps; ++tap) {
            const T value = x[from + tap / taps * row + tap % taps * c];
            sum += value * w[tap * c + j];
            want_dw[tap * c + j] += value * y[i];
        }
        want_y[i] = sum;
    }
    DepthwiseTask<T> t{};
    t.c = t.between = t.step = t.ldy = c;
    t.pixels = pixels;
    t.rows = t.run = taps;
    t.lines = lines;
    t.line_x = row;
    t.line_y = pixels * c;
    t.offsets = offsets.data();
    t.at = at.data();
    t.x = x.data();
    t.w = w.data();
    t.y = y.data();
    t.fetches = fetches;
    if (fetches) {
        t.ahead = x.data();
        t.ahead_size = lines * row;
        t.ahead_y = y.data();
        t.ahead_y_size = lines * pixels * c;
    }
    const auto& kernels_of = kernels<DepthwiseKernels, T>();
    kernels_of.weights(t, dw.data());
    kernels_of.forward(t);
    CHECK(dw == want_dw, "c %td lines %td pixels %td taps %td %d", c, lines, pixels, taps, fetches);
    CHECK(y == want_y, "c %td lines %td pixels %td taps %td %d", c, lines, pixels, taps, fetches);
}

}  // namespace

TEST(depthwise_lines_in_either_order) {
    for (bool fetches : {false, true})
        for (index_t taps : {2, 3, 5})
            for (index_t c : {1, 8, 16, 40, 64, 100})
                for (index_t lines : {1, 2, 7})
                    for (index_t pixels : {1, 3, 7, 8, 9, 26, 70}) {
                        check_lines<float>(c, lines, pixels, taps, fetches);
                        check_lines<double>(c, lines, pixels, taps, fetches);
                    }
}

RV_TEST_MAIN
