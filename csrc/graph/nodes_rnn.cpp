// Recurrent layers, in one direction and in both.
#include "ranvier/nodes_rnn.hpp"
#include "ranvier/text.hpp"

#include <algorithm>
#include <stdexcept>

namespace ranvier {
namespace {

index_t steps_of(const NodeShapes& s) { return s.x[0][1]; }

void require_sequence(const std::vector<Shape>& x, const RnnPart& part) {
    if (x[0].size() != 3 || (x[0][2] >= 0 && x[0][2] != part.spec.features))
        throw std::invalid_argument(Text("expected input of shape (batch, steps, ") +
                                    std::to_string(part.spec.features) + "); got " +
                                    to_string(x[0]));
    if (x[0][1] == 0)
        throw std::invalid_argument(Text("expected at least one step; got input of shape ") +
                                    to_string(x[0]));
    if (part.batch > 0 && x[0][0] >= 0 && x[0][0] != part.batch)
        throw std::invalid_argument(
            Text("a stateful layer expects batches of the ") + std::to_string(part.batch) +
            " rows that its states have; got input of shape " + to_string(x[0]));
    if (x.size() > 1 && (x[1].size() != 2 || x[1][0] != x[0][0] || x[1][1] != x[0][1]))
        throw std::invalid_argument(
            Text("expected a mask of shape (batch, steps) for input of shape ") + to_string(x[0]) +
            "; got " + to_string(x[1]));
}

std::size_t params_of(const RnnPart& p) {
    const std::size_t states = p.batch == 0 ? 0 : p.spec.cell == Cell::lstm ? 2 : 1;
    return 2 + p.spec.use_bias + states;
}

// What one direction is given, its parameters from `at` on; y and its strides are still to set.
template <class T>
RnnRun<T> run_of(const RnnPart& part, const NodeShapes& s, const NodeRun<T>& r, std::size_t at) {
    const RnnSpec& spec = part.spec;
    RnnRun<T> run{};
    run.batch = s.x[0][0];
    run.steps = steps_of(s);
    run.x = r.x[0];
    run.x_row = run.steps * spec.features;
    run.x_step = spec.features;
    run.mask = s.x.size() > 1 ? r.x[1] : nullptr;
    run.kernel = r.param[at];
    run.recurrent = r.param[at + 1];
    run.bias = spec.use_bias ? r.param[at + 2] : nullptr;
    if (part.batch > 0) {
        const std::size_t state = at + 2 + spec.use_bias;
        run.h0 = run.h = r.param[state];
        if (spec.cell == Cell::lstm) run.c0 = run.c = r.param[state + 1];
    }
    run.training = r.training;
    run.key = r.key;
    return run;
}

template <class T>
RnnGradients<T> gradients_of(const RnnPart& part, const NodeRun<T>& r, std::size_t at) {
    RnnGradients<T> g{};
    g.dkernel = r.dparam[at];
    g.drecurrent = r.dparam[at + 1];
    g.dbias = part.spec.use_bias ? r.dparam[at + 2] : nullptr;
    g.dx = r.dx[0];
    return g;
}

template <class T>
class RnnNode final : public Node<T> {
  public:
    RnnNode(const RnnPart& part, std::uint64_t node_seed) : part_(part) { this->seed = node_seed; }

    const char* kind() const override { return "recurrent"; }
    Shape infer(const std::vector<Shape>& x) const override {
        require_sequence(x, part_);
        const index_t U = part_.spec.units;
        return part_.spec.sequences ? Shape{x[0][0], x[0][1], U} : Shape{x[0][0], U};
    }
    bool differentiates(int k) const override { return k == 0; }
    index_t fixed_batch() const override { return part_.batch; }
    double flops(const NodeShapes& s) const override {
        return rnn_flops(part_.spec, s.x[0][0], steps_of(s));
    }
    std::size_t cache_bytes(const NodeShapes& s) const override {
        return static_cast<std::size_t>(rnn_cache_size(part_.spec, s.x[0][0], steps_of(s))) *
               sizeof(T);
    }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        rnn_forward(part_.spec, run(s, r));
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        RnnGradients<T> g = gradients_of(part_, r, 0);
        g.dy = r.dy;
        rnn_backward(part_.spec, run(s, r), g);
    }

  private:
    RnnRun<T> run(const NodeShapes& s, const NodeRun<T>& r) const {
        RnnRun<T> run = run_of(part_, s, r, 0);
        run.cache = static_cast<T*>(r.cache);
        run.y = r.y;
        run.y_step = part_.spec.units;
        run.y_row = part_.spec.sequences ? run.steps * run.y_step : run.y_step;
        return run;
    }

    RnnPart part_;
};

template <class T>
class BidirectionalNode final : public Node<T> {
  public:
    BidirectionalNode(const RnnPart& first, const RnnPart& second, Merge merge,
                      std::uint64_t node_seed)
        : part_{first, second}, merge_(merge) {
        this->seed = node_seed;
        if (first.spec.units != second.spec.units || first.spec.sequences != second.spec.sequences)
            throw std::invalid_argument("both directions must have outputs of the same shape");
    }

