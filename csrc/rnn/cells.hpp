// What a step does apart from the matrix products.
#pragma once

#include "kernels/rnn.hpp"
#include "ranvier/rnn.hpp"

namespace ranvier::rnn {

// `pre`: null, or where what is before the activations goes (forward) and lies (backward).
// GRU without reset_after takes two calls each way, a product of its own between them.
template <class T>
void step_forward(const RnnSpec& s, const RnnRows<T>& k, T* pre);
template <class T>
void step_backward(const RnnSpec& s, const RnnRows<T>& k, const T* pre);

// GRU, not reset_after. Forward: z and r, and reset_h = r h' (times `dropout`, [rows, U], if
// there is one); then step_forward makes the candidate and h.
template <class T>
void gru_gates(const RnnSpec& s, const RnnRows<T>& k, const T* dropout, T* reset_h, T* pre);
// Backward: step_backward leaves the gradient before the candidate's activation, and dh times z;
// dreset is the gradient of reset_h: adds to dh, and finishes the gradients of the gates.
template <class T>
void gru_gates_backward(const RnnSpec& s, const RnnRows<T>& k, const T* dropout, const T* dreset,
                        const T* pre);

}  // namespace ranvier::rnn
