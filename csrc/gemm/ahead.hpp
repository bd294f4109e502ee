// What the panels of a product bring near for the next block, while they work.
#pragma once

#include <algorithm>

#include "kernels/gemm.hpp"

namespace ranvier {

// Two arrays of which each of some calls of panel() fetches a share: either of the one or of the
// other. The tiles themselves read some rows at once, a few elements at a time, which the hardware
// does not see a stream in.
template <class T>
class Ahead {
  public:
    Ahead() = default;
    Ahead(index_t calls, const T* a, index_t a_size, const T* b = nullptr, index_t b_size = 0)
        : a_(a), b_(b), a_size_(a_size), b_size_(b_size) {
        if (a_size + b_size <= 0) return;
        of_a_ = (2 * calls * a_size + a_size + b_size) / (2 * (a_size + b_size));
        a_each_ = of_a_ > 0 ? (a_size + of_a_ - 1) / of_a_ : 0;
        const index_t of_b = calls - of_a_;
        b_each_ = of_b > 0 ? (b_size + of_b - 1) / of_b : 0;
    }
    void share(index_t call, GemmTask<T>& t) const {
        const bool a = call < of_a_;
        const index_t each = a ? a_each_ : b_each_;
        const index_t from = std::min((a ? call : call - of_a_) * each, a ? a_size_ : b_size_);
        t.ahead = (a ? a_ : b_) + from;
        t.ahead_size = std::min(each, (a ? a_size_ : b_size_) - from);
    }

  private:
    const T *a_ = nullptr, *b_ = nullptr;
    index_t a_size_ = 0, b_size_ = 0, of_a_ = 0, a_each_ = 0, b_each_ = 0;
};

}  // namespace ranvier
