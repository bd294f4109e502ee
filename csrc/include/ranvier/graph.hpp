// A network as a graph of nodes over values, planned once for given shapes and then run on flat
// memory, forward and backward.
//
//   Graph    what is computed: nodes, their parameters' sizes, no numbers. Immutable once built.
//   Plan     where everything lies for one input shape: shapes, offsets in an arena. Immutable.
//   Params   where the numbers are: a pointer to each parameter and to its gradient.
//   infer()  runs a plan without keeping anything: any number of threads may share graph and plan.
//   Session  runs forward and backward with the arena that training needs, reused step after step.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "ranvier/data.hpp"
#include "ranvier/fork.hpp"
#include "ranvier/runtime.hpp"
#include "ranvier/text.hpp"
#include "ranvier/types.hpp"

namespace ranvier {

using ValueId = int;
inline constexpr int kMaxInputs = 4;
inline constexpr int kMaxParams = 12;

index_t volume(
    const Shape& shape);  // product of the extents; std::bad_alloc if none can be so large
index_t volume(const Shape& shape, std::size_t from);  // of the extents from axis `from` on
std::string to_string(const Shape& shape);

struct NodeShapes {
    std::vector<Shape> x;
    Shape y;
};

// What a node is given in one run. Gradients are overwritten, never added to.
template <class T>
struct NodeRun {
    const T* x[kMaxInputs];
    T* y;
    T* param[kMaxParams];
    T* dparam[kMaxParams];  // null: not wanted
    T* dy;                  // may be destroyed
    T* dx[kMaxInputs];      // null: not wanted
    void* cache;            // cache_bytes() that live from forward to backward; training only
    bool training;
    RandomKey key;    // a fresh stream for each step and node
    double* penalty;  // activity regularisation adds to it
};

// What turns logits into predictions.
enum class Link : int { none, sigmoid, softmax, exponential };

// Max pooling as the convolution before it may do itself.
struct MaxPoolWindow {
    Shape window, stride;
    bool same;
};

template <class T>
class Node {
  public:
    virtual ~Node() = default;
    virtual const char* kind() const = 0;
    // The output's shape; std::invalid_argument if the inputs do not fit.
    virtual Shape infer(const std::vector<Shape>& x) const = 0;
    virtual void forward(const NodeShapes& s, const NodeRun<T>& r) const = 0;
    virtual void backward(const NodeShapes& s, const NodeRun<T>& r) const = 0;

    virtual std::size_t cache_bytes(const NodeShapes&) const { return 0; }
    virtual double flops(const NodeShapes& s) const { return static_cast<double>(volume(s.y)); }
    // y is x's memory under another shape, and dx is dy's; neither pass is run.
    virtual bool is_view() const { return false; }
    // The same, but only outside training (dropout).
    virtual bool is_view_in_inference() const { return false; }
    // y may be x's memory. False if backward reads x.
    virtual bool in_place() const { return false; }
    // dx may be dy's memory.
    virtual bool in_place_backward() const { return false; }
    virtual bool backward_reads_y() const { return false; }
    // False: input k is only looked at (a mask, a shape). Such a reader does not count as the one
    // node that a value feeds, and gets no dx.
    virtual bool differentiates(int k) const {
        (void)k;
        return true;
    }
    // Batches must have so many rows, and come one after the other (0: any number, in any order).
    virtual index_t fixed_batch() const { return 0; }
    // As the last node: a loss of this link may work on this node's input (logits) in its place.
    virtual Link link() const { return Link::none; }

    // Of a max pooling: its window.
    virtual const MaxPoolWindow* max_pool_window() const { return nullptr; }
    // One node that does what `self`, which this is, and then `next` do; takes both. Null: none.
    virtual std::unique_ptr<Node<T>> followed_by(std::unique_ptr<Node<T>>& self,
                                                 std::unique_ptr<Node<T>>& next) const {
        (void)self, (void)next;
        return nullptr;
    }
    // Names the layer of this node, or of the last one in it, unless it has a name.
    virtual void name(const std::string& layer) {
        if (label.empty()) label = layer;
    }

    // infer(), its error told with the layer's name.
    Shape shape_of(const std::vector<Shape>& x) const {
        try {
            return infer(x);
        } catch (const std::invalid_argument& error) {
            if (label.empty()) throw;
            throw std::invalid_argument(Text(label) + ": " + error.what());
        }
    }

    std::string label;  // of the layer that added the node
    std::vector<ValueId> inputs;
    ValueId output = -1;
    std::vector<int> params;
    std::uint64_t seed = 0;
};

template <class T>
class Graph {
  public:
    // The one input; `sample_shape` excludes the batch axis, -1 for an extent that may vary.
    // mask_axes: a mask comes with it, of the shape of its first axes; it is value 1.
    ValueId set_input(const Shape& sample_shape, int mask_axes = 0);
    // What runs give: the output, the last value unless told, and its mask or -1.
    void set_output(ValueId output, ValueId mask);
    int add_param(index_t size, bool trainable);
    // Takes the node, wires it and returns its output. Each value feeds one node; others may look
    // at it.
    ValueId add(std::unique_ptr<Node<T>> node, const std::vector<ValueId>& inputs,
                const std::vector<int>& params);

    // Names the nodes that have no label yet.
    void label(const std::string& label);

