// Whole training steps: gather the batch, forward, loss and metrics, backward, optimizer.
#pragma once

#include <memory>
#include <vector>

#include "ranvier/graph.hpp"
#include "ranvier/loss.hpp"
#include "ranvier/optim.hpp"

namespace ranvier {

enum class Reduction : int { sum_over_batch_size, sum, mean_with_sample_weight };

struct LossSpec {
    Loss loss = Loss::mean_squared_error;
    LossParams params{};
    Reduction reduction = Reduction::sum_over_batch_size;
    double value_factor = 1;     // of the value that is reported
    double gradient_factor = 1;  // of the gradient
    // Weights' penalties count once for all samples, as in scikit-learn: a batch of sum of weights
    // n takes 1 / n of them.
    bool shares_penalty = false;
};

struct MetricSpec {
    bool is_loss = false;  // a mean of losses, else of matches
    Loss loss = Loss::mean_squared_error;
    LossParams loss_params{};
    Count count = Count::accuracy;
    CountParams count_params{};
    bool weighted = false;  // sample weights apply (Keras: weighted_metrics)
    bool masked = true;     // the mask of the outputs applies
};

// Running sums of an epoch.
struct Totals {
    double loss = 0;
    double loss_weight = 0;
    std::vector<double> metric;
    std::vector<double> metric_weight;
};

// The rows of one run. x, y and weights have the same number of rows.
struct Feed {
    const Source* x = nullptr;
    const Source* y = nullptr;
    const Source* weights = nullptr;      // or null; [rows]
    const std::int64_t* order = nullptr;  // or null: in order
    index_t rows = 0;                     // in all: order's length or the sources' rows
    index_t batch = 32;
};

template <class T>
class Trainer {
  public:
    Trainer(std::shared_ptr<const Graph<T>> graph, const LossSpec& loss,
            std::vector<MetricSpec> metrics);

    // Up to `max_batches` training steps from row `start` on, or until `seconds` have passed.
    // learning_rates: one a step from the first on. Returns the number of batches done.
    // std::invalid_argument for a bad label, before any weight of that step has changed.
    index_t train(const Params<T>& params, OptimParams optim, index_t iteration,
                  const std::vector<double>& learning_rates,
                  const std::vector<OptimVariable<T>>& variables, T* gradients, T* const* slots,
                  const Feed& feed, index_t start, index_t max_batches, double seconds,
                  Totals& totals);

    // The gradients of the sum of losses over all rows of the feed, in the mode of training: batch
    // by batch, added up in `sums` (as long as the gradient buffer). Returns the sum of losses.
    // Penalties of weights are not in it.
    double accumulate(const Params<T>& params, const T* gradients, index_t size, T* sums,
                      const Feed& feed);

    // The same without training: loss and metrics only. `penalty` is the regularisation loss of
    // the weights, which a caller knows once for the whole run.
    index_t evaluate(const Params<T>& params, double penalty, const Feed& feed, index_t start,
                     index_t max_batches, double seconds, Totals& totals);

    Session<T>& session() { return session_; }
    std::uint64_t stream() const { return stream_; }
    void set_stream(std::uint64_t s) { stream_ = s; }
    // Whether predictions() are wanted though no metric of the engine's reads them.
    void keep_predictions(bool keep) { keeps_predictions_ = keep; }
    // The last batch's predictions (what user-written metrics read).
    const T* predictions() const { return session_.output(); }
    std::size_t bytes() const;

  private:
    struct Batch {
        const T* x;
        const T* y;
        const T* weights;  // one a row of the loss, or null
        const T* mask;     // of the outputs, the same
        const T* both;     // their product, the same
        index_t rows;      // of the loss
        index_t samples;
        index_t first_row;
    };
    Batch load(const Feed& feed, index_t start, index_t samples);
    const T* bring(const Source& source, const Feed& feed, index_t start, index_t n,
                   AlignedBuffer& buffer);
    void weigh(Batch& batch);
    double counted(const Batch& batch, const T* weights) const;
    double run_loss(const Batch& batch, bool training, double& value_scale);
    void add_metrics(const Batch& batch, Totals& totals);
    [[noreturn]] void refuse_label(const Batch& batch, index_t row, index_t cols) const;

    std::shared_ptr<const Graph<T>> graph_;
    LossSpec loss_;
    Loss effective_loss_;  // on logits, if the last node was taken into the loss
    bool fused_ = false;
    bool keeps_predictions_ = false;
    std::vector<MetricSpec> metrics_;
    Session<T> session_;
    AlignedBuffer x_, y_, weights_, row_weights_, both_;
    std::uint64_t stream_ = 0;
};

// True if `loss` can take the place of this last node (softmax or sigmoid) and work on logits.
template <class T>
bool loss_takes_last_node(const Graph<T>& graph, Loss loss, Loss& on_logits);

}  // namespace ranvier
