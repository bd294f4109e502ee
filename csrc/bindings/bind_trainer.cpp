// Trainer: whole training and evaluation steps on a Runner.
#include "ranvier/text.hpp"
#include "ranvier/trainer.hpp"

#include "bindings/array_args.hpp"
#include "bindings/bind.hpp"
#include "bindings/function.hpp"
#include "bindings/names.hpp"
#include "bindings/optim_args.hpp"
#include "bindings/runner.hpp"
#include "bindings/watched.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

// What steps go over, described once for all of them: users' arrays, which stay where they are and
// are not copied, and the order of their rows, which may be drawn anew between steps.
struct PyFeed {
    PyFeed(const py::array& x_of, const py::array& y_of, const py::object& weights_of,
           const py::object& order_of, index_t batch)
        : x(make_source("feed", x_of, "x")),
          y(make_source("feed", y_of, "y")),
          kept(py::make_tuple(x_of, y_of, weights_of, order_of)) {
        feed.x = &x;
        feed.y = &y;
        feed.batch = batch;
        feed.rows = x.shape.at(0);
        if (!weights_of.is_none()) {
            weights = make_source("feed", weights_of.cast<py::array>(), "weights");
            feed.weights = &weights;
        }
        if (y.shape.at(0) != feed.rows || (feed.weights && weights.shape.at(0) != feed.rows))
            throw std::invalid_argument("x, y and weights must have the same number of rows");
        if (batch < 1) throw std::invalid_argument("feed: bad batch size");
        if (!order_of.is_none()) {
            using Order = py::array_t<std::int64_t, py::array::c_style>;
            if (!Order::check_(order_of))
                throw std::invalid_argument("feed: the order must be contiguous int64");
            const auto& order = static_cast<const py::array&>(order_of);
            feed.order = static_cast<const std::int64_t*>(order.data());
            for (index_t i = 0; i < order.size(); ++i)
                if (feed.order[i] < 0 || feed.order[i] >= feed.rows)
                    throw std::invalid_argument("order: a row number is out of range");
            feed.rows = order.size();
        }
    }
    PyFeed(const PyFeed&) = delete;  // `feed` points into it
    PyFeed& operator=(const PyFeed&) = delete;

    Source x, y, weights;
    py::tuple kept;
    Feed feed;
};

Reduction reduction_named(const std::string& name) {
    if (name == "sum_over_batch_size" || name == "mean") return Reduction::sum_over_batch_size;
    if (name == "sum") return Reduction::sum;
    if (name == "mean_with_sample_weight") return Reduction::mean_with_sample_weight;
    throw std::invalid_argument(Text("unknown reduction '") + name + "'");
}

LossParams loss_params(double label_smoothing, const py::object& ignore_class) {
    LossParams p;
    p.label_smoothing = label_smoothing;
    if (!ignore_class.is_none()) {
        p.has_ignore_class = true;
        p.ignore_class = ignore_class.cast<index_t>();
    }
    return p;
}

LossSpec loss_spec(const py::dict& d) {
    LossSpec s;
    s.loss = loss_named(d["kind"].cast<std::string>());
    s.reduction = reduction_named(d["reduction"].cast<std::string>());
    s.params = loss_params(d["label_smoothing"].cast<double>(), d["ignore_class"]);
    s.value_factor = d["value_factor"].cast<double>();
    s.gradient_factor = d["gradient_factor"].cast<double>();
    s.shares_penalty = d["shares_penalty"].cast<bool>();
    return s;
}

MetricSpec metric_spec(const py::dict& d) {
    MetricSpec m;
    const std::string kind = d["kind"].cast<std::string>();
    m.is_loss = d["is_loss"].cast<bool>();
    m.weighted = d["weighted"].cast<bool>();
    m.masked = d["masked"].cast<bool>();
    if (m.is_loss) {
        m.loss = loss_named(kind);
        m.loss_params = loss_params(d["label_smoothing"].cast<double>(), d["ignore_class"]);
    } else {
        m.count = count_named(kind);
        m.count_params.threshold = d["threshold"].cast<double>();
        m.count_params.k = d["k"].cast<index_t>();
    }
    return m;
}

template <class T>
class PyTrainer final : public Watched {
  public:
    PyTrainer(std::string_view owner, std::shared_ptr<Runner<T>> runner, const LossSpec& loss,
              std::vector<MetricSpec> metrics)
        : owner_(owner), runner_(std::move(runner)), trainer_(runner_->graph, loss, metrics) {
        reset_totals();
        totals_.metric.resize(metrics.size());
        totals_.metric_weight.resize(metrics.size());
    }

