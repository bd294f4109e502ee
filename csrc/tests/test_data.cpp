#include <algorithm>
#include <cstdint>
#include <limits>

#include "check.hpp"
#include "ranvier/data.hpp"
#include "ranvier/half.hpp"

using namespace ranvier;

TEST(philox_gives_the_published_numbers) {
    // Random123's known answers, where counter words 2 and 3 are our stream and 0 and 1 our counter
    struct Known {
        std::uint64_t seed, stream, counter;
        std::uint32_t out[4];
    };
    const Known all[] = {
        {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {~0ull, ~0ull, ~0ull, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822ull,
         0x0370734413198a2eull,
         0x85a308d3243f6a88ull,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (const Known& k : all) {
        std::uint32_t out[4];
        philox4x32({k.seed, k.stream}, k.counter, out);
        for (int i = 0; i < 4; ++i) CHECK(out[i] == k.out[i], "%08x", out[i]);
    }
}

TEST(dropout_keeps_the_same_elements_for_any_threads_and_type) {
    const index_t n = 300007;
    const RandomKey key{42, 7};
    std::vector<float> x(n, 2.0f), y(n), again(n), mask(n);
    std::vector<double> xd(n, 2.0), yd(n);
    set_num_threads(1);
    dropout(key, 0.3, n, x.data(), y.data());
    dropout_mask(key, 0.3, n, mask.data());
    dropout(key, 0.3, n, xd.data(), yd.data());
    index_t dropped = 0;
    for (index_t i = 0; i < n; ++i) {
        CHECK((y[i] == 0) == (yd[i] == 0) && y[i] == 2 * mask[i]);
        dropped += y[i] == 0;
    }
    CHECK(std::abs(static_cast<double>(dropped) / n - 0.3) < 0.005);
    for (int threads : {2, 3, 4}) {
        set_num_threads(threads);
        dropout(key, 0.3, n, x.data(), again.data());
        CHECK(std::memcmp(y.data(), again.data(), n * sizeof(float)) == 0);
    }
    set_num_threads(2);
    dropout(key, 0.0, n, x.data(), y.data());
    for (float v : y) CHECK(v == 2.0f);
    dropout(key, 1.0, n, x.data(), y.data());
    for (float v : y) CHECK(v == 0.0f);
    x[5] = std::numeric_limits<float>::quiet_NaN();
    dropout(key, 1.0, n, x.data(), y.data());
    CHECK(y[5] == 0.0f);
}

template <class T>
void check_moments() {
    const index_t n = 200001;
    std::vector<T> u(n), z(n);
    random_uniform<T>({1, 2}, n, u.data());
    random_normal<T>({1, 2}, 3.0, 2.0, n, z.data());
    double mu = 0, su = 0, mz = 0, sz = 0;
    for (index_t i = 0; i < n; ++i) {
        CHECK(u[i] >= 0 && u[i] < 1 && std::isfinite(z[i]));
        mu += u[i];
        mz += z[i];
    }
    mu /= n;
    mz /= n;
    for (index_t i = 0; i < n; ++i) {
        su += (u[i] - mu) * (u[i] - mu);
        sz += (z[i] - mz) * (z[i] - mz);
    }
    CHECK(std::abs(mu - 0.5) < 0.005 && std::abs(su / n - 1.0 / 12) < 0.001);
    CHECK(std::abs(mz - 3) < 0.03 && std::abs(sz / n - 4) < 0.06);
}
TEST(moments_of_random_numbers) {
    check_moments<float>();
    check_moments<double>();
}

template <class S>
void check_gather(DType dtype) {
    const index_t rows = 13, a = 3, b = 5;
    std::vector<S> data(rows * a * b);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<S>(i % 100);
    Source s;
    s.data = data.data();
    s.dtype = dtype;
    s.shape = {rows, a, b};
    const index_t z = sizeof(S);
    s.strides = {a * b * z, b * z, z};
    const std::int64_t order[] = {12, 0, 5, 5};
    std::vector<float> out(4 * a * b + 1, -1.0f);
    gather_rows(s, order, 0, 4, out.data());
    for (index_t i = 0; i < 4; ++i)
        for (index_t j = 0; j < a * b; ++j)
            CHECK(out[i * a * b + j] == static_cast<float>(data[order[i] * a * b + j]));
    CHECK(out.back() == -1.0f);
    gather_rows(s, nullptr, 2, 3, out.data());
    for (index_t j = 0; j < 3 * a * b; ++j)
        CHECK(out[j] == static_cast<float>(data[2 * a * b + j]));
    // rows backwards, the last axis backwards, the middle axis repeated
    s.data = data.data() + (rows - 1) * a * b + b - 1;
    s.strides = {-a * b * z, 0, -z};
    gather_rows(s, nullptr, 1, 2, out.data());
    for (index_t i = 0; i < 2; ++i)
        for (index_t j = 0; j < a; ++j)
            for (index_t k = 0; k < b; ++k)
                CHECK(out[(i * a + j) * b + k] ==
                      static_cast<float>(data[(rows - 2 - i) * a * b + (b - 1 - k)]));
}
TEST(gather_of_every_type_and_layout) {
    check_gather<half_t>(DType::f16);
    check_gather<float>(DType::f32);
    check_gather<double>(DType::f64);
    check_gather<std::int8_t>(DType::i8);
    check_gather<std::int16_t>(DType::i16);
    check_gather<std::int32_t>(DType::i32);
    check_gather<std::int64_t>(DType::i64);
    check_gather<std::uint8_t>(DType::u8);
    check_gather<std::uint16_t>(DType::u16);
    check_gather<std::uint32_t>(DType::u32);
    check_gather<std::uint64_t>(DType::u64);
}

TEST(gather_of_the_other_byte_order) {
    std::vector<std::uint32_t> data = {1, 2, 70000, 0xfffffff0u};
    std::vector<std::uint32_t> swapped;
    for (auto v : data) swapped.push_back(__builtin_bswap32(v));
    Source s;
    s.data = swapped.data();
    s.dtype = DType::u32;
    s.swapped = true;
    s.shape = {4};
    s.strides = {4};
    std::vector<double> out(4);
    gather_rows(s, nullptr, 0, 4, out.data());
    for (int i = 0; i < 4; ++i) CHECK(out[i] == data[i]);
}

TEST(permute_against_loops) {
    const Shape shape = {3, 4, 5, 2};
    const auto x = test::random_values<float>(120, 3);
    std::vector<int> perm = {0, 1, 2, 3};
    do {
        std::vector<float> out(121, -9.0f);
        permute(shape, perm, x.data(), out.data());
        index_t at[4], e = 0;
        const index_t strides[] = {40, 10, 2, 1};
        for (at[0] = 0; at[0] < shape[perm[0]]; ++at[0])
            for (at[1] = 0; at[1] < shape[perm[1]]; ++at[1])
                for (at[2] = 0; at[2] < shape[perm[2]]; ++at[2])
                    for (at[3] = 0; at[3] < shape[perm[3]]; ++at[3]) {
                        index_t from = 0;
                        for (int i = 0; i < 4; ++i) from += at[i] * strides[perm[i]];
                        CHECK(out[e++] == x[from]);
                    }
        CHECK(out[120] == -9.0f);
    } while (std::next_permutation(perm.begin(), perm.end()));
}

TEST(reductions_do_not_depend_on_threads) {
    const auto x = test::random_values<float>(1000003, 9);
    long double sum = 0, squares = 0, magnitudes = 0;
    for (float v : x) {
        sum += v;
        squares += static_cast<long double>(v) * v;
        magnitudes += std::abs(v);
    }
    const index_t n = static_cast<index_t>(x.size());
    set_num_threads(1);
    const double s = reduce_sum(n, x.data()), q = reduce_sumsq(n, x.data());
    CHECK(std::abs(s - static_cast<double>(sum)) < 1e-7);
    CHECK(std::abs(q - static_cast<double>(squares)) < 1e-7);
    CHECK(std::abs(reduce_sumabs(n, x.data()) - static_cast<double>(magnitudes)) < 1e-7);
    for (int threads : {2, 3, 4}) {
        set_num_threads(threads);
        CHECK(reduce_sum(n, x.data()) == s && reduce_sumsq(n, x.data()) == q);
    }
    for (index_t k : {0, 1, 7, 8, 9, 1023, 1025}) {
        auto y = x;
        CHECK(all_finite(k, y.data()));
        if (k == 0) continue;
        y[k - 1] = std::numeric_limits<float>::infinity();
        CHECK(!all_finite(k, y.data()) && all_finite(k - 1, y.data()));
    }
}

TEST(maps_of_every_tail) {
    const auto x = test::random_values<float>(200, 4), a = test::random_values<float>(40, 5),
               b = test::random_values<float>(40, 6);
    for (index_t n = 0; n < 40; ++n) {
        std::vector<float> y(5 * n + 1, -7.0f);
        scale_shift(n, x.data(), 2.0, 1.0, y.data());
        for (index_t i = 0; i < n; ++i) CHECK(y[i] == x[i] * 2.0f + 1.0f);
        CHECK(y[n] == -7.0f || n == 0);
        scale_shift_columns(5, n, x.data(), a.data(), b.data(), y.data());
        for (index_t i = 0; i < 5 * n; ++i)
            CHECK(std::abs(y[i] - (x[i] * a[i % n] + b[i % n])) < 1e-6f);
        CHECK(y[5 * n] == -7.0f);
        auto z = x;
        add_inplace(n, a.data(), z.data());
        for (index_t i = 0; i < 200; ++i) CHECK(z[i] == (i < n ? x[i] + a[i] : x[i]));
    }
}

RV_TEST_MAIN
