// Whether several threads are worth while at present. A region ends when its last thread does, and
// where another process has that thread's core, this is a time slice of milliseconds later. What
// regions lost that way against one thread is added up; too much of it, and for a while everything
// runs on one thread. No result depends on the number of threads, so nobody sees it but the clock.
#pragma once

#include <atomic>
#include <cstdint>

namespace ranvier {

// Times are nanoseconds. Several Python threads may account at once: what one of them overwrites is
// an estimate.
class Crowd {
  public:
    bool at(std::int64_t now) const { return now < until_.load(std::memory_order_relaxed); }

    // A region whose first thread was done after `busy` and waited `wait` for the others.
    void account(std::int64_t now, std::int64_t busy, std::int64_t wait, int threads) {
        const std::int64_t lost = wait - (threads - 1) * busy;
        const std::int64_t debt = debt_.load(std::memory_order_relaxed) + lost;
        const std::int64_t pause = pause_.load(std::memory_order_relaxed);
        if (debt > kPatience) {
            // In proportion to what was lost, and longer each time that it happens again.
            const std::int64_t next = bounded(pause > kShare * debt ? pause : kShare * debt);
            until_.store(now + next, std::memory_order_relaxed);
            pause_.store(bounded(2 * next), std::memory_order_relaxed);
            debt_.store(kPatience / 2, std::memory_order_relaxed);
        } else {
            debt_.store(debt > 0 ? debt : 0, std::memory_order_relaxed);
            if (debt <= 0) pause_.store(bounded(pause - pause / 16), std::memory_order_relaxed);
        }
    }

    void forget() {
        until_.store(0, std::memory_order_relaxed);
        debt_.store(0, std::memory_order_relaxed);
        pause_.store(kFirst, std::memory_order_relaxed);
    }

    static constexpr std::int64_t kPatience = 2'000'000;  // about half a time slice
    static constexpr std::int64_t kFirst = 10'000'000, kLongest = 2'000'000'000, kShare = 8;

  private:
    static std::int64_t bounded(std::int64_t t) {
        return t < kFirst ? kFirst : t > kLongest ? kLongest : t;
    }

    std::atomic<std::int64_t> until_{0}, debt_{0}, pause_{kFirst};
};

}  // namespace ranvier