    const char* kind() const override { return "bidirectional"; }
    Shape infer(const std::vector<Shape>& x) const override {
        for (const RnnPart& p : part_) require_sequence(x, p);
        const index_t width = part_[0].spec.units * (merge_ == Merge::concat ? 2 : 1);
        return part_[0].spec.sequences ? Shape{x[0][0], x[0][1], width} : Shape{x[0][0], width};
    }
    bool differentiates(int k) const override { return k == 0; }
    index_t fixed_batch() const override { return std::max(part_[0].batch, part_[1].batch); }
    double flops(const NodeShapes& s) const override {
        return rnn_flops(part_[0].spec, s.x[0][0], steps_of(s)) +
               rnn_flops(part_[1].spec, s.x[0][0], steps_of(s));
    }
    std::size_t cache_bytes(const NodeShapes& s) const override {
        return static_cast<std::size_t>(size(s, 0) + size(s, 1) + 2 * product(s)) * sizeof(T);
    }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const index_t n = volume(s.y);
        // where the directions write, if not into y
        const Scratch<T> apart(r.cache == nullptr && merge_ != Merge::concat ? n : 0);
        const Scratch<T> second(r.cache && (merge_ == Merge::sum || merge_ == Merge::ave) ? n : 0);
        T* y[2] = {r.y, r.y};
        if (merge_ == Merge::mul && r.cache) {
            y[0] = outputs(s, r);
            y[1] = y[0] + n;
        } else if (merge_ != Merge::concat) {
            y[1] = r.cache ? second.get() : apart.get();
        }
        for (int i = 0; i < 2; ++i) rnn_forward(part_[i].spec, run(s, r, i, y[i]));
        for (index_t k = 0; merge_ != Merge::concat && k < n; ++k)
            r.y[k] = merge_ == Merge::mul   ? y[0][k] * y[1][k]
                     : merge_ == Merge::sum ? y[0][k] + y[1][k]
                                            : (y[0][k] + y[1][k]) / T(2);
    }

    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const index_t n = volume(s.y), x = volume(s.x[0]);
        const Scratch<T> scaled(merge_ == Merge::mul ? n : 0), dx(r.dx[0] ? x : 0);
        if (merge_ == Merge::ave)
            for (index_t k = 0; k < n; ++k) r.dy[k] /= T(2);
        for (int i = 0; i < 2; ++i) {
            T* dy = r.dy;
            if (merge_ == Merge::mul) {
                const T* other = outputs(s, r) + (1 - i) * n;
                dy = scaled.get();
                for (index_t k = 0; k < n; ++k) dy[k] = r.dy[k] * other[k];
            }
            RnnGradients<T> g = gradients_of(part_[i], r, i == 0 ? 0 : params_of(part_[0]));
            const RnnRun<T> run = this->run(s, r, i, dy);
            g.dy = run.y;
            if (i == 1 && g.dx) g.dx = dx.get();
            rnn_backward(part_[i].spec, run, g);
        }
        if (r.dx[0]) add_inplace(x, dx.get(), r.dx[0]);
    }

  private:
    index_t size(const NodeShapes& s, int i) const {
        return rnn_cache_size(part_[i].spec, s.x[0][0], steps_of(s));
    }
    index_t product(const NodeShapes& s) const { return merge_ == Merge::mul ? volume(s.y) : 0; }
    T* outputs(const NodeShapes& s, const NodeRun<T>& r) const {
        return static_cast<T*>(r.cache) + size(s, 0) + size(s, 1);
    }

    RnnRun<T> run(const NodeShapes& s, const NodeRun<T>& r, int i, T* y) const {
        const RnnSpec& spec = part_[i].spec;
        RnnRun<T> run = run_of(part_[i], s, r, i == 0 ? 0 : params_of(part_[0]));
        if (r.cache) run.cache = static_cast<T*>(r.cache) + (i == 0 ? 0 : size(s, 0));
        if (i == 1) run.key.seed ^= 0x5851f42d4c957f2du;
        const index_t width = s.y.back();
        run.y = y + (i == 1 && merge_ == Merge::concat ? spec.units : 0);
        run.y_step = width;
        run.y_row = spec.sequences ? run.steps * width : width;
        if (i == 1 && spec.sequences) {  // in the order of x
            run.y += (run.steps - 1) * width;
            run.y_step = -width;
        }
        return run;
    }

    RnnPart part_[2];
    Merge merge_;
};

}  // namespace

template <class T>
NodePtr<T> make_rnn(const RnnPart& part, std::uint64_t seed) {
    return std::make_unique<RnnNode<T>>(part, seed);
}
template <class T>
NodePtr<T> make_bidirectional(const RnnPart& first, const RnnPart& second, Merge merge,
                              std::uint64_t seed) {
    return std::make_unique<BidirectionalNode<T>>(first, second, merge, seed);
}

#define RV_INSTANTIATE(T)                                        \
    template NodePtr<T> make_rnn(const RnnPart&, std::uint64_t); \
    template NodePtr<T> make_bidirectional(const RnnPart&, const RnnPart&, Merge, std::uint64_t);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
