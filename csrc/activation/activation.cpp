// Elementwise activations: which kernel, how many threads.
#include "ranvier/activation.hpp"

#include <algorithm>
#include <cmath>

#include "activation/split.hpp"
#include "kernels/activation.hpp"

namespace ranvier {
namespace {

ActForm form_of(Act act, const ActParams& p) {
    switch (act) {
        case Act::linear:
            return ActForm::linear;
        case Act::binary_step:
            return ActForm::binary_step;
        case Act::relu:
            if (p.c != 0.0 || std::isfinite(p.b)) return ActForm::relu_general;
            return p.a != 0.0 ? ActForm::leaky_relu : ActForm::relu;
        case Act::sigmoid:
            return ActForm::sigmoid;
        case Act::tanh:
            return ActForm::tanh;
        case Act::softplus:
            return ActForm::softplus;
        case Act::softsign:
            return ActForm::softsign;
        case Act::elu:
            return p.a < 0.0 || p.b > 0.0 ? ActForm::elu_from_input : ActForm::elu;
        case Act::selu:
            return ActForm::selu;
        case Act::gelu:
            return ActForm::gelu;
        case Act::gelu_tanh:
            return ActForm::gelu_tanh;
        case Act::silu:
            return ActForm::silu;
        case Act::hard_sigmoid:
            return ActForm::hard_sigmoid;
        case Act::exponential:
            return ActForm::exponential;
        case Act::pieces:
            return ActForm::pieces;
        case Act::mish:
            return ActForm::mish;
        case Act::tanh_shrink:
            return ActForm::tanh_shrink;
        case Act::squareplus:
            return ActForm::squareplus;
    }
    return ActForm::linear;
}

// Operations an element, where they outweigh the traffic to memory.
double work_of(Act act) {
    switch (act) {
        case Act::linear:
        case Act::binary_step:
        case Act::relu:
        case Act::hard_sigmoid:
        case Act::pieces:
            return 1.0;
        default:
            return 40.0;
    }
}

template <class T>
double flops_of(Act act, double elements, int arrays) {
    const double memory = 4.0 * arrays * sizeof(T);
    const double work = work_of(act) * (sizeof(T) / 4);
    return elements * (work > memory ? work : memory);
}

}  // namespace

bool act_backward_reads_input(Act act, const ActParams& p) {
    switch (act) {
        case Act::relu:
            // y tells the piece of x it came from unless a threshold or a negative slope that is
            // negative itself folds the pieces onto each other.
            return p.c != 0.0 || p.a < 0.0;
        case Act::elu:
            return p.a < 0.0 || p.b > 0.0;
        case Act::softsign:  // 1 - |y| would cancel
        case Act::gelu:
        case Act::gelu_tanh:
        case Act::silu:
        case Act::pieces:
        case Act::mish:
        case Act::tanh_shrink:
        case Act::squareplus:
            return true;
        default:
            return false;
    }
}

template <class T>
void act_forward(Act act, const ActParams& p, index_t n, const T* x, T* y) {
    const auto kernel = kernels<ActivationKernels, T>().forward[int(form_of(act, p))];
    split_range<T>(threads_for(flops_of<T>(act, double(n), 2)), n,
                   [&](index_t i, index_t count) { kernel(p, count, x + i, y + i); });
}

// By itself only to be looked at, so without kernels of its own: the backward pass of a gradient of
// ones, in blocks that stay in L1.
template <class T>
void act_derivative(Act act, const ActParams& p, index_t n, const T* x, T* d) {
    const auto forward = kernels<ActivationKernels, T>().forward[int(form_of(act, p))];
    const auto backward = kernels<ActivationBackwardKernels, T>().backward[int(form_of(act, p))];
    const bool from_input = act_backward_reads_input(act, p);
    constexpr index_t kBlock = 8192 / index_t(sizeof(T));
    split_range<T>(threads_for(flops_of<T>(act, double(n), 2)), n, [&](index_t i, index_t count) {
        const index_t most = count < kBlock ? count : kBlock;
        const Scratch<T> ones(most), y(most);
        std::fill_n(ones.get(), most, T(1));
        for (const index_t end = i + count; i < end; i += most) {
            const index_t size = end - i < most ? end - i : most;
            if (!from_input) forward(p, size, x + i, y.get());
            backward(p, size, from_input ? x + i : y.get(), ones.get(), d + i);
        }
    });
}

template <class T>
void act_backward(Act act, const ActParams& p, index_t n, const T* saved, const T* dy, T* dx) {
    const auto kernel = kernels<ActivationBackwardKernels, T>().backward[int(form_of(act, p))];
    split_range<T>(threads_for(flops_of<T>(act, double(n), 3)), n,
                   [&](index_t i, index_t count) { kernel(p, count, saved + i, dy + i, dx + i); });
}

template <class T>
void act_backward_bias(Act act, const ActParams& p, index_t rows, index_t cols, const T* saved,
                       const T* dy, T* dx, T* db) {
    if (db == nullptr) return act_backward(act, p, rows * cols, saved, dy, dx);
    const auto& k = kernels<ActivationBackwardKernels, T>();
    const auto kernel = k.backward[int(form_of(act, p))];
    sum_in_blocks<T>(threads_for(flops_of<T>(act, double(rows) * double(cols), 3)), rows, cols, db,
                     [&](index_t row, index_t count, T* out) {
                         const index_t i = row * cols;
                         kernel(p, count * cols, saved + i, dy + i, dx + i);
                         k.column_sums(count, cols, dx + i, out);
                     });
}

template <class T>
void column_sums(index_t rows, index_t cols, const T* x, T* out) {
    const auto& k = kernels<ActivationBackwardKernels, T>();
    sum_in_blocks<T>(threads_for(double(rows) * double(cols) * 4.0 * sizeof(T)), rows, cols, out,
                     [&](index_t row, index_t count, T* block) {
                         k.column_sums(count, cols, x + row * cols, block);
                     });
}

template <class T>
void vector_math(Math f, index_t n, const T* x, T* y) {
    const auto kernel = kernels<MathKernels, T>().function[int(f)];
    split_range<T>(threads_for(double(n) * 10.0 * sizeof(T)), n,
                   [&](index_t i, index_t count) { kernel(count, x + i, y + i); });
}

#define RV_INSTANTIATE(T)                                                                  \
    template void act_forward<T>(Act, const ActParams&, index_t, const T*, T*);            \
    template void act_derivative<T>(Act, const ActParams&, index_t, const T*, T*);         \
    template void act_backward<T>(Act, const ActParams&, index_t, const T*, const T*, T*); \
    template void act_backward_bias<T>(Act, const ActParams&, index_t, index_t, const T*,  \
                                       const T*, T*, T*);                                  \
    template void column_sums<T>(index_t, index_t, const T*, T*);                          \
    template void vector_math<T>(Math, index_t, const T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