    const Shape& input_shape() const { return input_shape_; }
    const std::vector<std::unique_ptr<Node<T>>>& nodes() const { return nodes_; }
    ValueId output() const { return output_ < 0 ? values_ - 1 : output_; }
    ValueId output_mask() const { return output_mask_; }
    bool has_mask_input() const { return mask_axes_ > 0; }
    // Neither the input nor its mask is made by a node.
    bool is_given(ValueId v) const { return v == 0 || (v == 1 && has_mask_input()); }
    // Of the values that are given, for an input of this shape.
    std::vector<Shape> given_shapes(const Shape& input) const;
    int values() const { return values_; }
    const std::vector<index_t>& param_sizes() const { return param_sizes_; }
    const std::vector<char>& trainable() const { return trainable_; }
    void set_trainable(int param, bool trainable) { trainable_.at(param) = trainable; }
    Shape output_shape(const Shape& input) const;
    index_t fixed_batch() const;  // of the first node that has one

  private:
    Shape input_shape_;
    std::vector<std::unique_ptr<Node<T>>> nodes_;
    std::vector<index_t> param_sizes_;
    std::vector<char> trainable_;
    std::vector<char> consumed_;
    int values_ = 0;
    int mask_axes_ = 0;
    ValueId output_ = -1, output_mask_ = -1;
};

template <class T>
struct Params {
    std::vector<T*> value;
    std::vector<T*> gradient;  // empty entries (null) for parameters that are not trained
};

// Where a value lies. `arena` offsets count elements.
struct Place {
    enum Where : int { arena, input, mask, output } where = arena;
    index_t offset = 0;
};

enum class Mode : int { infer, train };

template <class T>
struct PlanStep {
    const Node<T>* node = nullptr;
    NodeShapes shapes;
    Place x[kMaxInputs];
    Place y;
    Place dx[kMaxInputs];
    Place dy;
    bool wants_dx[kMaxInputs] = {};
    index_t cache = 0;  // byte offset
    bool skip_forward = false;
    bool skip_backward = false;
    bool wants_backward = false;
};

template <class T>
struct Plan {
    Mode mode = Mode::infer;
    Shape input;
    Shape output;
    Shape mask;  // of the output, if it has one
    std::vector<PlanStep<T>> steps;
    Place output_place;
    Place mask_place;
    Place output_gradient;
    Place input_gradient;  // train, only if asked for
    bool has_input_gradient = false;
    index_t arena = 0;            // elements: values, then gradients
    index_t values_in_arena = 0;  // elements of the first part
    std::size_t cache_bytes = 0;
    double flops = 0;  // of one forward pass
};

// `want_input_gradient`: the gradient of the input too, for a graph that follows other code.
template <class T>
Plan<T> make_plan(const Graph<T>& graph, const Shape& input, Mode mode,
                  bool want_input_gradient = false);

// Plans by shape, kept for the last few shapes; shared by threads.
template <class T>
class PlanCache {
  public:
    std::shared_ptr<const Plan<T>> get(const Graph<T>& graph, const Shape& input, Mode mode,
                                       bool want_input_gradient = false);
    void clear();

  private:
    ForkMutex mutex_;
    std::vector<std::shared_ptr<const Plan<T>>> plans_;  // most recent first
};

// The input's mask, and where to write the output's; null: there is none, or it is not wanted.
template <class T>
struct Masks {
    const T* in = nullptr;
    T* out = nullptr;
};

// y = the graph's output on x in inference mode.
template <class T>
void infer(const Plan<T>& plan, const Params<T>& params, const T* x, T* y,
           const Masks<T>& masks = {});

// The whole of `source` in chunks of `chunk` rows; chunks are divided among threads where that is
// worth it. `out` is [rows, ...output sample shape].
template <class T>
void infer_rows(const Graph<T>& graph, PlanCache<T>& plans, const Params<T>& params,
                const Source& source, index_t chunk, T* out, const Masks<T>& masks = {});

template <class T>
class Session {
  public:
    explicit Session(std::shared_ptr<const Graph<T>> graph) : graph_(std::move(graph)) {}

    // The graph changed what it trains: plans are made anew.
    void reset() {
        plans_.clear();
        plan_.reset();
    }

    // Plans for this input shape and makes room. Returns the plan.
    const Plan<T>& prepare(const Shape& input, bool want_input_gradient = false);
    bool is_prepared() const { return plan_ != nullptr; }
    // backward uses up what forward left: once for each forward.
    bool is_forward_done() const { return forward_done_; }
    const Plan<T>& plan() const { return *plan_; }

    // `steps`: how many nodes to run, all by default (the trainer leaves the last out when the
    // loss takes its place). x and its mask must stay until backward.
    void forward(const Params<T>& params, const T* x, bool training, std::uint64_t stream,
                 int steps = -1, const T* mask = nullptr);
    void backward(const Params<T>& params, int steps = -1);

    T* at(const Place& place) const;
    T* output() const { return at(plan_->output_place); }
    // Of the output; null: it has none.
    const T* output_mask() const {
        return graph_->output_mask() < 0 ? nullptr : at(plan_->mask_place);
    }
    T* output_gradient() const { return at(plan_->output_gradient); }
    T* input_gradient() const { return at(plan_->input_gradient); }
    double penalty() const { return penalty_; }  // of the last forward pass
    std::size_t bytes() const { return arena_.bytes() + cache_.bytes(); }

  private:
    void fill(const PlanStep<T>& step, const Params<T>& params, NodeRun<T>& run) const;

    std::shared_ptr<const Graph<T>> graph_;
    PlanCache<T> plans_;
    std::shared_ptr<const Plan<T>> plan_;
    AlignedBuffer arena_;
    AlignedBuffer cache_;
    const T *x_ = nullptr, *mask_ = nullptr;
    std::uint64_t stream_ = 0;
    bool training_ = true;
    bool forward_done_ = false;
    double penalty_ = 0;
};

}  // namespace ranvier
