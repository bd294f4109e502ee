// Recurrent layers over whole sequences: forward, and backward through time.
//
//   simple  h = act(x W + b + h' R)
//   lstm    i, f, o = gate_act(...), g = act(...) of x W + b + h' R, columns in the order i, f, g,
//   o;
//           c = f c' + i g,  h = o act(c)
//   gru     z, r = gate_act(...) of x W + b + h' R, columns in the order z, r, candidate;
//           candidate = act(x W + b + (r h') R),  h = z h' + (1 - z) candidate
//   gru_reset_after  candidate = act(x W + b + r (h' R + b')); the bias is [2, 3 U]: b, then b'
//
// (h', c': the states of the step before.) Hochreiter & Schmidhuber 1997; Gers et al. 2000; Cho et
// al. 2014.
#pragma once

#include "ranvier/data.hpp"
#include "ranvier/types.hpp"

namespace ranvier {

enum class Cell : int { simple, lstm, gru, gru_reset_after };

// Columns of kernel [F, G U] and recurrent kernel [U, G U] a unit.
constexpr index_t gates_of(Cell cell) {
    return cell == Cell::simple ? 1 : cell == Cell::lstm ? 4 : 3;
}

struct RnnSpec {
    Cell cell = Cell::simple;
    index_t features = 0, units = 0;
    bool use_bias = true;
    Act act = Act::tanh, gate_act = Act::sigmoid;
    ActParams act_params{}, gate_params{};
    bool sequences = false;       // y is every step's output [B, T, U], else the last one's [B, U]
    bool backwards = false;       // from the last step of x to the first; y is in the order walked
    bool mask_backwards = false;  // the mask's last step belongs to the first one walked
    bool zero_masked = false;     // the output of a skipped step is 0, else the state, as it stays
    double dropout = 0, recurrent_dropout = 0;  // of x and of h' where they are multiplied; one
                                                // pattern a row for all steps and gates
};

template <class T>
struct RnnRun {
    index_t batch, steps;
    const T* x;
    index_t x_row, x_step;  // elements from row to row and from step to step; features contiguous
    const T* mask;          // [B, T], 0: the step is skipped, states stay. Null: none is
    const T *kernel, *recurrent, *bias;
    const T *h0, *c0;  // [B, U]; null: zeros
    T* y;
    index_t y_row, y_step;
    T *h, *c;  // [B, U], the last states; null: not wanted. May be h0 and c0
    T* cache;  // rnn_cache_size() elements for backward; null: inference
    RandomKey key;
    bool training;  // dropout is on
};

index_t rnn_cache_size(const RnnSpec& s, index_t batch, index_t steps);
double rnn_flops(const RnnSpec& s, index_t batch, index_t steps);

template <class T>
void rnn_forward(const RnnSpec& s, const RnnRun<T>& r);

// Gradients are overwritten; null: not wanted.
template <class T>
struct RnnGradients {
    const T* dy;       // as y lies
    const T *dh, *dc;  // of the last states; null: zero
    T* dx;             // as x lies
    T *dkernel, *drecurrent, *dbias;
    T *dh0, *dc0;  // [B, U]
};

// `r` as it was in forward (training with a cache), which it uses up: once for each forward.
template <class T>
void rnn_backward(const RnnSpec& s, const RnnRun<T>& r, const RnnGradients<T>& g);

}  // namespace ranvier
