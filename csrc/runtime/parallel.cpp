// Threads. The only file that knows OpenMP; with RANVIER_STD_THREADS, a team of std::thread for
// each region instead, slow, but a thing that ThreadSanitizer understands.
#include <atomic>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>

#include "ranvier/runtime.hpp"
#include "ranvier/text.hpp"

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

// Below this much work per thread, waking the others costs more than they give.
constexpr double kGrainFlops = 4.0e6;

std::atomic<int> limit{0};              // 0: not set by anyone, ask OpenMP
std::atomic<bool> used_threads{false};  // this process has run a team of threads
std::atomic<bool> forked_after{false};  // ... and we are its forked child

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

// f(i) for each i < tasks, which throws nothing, in blocks on `threads` threads.
template <class F>
void run_team(int threads, index_t tasks, const F& f) {
#ifdef RANVIER_STD_THREADS
    const auto work = [&](index_t k) {
        in_region = true;
        for (index_t i = k * tasks / threads; i < (k + 1) * tasks / threads; ++i) f(i);
        in_region = false;
    };
    std::vector<std::thread> others;
    for (index_t k = 1; k < threads; ++k) others.emplace_back(work, k);
    work(0);
    for (auto& t : others) t.join();
#else
    (void)threads;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(static)
#endif
    for (index_t i = 0; i < tasks; ++i) f(i);
#endif
}

#if defined(_OPENMP) && (defined(__unix__) || defined(__APPLE__))
// libgomp's team does not survive fork, and the first region in the child would wait for it for
// ever. The child therefore runs on one thread if the parent had a team.
void after_fork_in_child() {
    if (used_threads.load(std::memory_order_relaxed)) forked_after.store(true);
}
const int fork_handler = pthread_atfork(nullptr, nullptr, after_fork_in_child);
#endif

int from_environment() {
    const char* text = std::getenv("RANVIER_NUM_THREADS");
    if (text == nullptr || *text == '\0') return 0;
    char* end = nullptr;
    const long n = std::strtol(text, &end, 10);
    if (*end != '\0' || n < 1 || n > 4096)
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
    return environment > 0 ? environment : most_threads();
}

void set_num_threads(int n) {
    if (n < 1)
        throw std::invalid_argument(Text("number of threads must be >= 1; got ") +
                                    std::to_string(n));
    limit.store(n, std::memory_order_relaxed);
}

const char* threading_layer() { return kLayer; }

int threads_for(double flops) {
    if (flops < 2 * kGrainFlops || in_parallel()) return 1;
    const int most = num_threads();
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
    run_team(threads, tasks, [&](index_t i) {
        try {
            body(context, i);
        } catch (...) {
            if (!taken.exchange(true)) first = std::current_exception();
        }
    });
    if (first) std::rethrow_exception(first);
}

}  // namespace ranvier
