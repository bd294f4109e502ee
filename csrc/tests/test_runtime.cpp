#include <atomic>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <thread>

#include "check.hpp"
#include "kernels/peak.hpp"
#include "runtime/crowd.hpp"

using namespace ranvier;

TEST(scratch_is_aligned_and_nested) {
    Scratch<float> a(10);
    a[9] = 1.0f;
    {
        Scratch<double> b(1 << 20);
        b[(1 << 20) - 1] = 2.0;
        Scratch<char> c(1);
        CHECK(reinterpret_cast<std::uintptr_t>(b.get()) % kAlignment == 0);
        CHECK(reinterpret_cast<std::uintptr_t>(c.get()) % kAlignment == 0);
    }
    Scratch<float> d(10);
    d[9] = 3.0f;
    CHECK(a[9] == 1.0f);
}

TEST(scratch_is_kept_and_released) {
    {
        Scratch<char> a(3 << 20);
    }
    const auto held = scratch_bytes();
    for (int i = 0; i < 100; ++i) Scratch<char> a(3 << 20);
    CHECK(scratch_bytes() == held);
    scratch_release();
    CHECK(scratch_bytes() == 0);
}

TEST(scratch_replaces_an_idle_block_that_is_too_small) {
    constexpr index_t kMiB = 1 << 20;
    scratch_release();
    {
        Scratch<char> a(3 * kMiB);
    }
    {
        Scratch<char> a(40 * kMiB);
    }
    CHECK(scratch_bytes() == static_cast<std::size_t>(80 * kMiB));
    // More than that at once: a block of its own for the time being, from then on one block.
    const auto both = [&] {
        Scratch<char> small(1), a(50 * kMiB), b(50 * kMiB);
        a[0] = b[50 * kMiB - 1] = 1;
        return scratch_bytes();
    };
    CHECK(both() > static_cast<std::size_t>(110 * kMiB));
    const std::size_t held = scratch_bytes();
    CHECK(held < static_cast<std::size_t>(101 * kMiB));
    CHECK(both() == held && scratch_bytes() == held);
    scratch_release();
    CHECK(scratch_bytes() == 0);
}

TEST(scratch_refuses_impossible_sizes) {
    scratch_release();
    for (const index_t size : {PTRDIFF_MAX / 8, PTRDIFF_MAX / 16}) {
        bool thrown = false;
        try {
            Scratch<double> none(0), a(size);
        } catch (const std::bad_alloc&) {
            thrown = true;
        }
        CHECK(thrown);
    }
    Scratch<double> some(1000);
    some[999] = 1;
}

TEST(parallel_for_visits_each_task_once) {
    for (int threads : {1, 2, 3, 7}) {
        std::vector<std::atomic<int>> seen(100);
        parallel_for(threads, 100, [&](index_t i) { seen[i].fetch_add(1); });
        for (auto& s : seen) CHECK(s.load() == 1);
    }
}

TEST(threads_follow_the_limit) {
    set_num_threads(3);
    CHECK(num_threads() == 3 || num_threads() == 1);
    CHECK(threads_for(10.0) == 1);
    CHECK(threads_for(1e12) == num_threads());
    bool thrown = false;
    try {
        set_num_threads(0);
    } catch (const std::invalid_argument&) {
        thrown = true;
    }
    CHECK(thrown);
}

TEST(thread_sanitizer_sees_small_work_divided) {
    if (std::strcmp(threading_layer(), "std::thread") != 0) return;
    set_num_threads(4);
    for (int i = 0; i < 50; ++i) {  // regions whose others come late, as on a busy machine
        CHECK(threads_for(1e4) == 4);
        std::atomic<bool> first{true};
        parallel_for(4, 4, [&](index_t) {
            if (!first.exchange(false)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        });
    }
}

TEST(a_crowd_is_left_alone_for_longer_and_longer) {
    constexpr std::int64_t us = 1000, ms = 1000 * us;
    Crowd crowd;
    std::int64_t now = 5 * ms;
    for (int i = 0; i < 1000; ++i) crowd.account(now, 100 * us, 90 * us, 2);  // a fair division
    CHECK(!crowd.at(now));
    crowd.account(now, 100 * us, 1 * ms, 2);  // once is no crowd
    CHECK(!crowd.at(now));
    std::int64_t last = 0;
    for (int i = 0; i < 10; ++i) {
        crowd.account(now, 100 * us, 4 * ms, 2);
        std::int64_t pause = 0;
        while (crowd.at(now + pause)) pause += ms;
        CHECK(pause >= 8 * 4 * ms && pause <= Crowd::kLongest + ms);
        CHECK(pause > last || pause > Crowd::kLongest - ms);
        now += last = pause;
    }
    for (int i = 0; i < 200; ++i) crowd.account(now, 100 * us, 0, 2);  // gone
    CHECK(!crowd.at(now));
    crowd.account(now, 100 * us, 4 * ms, 2);
    CHECK(crowd.at(now + 30 * ms) && !crowd.at(now + 40 * ms));
    crowd.forget();
    CHECK(!crowd.at(now));
}

TEST(eight_threads_gain_more_than_two_before_they_lose) {
    constexpr std::int64_t ms = 1'000'000;
    Crowd crowd;
    crowd.account(0, ms, 6 * ms, 8);  // 7 ms instead of 8
    CHECK(!crowd.at(0));
    crowd.account(0, ms, 6 * ms, 2);  // instead of 2
    CHECK(crowd.at(0));
}

TEST(forced_isa_is_used) {
    const char* forced = std::getenv("RANVIER_ISA");
    if (forced) CHECK(std::strcmp(forced, isa_name(isa_in_use())) == 0);
}

TEST(kernel_table_of_the_isa_runs) {
    float f = 0;
    double d = 0;
    CHECK((kernels<PeakKernels, float>().fma_loop(1000, &f) > 0));
    CHECK((kernels<PeakKernels, double>().fma_loop(1000, &d) > 0));
    CHECK(std::isfinite(f) && std::isfinite(d));
}

RV_TEST_MAIN
