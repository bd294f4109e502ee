// Running without the GIL.
#pragma once

#include <Python.h>

#include <chrono>
#include <mutex>
#include <thread>

#include "ranvier/fork.hpp"

namespace ranvier {

// Lets the GIL go while it lives. A thread that comes back when the interpreter has ended must not
// run Python any more. CPython 3.14 makes it wait for the end of the process; before, it unwinds
// its stack, which std::terminate would meet in this destructor (as in pybind11's
// gil_scoped_release), so that it waits here.
class WithoutGil {
  public:
    WithoutGil() : state_(PyEval_SaveThread()) {}
    ~WithoutGil() {
        try {
            PyEval_RestoreThread(state_);
        } catch (...) {
            for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
        }
    }
    WithoutGil(const WithoutGil&) = delete;
    WithoutGil& operator=(const WithoutGil&) = delete;

  private:
    PyThreadState* state_;
};

// Waits for a mutex without the GIL: its holder may need the GIL to get done.
class LockWithoutGil {
  public:
    explicit LockWithoutGil(ForkMutex& mutex) : lock_(mutex, std::try_to_lock) {
        if (lock_.owns_lock()) return;
        const WithoutGil release;
        lock_.lock();
    }

  private:
    std::unique_lock<ForkMutex> lock_;
};

}  // namespace ranvier
