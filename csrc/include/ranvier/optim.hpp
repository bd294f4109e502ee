// Optimizer steps over contiguous buffers.
#pragma once

#include <vector>

#include "ranvier/types.hpp"

namespace ranvier {

enum class Optim : int { sgd, adam, rmsprop, adagrad, adadelta, adamax, nadam, lion, ftrl };
inline constexpr int kOptims = 9;

struct OptimParams {
    Optim kind = Optim::sgd;
    double learning_rate = 0.01;
    double momentum = 0.0;  // sgd, rmsprop
    bool nesterov = false;  // sgd
    double beta_1 = 0.9;    // adam, adamax, nadam, lion
    double beta_2 = 0.999;  // adam, adamax, nadam, lion
    double rho = 0.9;       // rmsprop, adadelta
    double epsilon = 1e-7;
    bool amsgrad = false;               // adam
    bool centered = false;              // rmsprop
    double learning_rate_power = -0.5;  // ftrl, as all up to beta
    double l1 = 0.0;
    double l2 = 0.0;
    double l2_shrinkage = 0.0;
    double beta = 0.0;
    double weight_decay = 0.0;  // decoupled: w -= w * weight_decay * learning_rate, first
    double clipnorm = 0.0;      // 0: off; per variable
    double clipvalue = 0.0;
    double global_clipnorm = 0.0;
    double penalty_scale = 1.0;  // of l1 and l2 of all variables
};

// One variable: its weights (anywhere), and its place in the gradient and slot buffers.
template <class T>
struct OptimVariable {
    T* w;
    index_t offset;  // of its gradient and its slots, in elements
    index_t size;
    bool decay = true;  // weight decay applies
    double l1 = 0.0;    // regularisation: gradient gains l1 sign(w) + 2 l2 w before clipping
    double l2 = 0.0;
};

// How many slot buffers (each as long as the gradient buffer, zero-filled at the start; Adagrad's
// and Ftrl's accumulator with initial_accumulator_value) the kind needs, in the order the step
// uses:
//   sgd: [momentum] if momentum != 0;  adam: m, v, [v_hat] if amsgrad;
//   rmsprop: v, [momentum], [mean] if centered;  adagrad: accumulator;
//   adadelta: accumulated g^2, accumulated change^2;  adamax: m, u;  nadam: m, v;  lion: m;
//   ftrl: accumulator, linear
int optim_slots(const OptimParams& p);

// One update, Keras 3's formulas exactly (iteration counts from 0, as Keras' `iterations` before
// the update). g is scratch afterwards. Variables adjacent in both w and offset are updated in one
// pass. Same bits for any number of threads. Returns the regularisation loss
// sum l1 |w| + l2 w^2 measured before the update.
template <class T>
double optim_step(const OptimParams& p, index_t iteration,
                  const std::vector<OptimVariable<T>>& vars, T* g, T* const* slots);

}  // namespace ranvier
