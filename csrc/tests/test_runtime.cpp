#include <atomic>
#include <cstdint>
#include <numeric>

#include "check.hpp"
#include "kernels/peak.hpp"

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

TEST(scratch_refuses_impossible_sizes) {
    bool thrown = false;
    try {
        Scratch<double> a(PTRDIFF_MAX / 8);
    } catch (const std::bad_alloc&) {
        thrown = true;
    }
    CHECK(thrown);
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
