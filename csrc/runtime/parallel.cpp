// Threads. The only file that knows OpenMP; with RANVIER_STD_THREADS, a team of std::thread for
// each region instead, slow, but a thing that ThreadSanitizer understands.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "ranvier/fork.hpp"
#include "ranvier/runtime.hpp"
#include "ranvier/text.hpp"
#include "runtime/crowd.hpp"

#ifdef RANVIER_STD_THREADS
#include <thread>
#include <vector>
#elif defined(_OPENMP)
#include <omp.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace ranvier {
namespace {

#ifdef RANVIER_STD_THREADS
// Almost everything on several threads, however busy the machine: what is not, is not looked at.
constexpr double kGrainFlops = 2.0e3;
constexpr bool kMindsCrowd = false;
#else
// Below this much work per thread, waking the others costs more than they give.
constexpr double kGrainFlops = 4.0e6;
constexpr bool kMindsCrowd = true;
#endif
constexpr int kMostThreads = 4096;

std::atomic<int> limit{0};              // 0: not set by anyone, ask OpenMP
std::atomic<bool> used_threads{false};  // this process has run a team of threads
std::atomic<bool> forked_after{false};  // ... and we are its forked child

std::atomic<unsigned> fork_count{0};
Crowd crowd;
std::atomic<int> largest_team{1};

std::int64_t now() {
    using namespace std::chrono;
    return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

#ifdef RANVIER_STD_THREADS
constexpr const char* kLayer = "std::thread";
constexpr bool kThreads = true;
thread_local bool in_region = false;
bool in_parallel() { return in_region; }
int most_threads() {
    const unsigned n = std::thread::hardware_concurrency();
    return n > 0 ? static_cast<int>(n) : 1;
}
#elif defined(_OPENMP)
constexpr const char* kLayer = "OpenMP";
constexpr bool kThreads = true;
bool in_parallel() { return omp_in_parallel(); }
// Asked each time, so that threadpoolctl and omp_set_num_threads are obeyed.
int most_threads() { return omp_get_max_threads(); }
#else
constexpr const char* kLayer = "none";
constexpr bool kThreads = false;
bool in_parallel() { return true; }
int most_threads() { return 1; }
#endif

// f(i) for each i < tasks, which throws nothing, in blocks on `threads` threads. Returns when the
// first thread, the caller, was done with its own.
template <class F>
std::int64_t run_team(int threads, index_t tasks, const F& f) {
    std::int64_t done = 0;
#ifdef RANVIER_STD_THREADS
    const auto work = [&](index_t k) {
        in_region = true;
        for (index_t i = k * tasks / threads; i < (k + 1) * tasks / threads; ++i) f(i);
        in_region = false;
    };
    std::vector<std::thread> others;
    for (index_t k = 1; k < threads; ++k) others.emplace_back(work, k);
    work(0);
    done = now();
    for (auto& t : others) t.join();
#elif defined(_OPENMP)
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static) nowait
        for (index_t i = 0; i < tasks; ++i) f(i);
        if (omp_get_thread_num() == 0) done = now();
    }
#else
    (void)threads;
    for (index_t i = 0; i < tasks; ++i) f(i);
#endif
    return done;
}

#if defined(__unix__) || defined(__APPLE__)
// libgomp's team does not survive fork, and the first region in the child would wait for it for
// ever. The child therefore runs on one thread if the parent had a team.
void after_fork_in_child() {
    fork_count.fetch_add(1);
    if (used_threads.load(std::memory_order_relaxed)) forked_after.store(true);
}
const int fork_handler = pthread_atfork(nullptr, nullptr, after_fork_in_child);
#endif

int from_environment() {
    const char* text = std::getenv("RANVIER_NUM_THREADS");
    if (text == nullptr || *text == '\0') return 0;
    char* end = nullptr;
    const long n = std::strtol(text, &end, 10);
    if (*end != '\0' || n < 1 || n > kMostThreads)
        throw std::runtime_error(Text("RANVIER_NUM_THREADS must be an integer in 1..4096; got '") +
                                 std::string(text) + "'");
    return static_cast<int>(n);
}

}  // namespace

int num_threads() {
    if (!kThreads || forked_after.load(std::memory_order_relaxed)) return 1;
    const int set = limit.load(std::memory_order_relaxed);
    if (set > 0) return set;
    static const int environment = from_environment();
    return environment > 0 ? environment : std::min(most_threads(), kMostThreads);
}

void set_num_threads(int n) {
    if (n < 1 || n > kMostThreads)
        throw std::invalid_argument(Text("number of threads must be in 1..4096; got ") +
                                    std::to_string(n));
    limit.store(n, std::memory_order_relaxed);
    crowd.forget();
}

unsigned forks() { return fork_count.load(std::memory_order_relaxed); }

void ForkMutex::make_anew() {
    constexpr unsigned kBusy = ~0u;  // one of the child's threads is at it
    const unsigned now = forks();
    for (unsigned seen = born_.load(); seen != now; seen = born_.load()) {
        if (seen == kBusy || !born_.compare_exchange_strong(seen, kBusy)) continue;
        if (mutex_.try_lock()) {
            mutex_.unlock();
        } else {
            new (&mutex_) std::mutex;
            lost_ = true;
        }
        born_.store(now);
    }
}

const char* threading_layer() { return kLayer; }

int threads_for(double flops) {
    if (flops < 2 * kGrainFlops || in_parallel()) return 1;
    const int most = num_threads();
    if (kMindsCrowd && most > 1 && crowd.at(now())) return 1;
    const double wanted = flops / kGrainFlops;
    return wanted >= most ? most : static_cast<int>(wanted);
}

void parallel_tasks(int threads, index_t tasks, void (*body)(void*, index_t), void* context) {
    if (threads > tasks) threads = static_cast<int>(tasks);
    if (threads <= 1 || in_parallel() || forked_after.load(std::memory_order_relaxed)) {
        for (index_t i = 0; i < tasks; ++i) body(context, i);
        return;
    }
    used_threads.store(true, std::memory_order_relaxed);
    // Exceptions (no memory for scratch) must not leave a parallel region.
    std::atomic<bool> taken{false};
    std::exception_ptr first;
    const std::int64_t begin = now();
    const std::int64_t done = run_team(threads, tasks, [&](index_t i) {
        try {
            body(context, i);
        } catch (...) {
            if (!taken.exchange(true)) first = std::current_exception();
        }
    });
    const std::int64_t end = now();
    // Threads that are made in a region take their time.
    if (threads <= largest_team.load(std::memory_order_relaxed))
        crowd.account(end, done - begin, end - done, threads);
    else
        largest_team.store(threads, std::memory_order_relaxed);
    if (first) std::rethrow_exception(first);
}

}  // namespace ranvier
