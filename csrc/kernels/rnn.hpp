// The pointwise part of a recurrent step with its usual activations (tanh, gates by sigmoid).
#pragma once

#include "kernels/kernels.hpp"

namespace ranvier {

// One step of `rows` rows; all arrays [rows, U] and contiguous but for gates [rows, 4 U or 3 U] and
// y and dy, whose rows are ldy apart.
template <class T>
struct RnnRows {
    index_t rows, units;
    // forward: in: before the activations, out (if kept): behind; backward: out: gradients of
    // what is before the activations. LSTM: i, f, g, o; GRU: z, r, candidate.
    T* gates;
    T* inner;           // GRU: the recurrent part of the candidate; backward: its gradient
    const T* h_before;  // GRU
    T* h;
    const T* c_before;  // LSTM
    T *c, *act_c;
    T* y;  // forward: a copy of h; null: not wanted
    const T* dy;
    index_t ldy;
    T* dh;  // backward: in: from later steps (without dy); out, GRU: z times the whole gradient
    T* dc;  // backward, LSTM: from the later step to the earlier one
    bool keep;
};

template <class T>
struct RnnKernels {
    void (*lstm_forward)(const RnnRows<T>& s);
    void (*lstm_backward)(const RnnRows<T>& s);
    void (*gru_forward)(const RnnRows<T>& s);
    void (*gru_backward)(const RnnRows<T>& s);
};

RV_DECLARE_KERNELS(RnnKernels)

}  // namespace ranvier
