// Optimizer steps on one run of elements.
#pragma once

#include "kernels/kernels.hpp"
#include "ranvier/optim.hpp"

namespace ranvier {

// Everything that is the same for all elements of a run, in the type that Keras computes it in.
template <class T>
struct OptimTask {
    T rate;   // learning rate; adam: with its bias corrections
    T decay;  // learning rate x weight decay
    T scale;  // of the gradient (clipping by norm); 1 if unused
    T limit;  // clipvalue; infinity if unused
    // momentum, keep_1, keep_2: nadam: factors of m, of the gradient and of v;
    // momentum, keep_1, add_1, add_2: ftrl: power, l1, 2 x shrinkage, 2 x l2
    T momentum, keep_1, add_1, keep_2, add_2, epsilon;
    bool nesterov, amsgrad, centered, use_momentum;
};

template <class T>
struct OptimKernels {
    // Indexed by Optim. s0..s2 as optim_slots orders them, null where unused.
    void (*step[kOptims])(const OptimTask<T>& task, index_t n, T* w, const T* g, T* s0, T* s1,
                          T* s2);
    // g += l1 sign(w) + 2 l2 w
    void (*regularize)(T l1, T l2, index_t n, const T* w, T* g);
};

RV_DECLARE_NARROW_KERNELS(OptimKernels, avx2)

}  // namespace ranvier