    // Each variable: (parameter, offset, size, weight decay applies, l1, l2).
    void set_optimizer(const py::dict& params, const py::list& variables,
                       const std::vector<py::array>& slots) {
        const LockWithoutGil lock(mutex_);
        const auto bound = runner_->bound();
        // What is trained changes only when the runner is bound anew.
        if (bound != optimized_) trainer_.session().reset();
        optimized_ = bound;
        optim_ = optim_params_from(params);
        if (static_cast<int>(slots.size()) < optim_slots(optim_))
            throw std::invalid_argument("set_optimizer: too few slot arrays");
        variables_.clear();
        const Params<T>& params_now = optimized_->params;
        const index_t total = optimized_->gradient.size();
        for (const py::handle& given : variables) {
            const py::tuple six = given.cast<py::tuple>();
            if (six.size() != 6)
                throw std::invalid_argument("set_optimizer: a variable is six values");
            const call::Arguments v{"set_optimizer", &PyTuple_GET_ITEM(six.ptr(), 0), "value"};
            const int param = v.narrow(0);
            const index_t offset = v.whole(1), size = v.whole(2);
            const bool decay = v.flag(3);
            const double l1 = v.number(4), l2 = v.number(5);
            if (param < 0 || param >= static_cast<int>(params_now.value.size()) || offset < 0 ||
                offset + size > total ||
                size != runner_->graph->param_sizes()[static_cast<std::size_t>(param)])
                throw std::invalid_argument("set_optimizer: a variable does not fit");
            variables_.push_back(
                {params_now.value[static_cast<std::size_t>(param)], offset, size, decay, l1, l2});
        }
        slot_pointers_.clear();
        for (const auto& s : slots) {
            if (s.size() != total)
                throw std::invalid_argument("set_optimizer: a slot has the wrong length");
            slot_pointers_.push_back(out<T>("set_optimizer", s, "slots"));
        }
        slots_ = slots;
    }

    index_t train(const Feed& feed, index_t start, index_t max_batches, double seconds,
                  const std::vector<double>& rates, index_t iteration) {
        if (start < 0) throw std::invalid_argument("train: a row before the first");
        if (rates.empty()) throw std::invalid_argument("train: no learning rate");
        const WithoutGil release;
        const std::lock_guard<ForkMutex> lock(mutex_);
        revive();
        if (!optimized_) throw std::invalid_argument("train: no optimizer");
        T* g = const_cast<T*>(static_cast<const T*>(optimized_->gradient.data()));
        return labelled([&] {
            return trainer_.train(optimized_->params, optim_, iteration, rates, variables_, g,
                                  slot_pointers_.data(), feed, start, max_batches, seconds,
                                  totals_);
        });
    }

    index_t evaluate(const Feed& feed, double penalty, index_t start, index_t max_batches,
                     double seconds) {
        if (start < 0) throw std::invalid_argument("evaluate: a row before the first");
        const auto bound = runner_->bound();
        const WithoutGil release;
        const std::lock_guard<ForkMutex> lock(mutex_);
        revive();
        return labelled([&] {
            return trainer_.evaluate(bound->params, penalty, feed, start, max_batches, seconds,
                                     totals_);
        });
    }

    // The sum of losses over all rows, and the gradients' sums: in the buffer `sums`.
    double accumulate(const Feed& feed, const py::array& sums) {
        const auto bound = runner_->bound();
        const index_t size = bound->gradient.size();
        if (sums.size() != size) throw std::invalid_argument("accumulate: `sums` has a wrong size");
        T* to = out<T>("accumulate", sums, "sums");
        const T* gradient = static_cast<const T*>(bound->gradient.data());
        const WithoutGil release;
        const std::lock_guard<ForkMutex> lock(mutex_);
        revive();
        return trainer_.accumulate(bound->params, gradient, size, to, feed);
    }

    // The loss's sum and weight, then those of each metric.
    py::tuple totals() {
        std::vector<double> now(2 * totals_.metric.size() + 2);
        totals_now(now.data(), totals_.metric.size());
        py::tuple all(now.size());
        for (std::size_t i = 0; i < now.size(); ++i)
            PyTuple_SET_ITEM(all.ptr(), static_cast<Py_ssize_t>(i), PyFloat_FromDouble(now[i]));
        return all;
    }
    void reset_totals() {
        const LockWithoutGil lock(mutex_);
        totals_.loss = totals_.loss_weight = 0;
        for (auto& v : totals_.metric) v = 0;
        for (auto& v : totals_.metric_weight) v = 0;
    }
    py::array_t<T> predictions() {
        const LockWithoutGil lock(mutex_);
        revive();
        if (!trainer_.session().is_prepared())
            throw std::invalid_argument("predictions: no batch has been run");
        const Shape& shape = trainer_.session().plan().output;
        py::array_t<T> y(shape);
        std::copy_n(trainer_.predictions(), y.size(), y.mutable_data());
        return y;
    }
    py::object mask() {
        const LockWithoutGil lock(mutex_);
        return output_mask(trainer_.session());
    }
    void keep_predictions(bool keep) {
        const LockWithoutGil lock(mutex_);
        trainer_.keep_predictions(keep);
    }
    std::uint64_t stream() {
        const LockWithoutGil lock(mutex_);
        return trainer_.stream();
    }
    void set_stream(std::uint64_t s) {
        const LockWithoutGil lock(mutex_);
        trainer_.set_stream(s);
    }
    std::size_t bytes() {
        const LockWithoutGil lock(mutex_);
        return trainer_.bytes();
    }

