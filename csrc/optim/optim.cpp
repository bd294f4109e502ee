// Optimizer steps: regularisation, clipping, then one fused pass over each run of memory.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/optim.hpp"
#include "ranvier/data.hpp"
#include "ranvier/optim.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier {
namespace {

// Elements of one task; fixed, so that the division does not depend on the threads.
constexpr index_t kBlock = 1 << 14;
// Variables whose padding up to the next cache line lies in both buffers form one run; a longer gap
// may hold a variable that is frozen.
template <class T>
constexpr index_t kMaxGap = index_t(kAlignment / sizeof(T));

// Keras' `_u_product` after `step` updates. Its factors beta_1 (1 - 0.96^i / 2) come so near to
// beta_1 that those after the 1000th are beta_1.
double nadam_product(double beta_1, double step) {
    double product = std::pow(beta_1, step), power = 1;
    for (double i = std::min(step, 1000.0); i > 0; --i) {
        power *= 0.96;
        product *= 1 - 0.5 * power;
    }
    return product;
}

// adamax, nadam, lion
template <class T>
void set_moments(const OptimParams& p, index_t iteration, OptimTask<T>& t) {
    t.add_1 = T(1) - static_cast<T>(p.beta_1);
    t.add_2 = T(1) - static_cast<T>(p.beta_2);
    t.keep_1 = static_cast<T>(p.beta_1);
    t.keep_2 = static_cast<T>(p.beta_2);
    const T n = static_cast<T>(iteration + 1);
    if (p.kind == Optim::adamax) {
        t.add_1 = static_cast<T>(1 - p.beta_1);
        t.rate /= T(1) - std::pow(static_cast<T>(p.beta_1), n);
    } else if (p.kind == Optim::nadam) {
        const double step = static_cast<double>(iteration + 1);
        const double now = p.beta_1 * (1 - 0.5 * std::pow(0.96, step)),
                     next = p.beta_1 * (1 - 0.5 * std::pow(0.96, step + 1)),
                     product = nadam_product(p.beta_1, step);
        t.momentum = static_cast<T>(next / (1 - product * next));
        t.keep_1 = static_cast<T>((1 - now) / (1 - product));
        t.keep_2 = T(1) / (T(1) - std::pow(static_cast<T>(p.beta_2), n));
    }
}

template <class T>
OptimTask<T> make_task(const OptimParams& p, index_t iteration) {
    OptimTask<T> t{};
    t.rate = static_cast<T>(p.learning_rate);
    t.scale = T(1);
    t.limit = p.clipvalue > 0 ? static_cast<T>(p.clipvalue) : std::numeric_limits<T>::infinity();
    t.momentum = static_cast<T>(p.momentum);
    t.epsilon = static_cast<T>(p.epsilon);
    t.nesterov = p.nesterov;
    t.amsgrad = p.amsgrad;
    t.centered = p.centered;
    t.use_momentum = p.momentum != 0;
    if (p.kind == Optim::adam) {
        // In T, as Keras does: 1 - beta^t of float32 differs from the exact one in the 5th digit
        // for small t, and parity over many steps would show it.
        const T n = static_cast<T>(iteration + 1);
        const T b1 = std::pow(static_cast<T>(p.beta_1), n),
                b2 = std::pow(static_cast<T>(p.beta_2), n);
        t.rate = static_cast<T>(p.learning_rate) * std::sqrt(T(1) - b2) / (T(1) - b1);
        t.add_1 = static_cast<T>(1 - p.beta_1);
        t.add_2 = static_cast<T>(1 - p.beta_2);
    } else if (p.kind == Optim::rmsprop || p.kind == Optim::adadelta) {
        t.keep_2 = static_cast<T>(p.rho);
        t.add_2 = static_cast<T>(1 - p.rho);
    } else if (p.kind == Optim::ftrl) {
        t.momentum = static_cast<T>(-p.learning_rate_power);
        t.keep_1 = static_cast<T>(p.l1);
        t.add_1 = static_cast<T>(2 * p.l2_shrinkage);
        t.add_2 = static_cast<T>(2 * (p.l2 + p.beta / (2 * p.learning_rate)));
    } else {
        set_moments(p, iteration, t);
    }
    return t;
}

template <class T>
void run_block(const OptimParams& p, const OptimTask<T>& task, index_t n, T* w, index_t offset,
               const T* g, T* const* slots, int n_slots) {
    const auto& k = kernels<OptimKernels, T>();
    auto slot = [&](int i) { return i < n_slots ? slots[i] + offset : nullptr; };
    auto pass = [&](index_t at, index_t count) {
        T* s[3] = {slot(0), slot(1), slot(2)};
        for (T*& x : s)
            if (x != nullptr) x += at;
        k.step[static_cast<int>(p.kind)](task, count, w + at, g + offset + at, s[0], s[1], s[2]);
    };
    const index_t blocks = (n + kBlock - 1) / kBlock;
    // about 2 + 2 x slots arrays pass through memory
    const int threads = threads_for(4.0 * sizeof(T) * static_cast<double>(n) * (3 + 2 * n_slots));
    parallel_for(threads, blocks,
                 [&](index_t b) { pass(b * kBlock, std::min(kBlock, n - b * kBlock)); });
}

}  // namespace

