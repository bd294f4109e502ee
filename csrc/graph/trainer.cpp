// Training and evaluation steps.
#include "ranvier/trainer.hpp"
#include "ranvier/text.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace ranvier {
namespace {

bool is_sparse(Loss loss) {
    return loss == Loss::sparse_categorical_crossentropy ||
           loss == Loss::sparse_categorical_crossentropy_logits;
}
bool is_sparse(Count count) {
    return count == Count::sparse_categorical_accuracy ||
           count == Count::sparse_top_k_categorical_accuracy;
}

template <class T>
T* room(AlignedBuffer& buffer, index_t n) {
    const std::size_t bytes = static_cast<std::size_t>(n) * sizeof(T);
    if (buffer.bytes() < bytes) {
        buffer = AlignedBuffer();
        buffer = AlignedBuffer(bytes);
    }
    return buffer.as<T>();
}

class Deadline {
  public:
    // 0 seconds have passed, whatever the clock says: steps may be as short as a look at it.
    explicit Deadline(double seconds) : none_(seconds <= 0) {
        if (!none_)
            end_ = std::chrono::steady_clock::now() +
                   std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                       std::chrono::duration<double>(seconds));
    }
    bool passed() const { return none_ || std::chrono::steady_clock::now() >= end_; }

  private:
    bool none_;
    std::chrono::steady_clock::time_point end_;
};

}  // namespace

template <class T>
bool loss_takes_last_node(const Graph<T>& graph, Loss loss, Loss& on_logits) {
    struct Pair {
        Loss loss;
        Link link;
        Loss on_logits;
    };
    static constexpr Pair pairs[] = {
        {Loss::binary_crossentropy, Link::sigmoid, Loss::binary_crossentropy_logits},
        {Loss::half_poisson_logits, Link::exponential, Loss::half_poisson_logits},
        {Loss::categorical_crossentropy, Link::softmax, Loss::categorical_crossentropy_logits},
        {Loss::sparse_categorical_crossentropy, Link::softmax,
         Loss::sparse_categorical_crossentropy_logits},
    };
    if (graph.nodes().empty() || graph.nodes().back()->output != graph.output()) return false;
    for (const Pair& p : pairs) {
        if (p.loss != loss || p.link != graph.nodes().back()->link()) continue;
        on_logits = p.on_logits;
        return true;
    }
    return false;
}

template <class T>
Trainer<T>::Trainer(std::shared_ptr<const Graph<T>> graph, const LossSpec& loss,
                    std::vector<MetricSpec> metrics)
    : graph_(graph),
      loss_(loss),
      effective_loss_(loss.loss),
      metrics_(std::move(metrics)),
      session_(graph) {
    fused_ = loss_takes_last_node(*graph_, loss_.loss, effective_loss_);
}

template <class T>
const T* Trainer<T>::bring(const Source& source, const Feed& feed, index_t start, index_t n,
                           AlignedBuffer& buffer) {
    const index_t row = volume(source.shape, 1);
    if (feed.order == nullptr && is_plain<T>(source))
        return static_cast<const T*>(source.data) + start * row;
    T* out = room<T>(buffer, n * row);
    gather_rows<T>(source, feed.order == nullptr ? nullptr : feed.order + start, start, n, out);
    return out;
}

template <class T>
typename Trainer<T>::Batch Trainer<T>::load(const Feed& feed, index_t start, index_t samples) {
    Shape shape = feed.x->shape;
    shape[0] = samples;
    const Plan<T>& plan = session_.prepare(shape);
    Batch b{};
    b.samples = samples;
    b.first_row = start;
    b.x = bring(*feed.x, feed, start, samples, x_);
    b.y = bring(*feed.y, feed, start, samples, y_);
    const index_t cols = plan.output.size() > 1 ? plan.output.back() : 1;
    b.rows = cols > 0 ? volume(plan.output) / cols : 0;
    if (graph_->output_mask() >= 0 &&
        (volume(plan.mask) != b.rows || plan.mask.size() + 1 != plan.output.size()))
        throw std::invalid_argument(Text("the mask of shape ") + to_string(plan.mask) +
                                    " that reaches the outputs does not fit their shape " +
                                    to_string(plan.output));
    const index_t label_size = volume(feed.y->shape, 1), per_row = b.rows / samples;
    auto require = [&](bool sparse, const char* what) {
        const index_t wanted = per_row * (sparse ? 1 : cols);
        if (label_size != wanted)
            throw std::invalid_argument(Text(what) + " wants " + std::to_string(wanted) +
                                        " labels a row for outputs of shape " +
                                        to_string(plan.output) + "; got " +
                                        std::to_string(label_size));
    };
    require(is_sparse(loss_.loss), "the loss");
    for (const MetricSpec& m : metrics_)
        require(m.is_loss ? is_sparse(m.loss) : is_sparse(m.count), "a metric");
    if (feed.weights != nullptr) {
        const index_t given = volume(feed.weights->shape, 1);
        if (given != 1 && given != per_row)
            throw std::invalid_argument(Text("sample weights must be 1 or ") +
                                        std::to_string(per_row) + " a row; got " +
                                        std::to_string(given));
    }
    if (feed.weights != nullptr) {
        b.weights = bring(*feed.weights, feed, start, samples, weights_);
        const index_t per_sample = b.rows / samples, given = volume(feed.weights->shape, 1);
        if (given != per_sample) {
            T* w = room<T>(row_weights_, b.rows);
            for (index_t i = 0; i < b.rows; ++i) w[i] = b.weights[i / per_sample];
            b.weights = w;
        }
    }
    return b;
}

