// Running a plan.
#include <algorithm>
#include <cstring>

#include "ranvier/graph.hpp"

namespace ranvier {
namespace {

template <class T>
T* resolve(const Place& place, T* arena, const T* input, const T* mask, T* output) {
    switch (place.where) {
        case Place::input:
            return const_cast<T*>(input);
        case Place::mask:
            return const_cast<T*>(mask);
        case Place::output:
            return output;
        default:
            return arena + place.offset;
    }
}

template <class T>
void bind_params(const Node<T>& node, const Params<T>& params, bool gradients, NodeRun<T>& run) {
    for (std::size_t i = 0; i < node.params.size(); ++i) {
        const int p = node.params[i];
        run.param[i] = params.value[p];
        run.dparam[i] = gradients ? params.gradient[p] : nullptr;
    }
}

}  // namespace

template <class T>
void infer(const Plan<T>& plan, const Params<T>& params, const T* x, T* y, const Masks<T>& masks) {
    const Scratch<T> arena(plan.arena);
    auto at = [&](const Place& place) { return resolve<T>(place, arena.get(), x, masks.in, y); };
    NodeRun<T> run{};
    double penalty = 0;
    run.penalty = &penalty;
    for (const PlanStep<T>& step : plan.steps) {
        if (step.skip_forward) continue;
        for (std::size_t k = 0; k < step.node->inputs.size(); ++k) run.x[k] = at(step.x[k]);
        run.y = at(step.y);
        bind_params(*step.node, params, false, run);
        step.node->forward(step.shapes, run);
    }
    if (plan.output_place.where == Place::input)  // nothing but views
        std::memcpy(y, x, static_cast<std::size_t>(volume(plan.output)) * sizeof(T));
    if (masks.out != nullptr)
        std::memcpy(masks.out, at(plan.mask_place),
                    static_cast<std::size_t>(volume(plan.mask)) * sizeof(T));
}

template <class T>
void infer_rows(const Graph<T>& graph, PlanCache<T>& plans, const Params<T>& params,
                const Source& source, index_t chunk, T* out, const Masks<T>& masks) {
    const index_t rows = source.shape[0];
    if (rows == 0) return;
    // a batch that goes on from states is one; its node refuses what has not their rows
    chunk = std::min(graph.fixed_batch() > 0 ? rows : chunk, rows);
    Shape shape = source.shape;
    shape[0] = chunk;
    const auto whole = plans.get(graph, shape, Mode::infer);
    shape[0] = rows % chunk;
    const auto rest = shape[0] ? plans.get(graph, shape, Mode::infer) : nullptr;

    const index_t in_row = volume(source.shape, 1), out_row = volume(whole->output, 1);
    const index_t given_row = masks.in ? volume(graph.given_shapes(shape)[1], 1) : 0;
    const index_t mask_row = masks.out ? volume(whole->mask, 1) : 0;
    const bool plain = is_plain<T>(source);
    const index_t chunks = (rows + chunk - 1) / chunk;
    const double work = whole->flops * static_cast<double>(chunks);
    parallel_for(threads_for(work), chunks, [&](index_t c) {
        const index_t first = c * chunk, n = std::min(chunk, rows - first);
        const Plan<T>& plan = n == chunk ? *whole : *rest;
        T* y = out + first * out_row;
        const Masks<T> own{masks.in ? masks.in + first * given_row : nullptr,
                           masks.out ? masks.out + first * mask_row : nullptr};
        if (plain) {
            infer(plan, params, static_cast<const T*>(source.data) + first * in_row, y, own);
        } else {
            const Scratch<T> x(n * in_row);
            gather_rows<T>(source, nullptr, first, n, x.get());
            infer(plan, params, x.get(), y, own);
        }
    });
}

template <class T>
const Plan<T>& Session<T>::prepare(const Shape& input, bool want_input_gradient) {
    if (plan_ && plan_->input == input && plan_->has_input_gradient == want_input_gradient)
        return *plan_;
    auto plan = plans_.get(*graph_, input, Mode::train, want_input_gradient);
    const std::size_t need = static_cast<std::size_t>(plan->arena) * sizeof(T);
    if (arena_.bytes() < need) {
        arena_ = AlignedBuffer();  // first give back, then take
        arena_ = AlignedBuffer(need);
    }
    if (cache_.bytes() < plan->cache_bytes) cache_ = AlignedBuffer(plan->cache_bytes);
    plan_ = std::move(plan);
    forward_done_ = false;
    return *plan_;
}

template <class T>
T* Session<T>::at(const Place& place) const {
    return resolve<T>(place, arena_.as<T>(), x_, mask_, nullptr);
}

template <class T>
void Session<T>::fill(const PlanStep<T>& step, const Params<T>& params, NodeRun<T>& run) const {
    for (std::size_t k = 0; k < step.node->inputs.size(); ++k) {
        run.x[k] = at(step.x[k]);
        run.dx[k] = step.wants_dx[k] ? at(step.dx[k]) : nullptr;
    }
    run.y = at(step.y);
    run.dy = at(step.dy);
    run.cache = cache_.as<char>() + step.cache;
    run.training = training_;
    run.key = RandomKey{step.node->seed, stream_};
    bind_params(*step.node, params, true, run);
}

template <class T>
void Session<T>::forward(const Params<T>& params, const T* x, bool training, std::uint64_t stream,
                         int steps, const T* mask) {
    x_ = x;
    mask_ = mask;
    stream_ = stream;
    training_ = training;
    forward_done_ = false;
    penalty_ = 0;
    NodeRun<T> run{};
    run.penalty = &penalty_;
    const int n = steps < 0 ? static_cast<int>(plan_->steps.size()) : steps;
    for (int i = 0; i < n; ++i) {
        const PlanStep<T>& step = plan_->steps[i];
        if (step.skip_forward) continue;
        fill(step, params, run);
        step.node->forward(step.shapes, run);
    }
    forward_done_ = true;
}

template <class T>
void Session<T>::backward(const Params<T>& params, int steps) {
    forward_done_ = false;
    NodeRun<T> run{};
    run.penalty = &penalty_;
    const int n = steps < 0 ? static_cast<int>(plan_->steps.size()) : steps;
    for (int i = n - 1; i >= 0; --i) {
        const PlanStep<T>& step = plan_->steps[i];
        if (!step.wants_backward || step.skip_backward) continue;
        fill(step, params, run);
        step.node->backward(step.shapes, run);
    }
}

#define RV_INSTANTIATE(T)                                                                     \
    template class Session<T>;                                                                \
    template void infer(const Plan<T>&, const Params<T>&, const T*, T*, const Masks<T>&);     \
    template void infer_rows(const Graph<T>&, PlanCache<T>&, const Params<T>&, const Source&, \
                             index_t, T*, const Masks<T>&);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