int optim_slots(const OptimParams& p) {
    switch (p.kind) {
        case Optim::sgd:
            return p.momentum != 0;
        case Optim::adam:
            return 2 + p.amsgrad;
        case Optim::rmsprop:
            return 1 + (p.momentum != 0) + p.centered;
        case Optim::adagrad:
        case Optim::lion:
            return 1;
        default:
            return 2;
    }
}

template <class T>
double optim_step(const OptimParams& p, index_t iteration,
                  const std::vector<OptimVariable<T>>& vars, T* g, T* const* slots) {
    const auto& k = kernels<OptimKernels, T>();
    double penalty = 0;
    for (const auto& v : vars) {
        if (v.l1 == 0 && v.l2 == 0) continue;
        const double l1 = v.l1 * p.penalty_scale, l2 = v.l2 * p.penalty_scale;
        if (l1 != 0) penalty += l1 * reduce_sumabs<T>(v.size, v.w);
        if (l2 != 0) penalty += l2 * reduce_sumsq<T>(v.size, v.w);
        k.regularize(static_cast<T>(l1), static_cast<T>(l2), v.size, v.w, g + v.offset);
    }
    OptimTask<T> task = make_task<T>(p, iteration);
    if (p.clipnorm <= 0 && p.global_clipnorm > 0) {
        double sum = 0;
        for (const auto& v : vars) sum += reduce_sumsq<T>(v.size, g + v.offset);
        const double norm = std::sqrt(sum);
        // a norm that is not finite makes every weight NaN, as in Keras
        task.scale =
            static_cast<T>(p.global_clipnorm / std::max(norm, p.global_clipnorm) + (norm - norm));
    }
    const int n_slots = optim_slots(p);
    const T decay = static_cast<T>(p.weight_decay) * static_cast<T>(p.learning_rate);
    for (std::size_t i = 0; i < vars.size();) {
        const auto& first = vars[i];
        index_t n = first.size;
        std::size_t next = i + 1;
        if (p.clipnorm > 0) {
            const double norm = std::sqrt(reduce_sumsq<T>(n, g + first.offset));
            task.scale = static_cast<T>(p.clipnorm / std::max(norm, p.clipnorm));
        } else {
            for (; next < vars.size(); ++next) {
                const auto& v = vars[next];
                const index_t gap = v.offset - first.offset - n;
                if (gap < 0 || gap >= kMaxGap<T> || v.w - first.w != v.offset - first.offset ||
                    v.decay != first.decay)
                    break;
                n = v.offset + v.size - first.offset;
            }
        }
        task.decay = first.decay ? decay : T(0);
        run_block(p, task, n, first.w, first.offset, g, slots, n_slots);
        i = next;
    }
    return penalty;
}

#define RV_INSTANTIATE(T)                                                                         \
    template double optim_step(const OptimParams&, index_t, const std::vector<OptimVariable<T>>&, \
                               T*, T* const*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