  private:
    void step(const Feed& feed, index_t start, double rate, index_t iteration) override {
        train(feed, start, 1, 0.0, {rate}, iteration);
    }
    std::size_t totals_now(double* to, std::size_t room) override {
        const LockWithoutGil lock(mutex_);
        const std::size_t n = totals_.metric.size();
        to[0] = totals_.loss;
        to[1] = totals_.loss_weight;
        for (std::size_t i = 0; i < std::min(n, room); ++i) {
            to[2 * i + 2] = totals_.metric[i];
            to[2 * i + 3] = totals_.metric_weight[i];
        }
        return n;
    }

    // In a forked child: what a thread of the parent was at is not gone on with.
    void revive() {
        if (mutex_.was_lost()) trainer_.session().reset();
    }

    // Whose data or labels are at fault comes first in an error's text.
    template <class F>
    index_t labelled(F f) {
        try {
            return f();
        } catch (const std::invalid_argument& e) {
            throw std::invalid_argument(Text(owner_) + ": " + e.what());
        }
    }

    const std::string owner_;
    std::shared_ptr<Runner<T>> runner_;
    Trainer<T> trainer_;
    std::shared_ptr<const Binding<T>> optimized_;  // what `variables_` points into
    OptimParams optim_;
    std::vector<OptimVariable<T>> variables_;
    std::vector<py::array> slots_;
    std::vector<T*> slot_pointers_;
    Totals totals_;
    ForkMutex mutex_;
};

template <class T>
void bind_trainer_of(py::module_& m, const char* name, const char* maker) {
    using P = PyTrainer<T>;
    py::class_<P> type(m, name);
    def(m, maker,
        [](std::string_view owner, const py::object& runner, const py::dict& loss,
           const py::list& metrics) {
            std::vector<MetricSpec> specs;
            for (const py::handle& d : metrics) specs.push_back(metric_spec(d.cast<py::dict>()));
            return py::cast(std::make_unique<P>(owner, runner.cast<std::shared_ptr<Runner<T>>>(),
                                                loss_spec(loss), std::move(specs)));
        });
    def(type, "set_optimizer",
        [](P& p, const py::dict& params, const py::list& variables,
           const std::vector<py::array>& slots) { p.set_optimizer(params, variables, slots); });
    def_property(type, "stream", [](P& p) { return p.stream(); });
    def(type, "set_stream", [](P& p, std::uint64_t stream) { p.set_stream(stream); });
    def_property(type, "bytes", [](P& p) { return p.bytes(); });
    def(type, "train",
        [](P& p, const PyFeed& feed, index_t start, index_t max_batches, double seconds,
           const std::vector<double>& rates, index_t iteration) {
            return p.train(feed.feed, start, max_batches, seconds, rates, iteration);
        });
    def(type, "accumulate", [](P& p, const PyFeed& feed, const py::array& sums) {
        return p.accumulate(feed.feed, sums);
    });
    def(type, "watched",
        [](P& p, const PyFeed& feed, const py::object& run, const py::object& machine,
           const py::list& ends, index_t step,
           index_t steps) { return p.watched(feed.feed, run, machine, ends, step, steps); });
    def(type, "evaluate",
        [](P& p, const PyFeed& feed, double penalty, index_t start, index_t max_batches,
           double seconds) { return p.evaluate(feed.feed, penalty, start, max_batches, seconds); });
    def(type, "totals", [](P& p) { return p.totals(); });
    def(type, "reset_totals", [](P& p) { p.reset_totals(); });
    def(type, "predictions", [](P& p) { return p.predictions(); });
    def(type, "mask", [](P& p) { return p.mask(); });
    def(type, "keep_predictions", [](P& p, bool keep) { p.keep_predictions(keep); });
}

}  // namespace

void bind_trainer(py::module_& m) {
    py::class_<PyFeed>(m, "Feed");
    def(m, "feed",
        [](const py::array& x, const py::array& y, const py::object& weights,
           const py::object& order, index_t batch) {
            return py::cast(std::make_unique<PyFeed>(x, y, weights, order, batch));
        });
    bind_trainer_of<float>(m, "Trainer32", "trainer32");
    bind_trainer_of<double>(m, "Trainer64", "trainer64");
}

}  // namespace ranvier