// After the forward pass, which makes the mask.
template <class T>
void Trainer<T>::weigh(Batch& b) {
    b.mask = session_.output_mask();
    b.both = b.mask == nullptr ? b.weights : b.mask;
    if (b.mask == nullptr || b.weights == nullptr) return;
    T* both = room<T>(both_, b.rows);
    for (index_t i = 0; i < b.rows; ++i) both[i] = b.weights[i] * b.mask[i];
    b.both = both;
}

// The weight (null: 1 each) of the rows whose class is not ignored.
template <class T>
double Trainer<T>::counted(const Batch& b, const T* weights) const {
    if (!loss_.params.has_ignore_class)
        return weights == nullptr ? static_cast<double>(b.rows) : reduce_sum(b.rows, weights);
    double sum = 0;
    for (index_t i = 0; i < b.rows; ++i)
        if (b.y[i] != static_cast<T>(loss_.params.ignore_class))
            sum += weights == nullptr ? 1.0 : static_cast<double>(weights[i]);
    return sum;
}

template <class T>
double Trainer<T>::run_loss(const Batch& b, bool training, double& value_scale) {
    const Plan<T>& plan = session_.plan();
    const PlanStep<T>& last = plan.steps.back();
    const index_t cols = plan.output.size() > 1 ? plan.output.back() : 1;
    double denominator = 1;
    if (loss_.reduction == Reduction::sum_over_batch_size)
        denominator = counted(b, b.mask);
    else if (loss_.reduction == Reduction::mean_with_sample_weight)
        denominator = counted(b, b.both);
    value_scale = denominator > 0 ? 1 / denominator : 0;
    const double gradient_scale = value_scale * loss_.gradient_factor;

    T* prediction = fused_ ? session_.at(last.x[0]) : session_.output();
    T* dy = nullptr;
    if (training) dy = fused_ ? session_.at(last.dx[0]) : session_.output_gradient();
    const bool read = keeps_predictions_ || !metrics_.empty();
    T* probabilities = fused_ && read ? session_.output() : nullptr;
    index_t bad = -1;
    const double sum =
        loss_forward_backward<T>(effective_loss_, loss_.params, b.rows, cols, b.y, prediction,
                                 b.both, gradient_scale, nullptr, dy, probabilities, &bad, nullptr);
    if (bad >= 0) refuse_label(b, bad, cols);
    return sum * value_scale * loss_.value_factor;
}

template <class T>
void Trainer<T>::refuse_label(const Batch& b, index_t row, index_t cols) const {
    char label[32];
    std::snprintf(label, sizeof label, "%.10g", static_cast<double>(b.y[row]));
    throw std::invalid_argument(Text("`y` must hold class numbers in 0..") +
                                std::to_string(cols - 1) + ", as the model has " +
                                std::to_string(cols) + " outputs; got " + label +
                                " in the batch of rows " + std::to_string(b.first_row) + ".." +
                                std::to_string(b.first_row + b.samples - 1));
}

