// Runtime: instruction sets, threads, scratch memory. See csrc/runtime/.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "ranvier/types.hpp"

namespace ranvier {

// ---- instruction sets -------------------------------------------------------------------
enum class Isa : int { baseline, avx2, avx512, neon };

const char* isa_name(Isa isa);
std::vector<Isa> isas_available();  // compiled in and runnable on this CPU, slowest first
// The set in use. Chosen once: RANVIER_ISA if set (std::runtime_error if it cannot run here),
// else the best available.
Isa isa_in_use();
// Is it worth while to fetch ahead of streams through memory? Intel's processors do it themselves,
// and are a tenth slower where somebody else does it, too; AMD's gain by it (measured on Zen 4 and
// Emerald Rapids).
bool fetches_streams();
// Has a core less than 1 MiB of L2, or may it have?
bool small_l2();

// ---- threads ----------------------------------------------------------------------------
// runtime/parallel.cpp is the only user of OpenMP.
int num_threads();  // the current limit: set_num_threads, RANVIER_NUM_THREADS or OpenMP's own
void set_num_threads(int);  // std::invalid_argument unless >= 1
const char* threading_layer();

// How many threads `flops` floating-point operations (or, for memory-bound work, 4 x bytes
// touched) deserve: 1 below the grain, at most num_threads(), 1 inside another parallel region,
// 1 in a forked child of a process that had already used threads (libgomp would hang), and 1 for
// a while where other processes have the cores (runtime/crowd.hpp).
int threads_for(double flops);

// Calls body(context, task) once for every task in [0, tasks), tasks divided among at most
// `threads` threads. Results must not depend on the division: a task owns its outputs, and no
// sum may ever be split by `threads`. The first exception that leaves body is thrown on, once all
// other tasks are done.
void parallel_tasks(int threads, index_t tasks, void (*body)(void* context, index_t task),
                    void* context);

template <class F>
void parallel_for(int threads, index_t tasks, F&& f) {
    if (threads <= 1 || tasks <= 1) {
        for (index_t i = 0; i < tasks; ++i) f(i);
        return;
    }
    using Body = std::remove_reference_t<F>;
    parallel_tasks(
        threads, tasks, [](void* c, index_t i) { (*static_cast<Body*>(c))(i); },
        const_cast<void*>(static_cast<const void*>(&f)));
}

// ---- scratch ----------------------------------------------------------------------------
// Aligned scratch from a per-thread arena that is reused from call to call. Strictly nested
// (last taken, first returned), which RAII gives. Throws std::bad_alloc.
inline constexpr std::size_t kAlignment = 64;

void* scratch_take(std::size_t bytes);
void scratch_return(void* p, std::size_t bytes) noexcept;
std::size_t scratch_bytes();      // held by the calling thread's arena
void scratch_release() noexcept;  // gives the calling thread's idle arena back to the system

template <class T>
class Scratch {
  public:
    explicit Scratch(index_t n)
        : bytes_(static_cast<std::size_t>(n) * sizeof(T)),
          p_(static_cast<T*>(scratch_take(bytes_))) {}
    ~Scratch() { scratch_return(p_, bytes_); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    T* get() const { return p_; }
    T& operator[](index_t i) const { return p_[i]; }

  private:
    std::size_t bytes_;
    T* p_;
};

// Owning, 64-byte aligned, uninitialised memory for long-lived buffers.
class AlignedBuffer {
  public:
    AlignedBuffer() = default;
    explicit AlignedBuffer(std::size_t bytes);
    ~AlignedBuffer();
    AlignedBuffer(AlignedBuffer&& o) noexcept : p_(o.p_), bytes_(o.bytes_) {
        o.p_ = nullptr;
        o.bytes_ = 0;
    }
    AlignedBuffer& operator=(AlignedBuffer&& o) noexcept;
    AlignedBuffer(const AlignedBuffer&) = delete;
    AlignedBuffer& operator=(const AlignedBuffer&) = delete;
    template <class T>
    T* as() const {
        return static_cast<T*>(p_);
    }
    std::size_t bytes() const { return bytes_; }

  private:
    void* p_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace ranvier
