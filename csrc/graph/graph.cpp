// Building a graph, and planning where its values lie.
#include <algorithm>
#include <cstdint>
#include <new>
#include <stdexcept>

#include "ranvier/graph.hpp"

namespace ranvier {

index_t volume(const Shape& shape, std::size_t from) {
    constexpr index_t most = PTRDIFF_MAX / 16;  // a few such arrays, and their sizes in bytes
    index_t n = 1;
    for (std::size_t i = from; i < shape.size(); ++i)
        if (__builtin_mul_overflow(n, shape[i], &n) || n > most) throw std::bad_alloc();
    return n;
}
index_t volume(const Shape& shape) { return volume(shape, 0); }

std::string to_string(const Shape& shape) {
    std::string s = "(";
    for (std::size_t i = 0; i < shape.size(); ++i)
        s += (i ? ", " : "") + (shape[i] < 0 ? std::string("None") : std::to_string(shape[i]));
    return s + (shape.size() == 1 ? ",)" : ")");
}

template <class T>
ValueId Graph<T>::set_input(const Shape& sample_shape, int mask_axes) {
    if (mask_axes < 0 || mask_axes > static_cast<int>(sample_shape.size()) + 1)
        throw std::invalid_argument("a mask has some of the input's axes");
    input_shape_ = sample_shape;
    mask_axes_ = mask_axes;
    values_ = mask_axes > 0 ? 2 : 1;
    consumed_.assign(static_cast<std::size_t>(values_), 0);
    return 0;
}

template <class T>
void Graph<T>::set_output(ValueId output, ValueId mask) {
    if (output < 0 || output >= values_ || mask >= values_)
        throw std::invalid_argument("no such value in the graph");
    output_ = output;
    output_mask_ = mask;
}

template <class T>
std::vector<Shape> Graph<T>::given_shapes(const Shape& input) const {
    std::vector<Shape> shapes{input};
    if (has_mask_input()) shapes.emplace_back(input.begin(), input.begin() + mask_axes_);
    return shapes;
}

template <class T>
int Graph<T>::add_param(index_t size, bool trainable) {
    param_sizes_.push_back(size);
    trainable_.push_back(trainable);
    return static_cast<int>(param_sizes_.size()) - 1;
}

template <class T>
ValueId Graph<T>::add(std::unique_ptr<Node<T>> node, const std::vector<ValueId>& inputs,
                      const std::vector<int>& params) {
    if (inputs.size() > kMaxInputs || params.size() > kMaxParams)
        throw std::invalid_argument("too many inputs or parameters for one node");
    for (std::size_t k = 0; k < inputs.size(); ++k) {
        const ValueId v = inputs[k];
        if (v < 0 || v >= values_) throw std::invalid_argument("no such value in the graph");
        if (!node->differentiates(static_cast<int>(k))) continue;
        if (consumed_[v]) throw std::invalid_argument("a value feeds one node only");
        consumed_[v] = 1;
    }
    for (int p : params)
        if (p < 0 || p >= static_cast<int>(param_sizes_.size()))
            throw std::invalid_argument("no such parameter in the graph");
    if (!nodes_.empty() && inputs == std::vector<ValueId>{nodes_.back()->output} &&
        params.empty()) {
        std::unique_ptr<Node<T>>& last = nodes_.back();
        const std::vector<ValueId> in = last->inputs;
        const std::vector<int> own = last->params;
        if (auto both = last->followed_by(last, node)) {
            both->inputs = in;
            both->params = own;
            both->output = inputs[0];
            last = std::move(both);
            consumed_[inputs[0]] = 0;
            return inputs[0];
        }
    }
    node->inputs = inputs;
    node->params = params;
    node->output = values_;
    nodes_.push_back(std::move(node));
    consumed_.push_back(0);
    return values_++;
}

template <class T>
void Graph<T>::label(const std::string& label) {
    for (const auto& node : nodes_) node->name(label);
}

template <class T>
index_t Graph<T>::fixed_batch() const {
    for (const auto& node : nodes_)
        if (node->fixed_batch() > 0) return node->fixed_batch();
    return 0;
}

template <class T>
Shape Graph<T>::output_shape(const Shape& input) const {
    std::vector<Shape> shapes = given_shapes(input);
    shapes.resize(values_);
    for (const auto& node : nodes_) {
        std::vector<Shape> in;
        for (ValueId v : node->inputs) in.push_back(shapes[v]);
        shapes[node->output] = node->shape_of(in);
    }
    return shapes[output()];
}

namespace {

// A block of memory that is needed from step `first` to step `last`.
struct Interval {
    index_t size;
    int first, last;
    index_t offset = -1;
};

index_t aligned(index_t n, std::size_t element) {
    const index_t unit = static_cast<index_t>(kAlignment / element);
    return (n + unit - 1) / unit * unit;
}

// Greedy by size (Pisarchyk & Lee 2020): each block goes to the lowest gap among those that are
// alive at the same time. Returns the total.
index_t assign_offsets(std::vector<Interval>& all, std::size_t element) {
    std::vector<Interval*> order;
    for (auto& i : all) order.push_back(&i);
    std::stable_sort(order.begin(), order.end(),
                     [](const Interval* a, const Interval* b) { return a->size > b->size; });
    std::vector<Interval*> placed;  // by offset
    index_t total = 0;
    for (Interval* i : order) {
        index_t at = 0;
        for (const Interval* p : placed) {
            if (p->last < i->first || p->first > i->last) continue;
            if (at + aligned(i->size, element) <= p->offset) break;
            at = std::max(at, p->offset + aligned(p->size, element));
        }
        i->offset = at;
        total = std::max(total, at + aligned(i->size, element));
        placed.insert(std::upper_bound(placed.begin(), placed.end(), i,
                                       [](const Interval* a, const Interval* b) {
                                           return a->offset < b->offset;
                                       }),
                      i);
    }
    return total;
}

int root_of(const std::vector<int>& root, int v) {
    while (root[v] != v) v = root[v];
    return v;
}

}  // namespace

template <class T>
Plan<T> make_plan(const Graph<T>& graph, const Shape& input, Mode mode, bool want_input_gradient) {
    const bool train = mode == Mode::train;
    const int values = graph.values();
    const int n = static_cast<int>(graph.nodes().size());
    Plan<T> plan;
    plan.mode = mode;
    plan.input = input;
    plan.steps.resize(n);
    plan.has_input_gradient = train && want_input_gradient;

    std::vector<Shape> shapes = graph.given_shapes(input);
    shapes.resize(values);
    std::vector<int> root(values), producer(values, -1);
    std::vector<char> wants(values, 0);  // is a gradient of this value wanted?
    std::vector<char> keeps(values, 0);  // is this memory read by the backward pass of its maker?
    std::vector<int> last_read(values, -1);  // of the memory that a value is in
    for (int i = 0; i < n; ++i)
        for (ValueId v : graph.nodes()[i]->inputs) last_read[v] = i;
    if (graph.has_mask_input()) root[1] = 1;
    wants[0] = plan.has_input_gradient;

    for (int i = 0; i < n; ++i) {
        const Node<T>& node = *graph.nodes()[i];
        PlanStep<T>& step = plan.steps[i];
        step.node = &node;
        for (ValueId v : node.inputs) step.shapes.x.push_back(shapes[v]);
        step.shapes.y = node.shape_of(step.shapes.x);
        const int y = node.output, x = node.inputs[0];
        shapes[y] = step.shapes.y;
        producer[y] = i;
        plan.flops += node.flops(step.shapes);

        const bool view = node.is_view() || (!train && node.is_view_in_inference());
        const int xr = root_of(root, x);
        const bool over = node.in_place() && !graph.is_given(xr) && !(train && keeps[xr]) &&
                          last_read[xr] <= i && volume(shapes[x]) == volume(shapes[y]);
        root[y] = view || over ? xr : y;
        last_read[root[y]] = std::max(last_read[root[y]], last_read[y]);
        keeps[root[y]] |= node.backward_reads_y();
        step.skip_forward = view;
        step.skip_backward = node.is_view();

        bool trained = false;
        for (int p : node.params) trained = trained || graph.trainable()[p];
        for (std::size_t k = 0; k < node.inputs.size(); ++k) {
            step.wants_dx[k] = wants[node.inputs[k]] && node.differentiates(static_cast<int>(k));
            trained = trained || step.wants_dx[k];
        }
        wants[y] = trained;
        step.wants_backward = train && trained;
        if (train) {
            step.cache = static_cast<index_t>(plan.cache_bytes);
            plan.cache_bytes += aligned(static_cast<index_t>(node.cache_bytes(step.shapes)), 1);
        }
    }
    const int out = graph.output(), mask = graph.output_mask();
    plan.output = shapes[out];
    if (mask >= 0) plan.mask = shapes[mask];

    // Forward values. In training all stay until the backward pass has used them.
    std::vector<Interval> blocks;
    std::vector<int> block(values, -1);
    for (int v = 1; v < values; ++v)
        if (root[v] == v && !graph.is_given(v)) {
            block[v] = static_cast<int>(blocks.size());
            blocks.push_back({volume(shapes[v]), producer[v], train ? n : producer[v]});
        }
    auto needed_until = [&](int v, int time) {
        if (const int r = root_of(root, v); !graph.is_given(r))
            blocks[block[r]].last = std::max(blocks[block[r]].last, time);
    };
    if (!train)
        for (int i = 0; i < n; ++i)
            for (ValueId v : plan.steps[i].node->inputs) needed_until(v, i);
    if (mask >= 0) needed_until(mask, n);
    const int out_root = root_of(root, out);
    // the last values go straight to the caller
    const bool direct = !train && !graph.is_given(out_root);
    if (direct) blocks[block[out_root]].size = 0;
    plan.values_in_arena = assign_offsets(blocks, sizeof(T));
    auto place = [&](int v) {
        const int r = root_of(root, v);
        if (graph.is_given(r)) return Place{r == 0 ? Place::input : Place::mask, 0};
        if (direct && r == out_root) return Place{Place::output, 0};
        return Place{Place::arena, blocks[block[r]].offset};
    };
    for (auto& step : plan.steps) {
        for (std::size_t k = 0; k < step.node->inputs.size(); ++k)
            step.x[k] = place(step.node->inputs[k]);
        step.y = place(step.node->output);
    }
    plan.output_place = place(out);
    if (mask >= 0) plan.mask_place = place(mask);
    plan.arena = plan.values_in_arena;
    if (!train) return plan;

    // Gradients, in reverse: the gradient of a value lives from the node that reads the value back
    // to the node that made it.
    std::vector<int> groot(values);
    for (int v = 0; v < values; ++v) groot[v] = v;
    std::vector<Interval> gblocks(values);
    for (int v = 0; v < values; ++v) gblocks[v] = {0, n, -1};
    auto touch = [&](int v, int time) {
        Interval& g = gblocks[root_of(groot, v)];
        g.size = std::max(g.size, volume(shapes[v]));
        g.first = std::min(g.first, time);
        g.last = std::max(g.last, time);
    };
    touch(out, n - 1);
    for (int i = n - 1; i >= 0; --i) {
        const PlanStep<T>& step = plan.steps[i];
        if (!step.wants_backward) continue;
        touch(step.node->output, i);
        for (std::size_t k = 0; k < step.node->inputs.size(); ++k)
            if (step.wants_dx[k]) {
                const int v = step.node->inputs[k];
                if (step.skip_backward ||
                    (step.node->in_place_backward() && volume(shapes[v]) == volume(step.shapes.y)))
                    groot[v] = root_of(groot, step.node->output);
                touch(v, i);
            }
    }
    const index_t base = plan.values_in_arena;
    plan.arena = base + assign_offsets(gblocks, sizeof(T));
    auto gradient_place = [&](int v) {
        return Place{Place::arena, base + std::max<index_t>(0, gblocks[root_of(groot, v)].offset)};
    };
    for (auto& step : plan.steps) {
        step.dy = gradient_place(step.node->output);
        for (std::size_t k = 0; k < step.node->inputs.size(); ++k)
            step.dx[k] = gradient_place(step.node->inputs[k]);
    }
    plan.output_gradient = gradient_place(out);
    plan.input_gradient = gradient_place(0);
    return plan;
}

template <class T>
std::shared_ptr<const Plan<T>> PlanCache<T>::get(const Graph<T>& graph, const Shape& input,
                                                 Mode mode, bool want_input_gradient) {
    constexpr std::size_t kKept = 16;
    const std::lock_guard<ForkMutex> lock(mutex_);
    if (mutex_.was_lost()) new (&plans_) std::vector<std::shared_ptr<const Plan<T>>>;
    for (std::size_t i = 0; i < plans_.size(); ++i) {
        const Plan<T>& p = *plans_[i];
        if (p.mode == mode && p.has_input_gradient == want_input_gradient && p.input == input) {
            if (i > 0) std::rotate(plans_.begin(), plans_.begin() + i, plans_.begin() + i + 1);
            return plans_.front();
        }
    }
    auto made = std::make_shared<const Plan<T>>(make_plan(graph, input, mode, want_input_gradient));
    if (plans_.size() >= kKept) plans_.pop_back();
    plans_.insert(plans_.begin(), made);
    return made;
}

template <class T>
void PlanCache<T>::clear() {
    const std::lock_guard<ForkMutex> lock(mutex_);
    plans_.clear();
}

#define RV_INSTANTIATE(T)        \
    template class Graph<T>;     \
    template class PlanCache<T>; \
    template Plan<T> make_plan(const Graph<T>&, const Shape&, Mode, bool);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