template <class T>
void Trainer<T>::add_metrics(const Batch& b, Totals& totals) {
    if (metrics_.empty()) return;
    const Shape& shape = session_.plan().output;
    const index_t cols = shape.size() > 1 ? shape.back() : 1;
    totals.metric.resize(metrics_.size());
    totals.metric_weight.resize(metrics_.size());
    const T* y = session_.output();
    for (std::size_t i = 0; i < metrics_.size(); ++i) {
        const MetricSpec& m = metrics_[i];
        const T* w = m.masked ? b.mask : nullptr;
        if (m.weighted) w = m.masked ? b.both : b.weights;
        double sum;
        if (m.is_loss) {
            index_t bad = -1;
            sum = loss_forward_backward<T>(m.loss, m.loss_params, b.rows, cols, b.y, y, w, 1.0,
                                           nullptr, nullptr, nullptr, &bad, nullptr);
            if (bad >= 0) refuse_label(b, bad, cols);
        } else {
            sum = count_matches<T>(m.count, m.count_params, b.rows, cols, b.y, y, w, nullptr);
        }
        totals.metric[i] += sum;
        totals.metric_weight[i] +=
            w == nullptr ? static_cast<double>(b.rows) : reduce_sum(b.rows, w);
    }
}

template <class T>
index_t Trainer<T>::train(const Params<T>& params, OptimParams optim, index_t iteration,
                          const std::vector<double>& learning_rates,
                          const std::vector<OptimVariable<T>>& variables, T* gradients,
                          T* const* slots, const Feed& feed, index_t start, index_t max_batches,
                          double seconds, Totals& totals) {
    const Deadline deadline(seconds);
    const int nodes = static_cast<int>(graph_->nodes().size());
    const int run = fused_ ? nodes - 1 : nodes;
    index_t done = 0;
    while (done < max_batches && start < feed.rows) {
        const index_t n = std::min(feed.batch, feed.rows - start);
        Batch batch = load(feed, start, n);
        session_.forward(params, batch.x, true, stream_++, run);
        weigh(batch);
        double scale = 1;
        double loss = run_loss(batch, true, scale);
        add_metrics(batch, totals);
        session_.backward(params, run);
        optim.learning_rate = learning_rates[std::min<std::size_t>(static_cast<std::size_t>(done),
                                                                   learning_rates.size() - 1)];
        loss += session_.penalty();
        if (loss_.shares_penalty) optim.penalty_scale = scale;
        loss += optim_step<T>(optim, iteration + done, variables, gradients, slots);
        totals.loss += loss * static_cast<double>(n);
        totals.loss_weight += static_cast<double>(n);
        start += n;
        ++done;
        // Somebody may want to know of the first loss that is not finite.
        if (deadline.passed() || !std::isfinite(totals.loss)) break;
    }
    return done;
}

template <class T>
double Trainer<T>::accumulate(const Params<T>& params, const T* gradients, index_t size, T* sums,
                              const Feed& feed) {
    const int nodes = static_cast<int>(graph_->nodes().size());
    const int run = fused_ ? nodes - 1 : nodes;
    double total = 0;
    for (index_t start = 0; start < feed.rows; start += feed.batch) {
        Batch batch = load(feed, start, std::min(feed.batch, feed.rows - start));
        session_.forward(params, batch.x, true, stream_++, run);
        weigh(batch);
        double scale = 1;
        total += run_loss(batch, true, scale) + session_.penalty();
        session_.backward(params, run);
        for (index_t i = 0; i < size; ++i)
            sums[i] = start > 0 ? sums[i] + gradients[i] : gradients[i];
    }
    return total;
}

template <class T>
index_t Trainer<T>::evaluate(const Params<T>& params, double penalty, const Feed& feed,
                             index_t start, index_t max_batches, double seconds, Totals& totals) {
    const Deadline deadline(seconds);
    const int nodes = static_cast<int>(graph_->nodes().size());
    const int run = fused_ ? nodes - 1 : nodes;
    index_t done = 0;
    while (done < max_batches && start < feed.rows) {
        const index_t n = std::min(feed.batch, feed.rows - start);
        Batch batch = load(feed, start, n);
        session_.forward(params, batch.x, false, 0, run);
        weigh(batch);
        double scale = 1;
        const double loss = run_loss(batch, false, scale) + session_.penalty() + penalty;
        add_metrics(batch, totals);
        totals.loss += loss * static_cast<double>(n);
        totals.loss_weight += static_cast<double>(n);
        start += n;
        ++done;
        if (deadline.passed()) break;
    }
    return done;
}

template <class T>
std::size_t Trainer<T>::bytes() const {
    return session_.bytes() + x_.bytes() + y_.bytes() + weights_.bytes() + row_weights_.bytes() +
           both_.bytes();
}

template class Trainer<float>;
template class Trainer<double>;
template bool loss_takes_last_node(const Graph<float>&, Loss, Loss&);
template bool loss_takes_last_node(const Graph<double>&, Loss, Loss&);

}  // namespace ranvier
