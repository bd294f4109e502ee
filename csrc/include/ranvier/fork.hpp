// What a forked child must know.
#pragma once

#include <atomic>
#include <mutex>
#include <utility>

namespace ranvier {

unsigned forks();  // between the first process and this one

// A mutex that a forked child finds open: who held it in the parent is not in the child.
class ForkMutex {
  public:
    void lock() {
        revive();
        mutex_.lock();
    }
    bool try_lock() {
        revive();
        return mutex_.try_lock();
    }
    void unlock() { mutex_.unlock(); }
    // For the holder, once: somebody was inside at the fork, and may have left things half done.
    bool was_lost() { return std::exchange(lost_, false); }

  private:
    void revive() {
        if (born_.load(std::memory_order_acquire) != forks()) make_anew();
    }
    void make_anew();

    std::mutex mutex_;
    std::atomic<unsigned> born_{forks()};
    bool lost_ = false;
};

}  // namespace ranvier
