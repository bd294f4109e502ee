// Trainer: whole training and evaluation steps on a Runner.
#include "ranvier/text.hpp"
#include "ranvier/trainer.hpp"

#include "bindings/array_args.hpp"
#include "bindings/bind.hpp"
#include "bindings/function.hpp"
#include "bindings/names.hpp"
#include "bindings/optim_args.hpp"
#include "bindings/runner.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

// A user's array, described once for a whole fit. The array stays where it is and is not copied.
struct PySource {
    explicit PySource(const py::array& a) : source(make_source("Source", a, "array")), array(a) {}
    Source source;
    py::array array;
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

struct VariableSpec {
    int param;
    index_t offset, size;
    bool decay;
    double l1, l2;
};

// Of a list of tuples in that order.
std::vector<VariableSpec> variable_specs(const py::list& all) {
    std::vector<VariableSpec> specs;
    for (const py::handle& given : all) {
        if (!PyTuple_Check(given.ptr()) || PyTuple_GET_SIZE(given.ptr()) != 6)
            throw py::type_error("set_optimizer: a variable is a tuple of 6");
        const call::Arguments a{"set_optimizer", PySequence_Fast_ITEMS(given.ptr()), "element"};
        specs.push_back({a.narrow(0), a.whole(1), a.whole(2), a.flag(3), a.number(4), a.number(5)});
    }
    return specs;
}

template <class T>
class PyTrainer {
  public:
    PyTrainer(std::shared_ptr<Runner<T>> runner, const std::string& loss,
              const std::string& reduction, double label_smoothing, const py::object& ignore_class,
              const std::vector<py::dict>& metrics, double value_factor, double gradient_factor,
              bool shares_penalty)
        : runner_(std::move(runner)),
          trainer_(runner_->graph,
                   loss_spec(loss, reduction, label_smoothing, ignore_class, value_factor,
                             gradient_factor, shares_penalty),
                   specs(metrics)) {
        reset_totals();
        totals_.metric.resize(metrics.size());
        totals_.metric_weight.resize(metrics.size());
    }

    void set_optimizer(const py::dict& params, const py::list& variables,
                       const std::vector<py::array>& slots) {
        const std::vector<VariableSpec> specs = variable_specs(variables);
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
        for (const auto& [param, offset, size, decay, l1, l2] : specs) {
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

    index_t train(const PySource& x, const PySource& y, const PySource* weights,
                  const py::object& order, index_t start, index_t batch, index_t max_batches,
                  double seconds, const std::vector<double>& rates, index_t iteration) {
        const Feed feed = make_feed(x, y, weights, order, start, batch);
        if (rates.empty()) throw std::invalid_argument("train: no learning rate");
        const WithoutGil release;
        const std::lock_guard<ForkMutex> lock(mutex_);
        revive();
        if (!optimized_) throw std::invalid_argument("train: no optimizer");
        T* g = const_cast<T*>(static_cast<const T*>(optimized_->gradient.data()));
        return trainer_.train(optimized_->params, optim_, iteration, rates, variables_, g,
                              slot_pointers_.data(), feed, start, max_batches, seconds, totals_);
    }

    index_t evaluate(const PySource& x, const PySource& y, const PySource* weights, double penalty,
                     index_t start, index_t batch, index_t max_batches, double seconds) {
        const Feed feed = make_feed(x, y, weights, py::none(), start, batch);
        const auto bound = runner_->bound();
        const WithoutGil release;
        const std::lock_guard<ForkMutex> lock(mutex_);
        revive();
        return trainer_.evaluate(bound->params, penalty, feed, start, max_batches, seconds,
                                 totals_);
    }

    // The sum of losses over all rows, and the gradients' sums: in the buffer `sums`.
    double accumulate(const PySource& x, const PySource& y, const PySource* weights, index_t batch,
                      const py::array& sums) {
        const Feed feed = make_feed(x, y, weights, py::none(), 0, batch);
        const auto bound = runner_->bound();
        const index_t size = bound->gradient.size();
        if (sums.size() != size) throw std::invalid_argument("accumulate: `sums` has a wrong size");
        T* to = out<T>("accumulate", sums, "sums");
        const T* from = static_cast<const T*>(bound->gradient.data());
        const WithoutGil release;
        const std::lock_guard<ForkMutex> lock(mutex_);
        revive();
        return trainer_.accumulate(bound->params, from, size, to, feed);
    }

    py::tuple totals() {
        const LockWithoutGil lock(mutex_);
        return py::make_tuple(totals_.loss, totals_.loss_weight, totals_.metric,
                              totals_.metric_weight);
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
    static LossSpec loss_spec(const std::string& loss, const std::string& reduction,
                              double label_smoothing, const py::object& ignore_class,
                              double value_factor, double gradient_factor, bool shares_penalty) {
        LossSpec s;
        s.value_factor = value_factor;
        s.gradient_factor = gradient_factor;
        s.shares_penalty = shares_penalty;
        s.loss = loss_named(loss);
        s.reduction = reduction_named(reduction);
        s.params = loss_params(label_smoothing, ignore_class);
        return s;
    }
    static std::vector<MetricSpec> specs(const std::vector<py::dict>& metrics) {
        std::vector<MetricSpec> all;
        for (const auto& d : metrics) all.push_back(metric_spec(d));
        return all;
    }

    Feed make_feed(const PySource& x, const PySource& y, const PySource* weights,
                   const py::object& order, index_t start, index_t batch) {
        const index_t rows = x.source.shape.at(0);
        if (y.source.shape.at(0) != rows || (weights && weights->source.shape.at(0) != rows))
            throw std::invalid_argument("x, y and weights must have the same number of rows");
        if (batch < 1 || start < 0) throw std::invalid_argument("bad batch size or start");
        Feed f;
        f.x = &x.source;
        f.y = &y.source;
        f.weights = weights ? &weights->source : nullptr;
        f.batch = batch;
        f.rows = rows;
        if (!order.is_none()) {
            const auto o = order.cast<py::array_t<std::int64_t, py::array::c_style>>();
            if (order_.ptr() != o.ptr()) {  // checked once: a run passes the same array each time
                for (index_t i = 0; i < o.size(); ++i)
                    if (o.data()[i] < 0 || o.data()[i] >= rows)
                        throw std::invalid_argument("order: a row number is out of range");
                order_ = o;
            }
            f.order = o.data();
            f.rows = o.size();
        }
        return f;
    }

    // In a forked child: what a thread of the parent was at is not gone on with.
    void revive() {
        if (mutex_.was_lost()) trainer_.session().reset();
    }

    std::shared_ptr<Runner<T>> runner_;
    Trainer<T> trainer_;
    std::shared_ptr<const Binding<T>> optimized_;  // what `variables_` points into
    OptimParams optim_;
    std::vector<OptimVariable<T>> variables_;
    std::vector<py::array> slots_;
    std::vector<T*> slot_pointers_;
    py::array_t<std::int64_t> order_;
    Totals totals_;
    ForkMutex mutex_;
};

template <class T>
void bind_trainer_of(py::module_& m, const char* name) {
    using P = PyTrainer<T>;
    py::class_<P> trainer(m, name);
    trainer.def(py::init<std::shared_ptr<Runner<T>>, const std::string&, const std::string&, double,
                         const py::object&, const std::vector<py::dict>&, double, double, bool>());
    def(trainer, "set_optimizer",
        [](P& p, const py::dict& params, const py::list& variables,
           const std::vector<py::array>& slots) { p.set_optimizer(params, variables, slots); });
    def(trainer, "train",
        [](P& p, const PySource& x, const PySource& y, const PySource* weights,
           const py::object& order, index_t start, index_t batch, index_t max_batches,
           double seconds, const std::vector<double>& rates, index_t iteration) {
            return p.train(x, y, weights, order, start, batch, max_batches, seconds, rates,
                           iteration);
        });
    def(trainer, "accumulate",
        [](P& p, const PySource& x, const PySource& y, const PySource* weights, index_t batch,
           const py::array& sums) { return p.accumulate(x, y, weights, batch, sums); });
    def(trainer, "evaluate",
        [](P& p, const PySource& x, const PySource& y, const PySource* weights, double penalty,
           index_t start, index_t batch, index_t max_batches, double seconds) {
            return p.evaluate(x, y, weights, penalty, start, batch, max_batches, seconds);
        });
    def(trainer, "totals", [](P& p) { return p.totals(); });
    def(trainer, "reset_totals", [](P& p) { p.reset_totals(); });
    def(trainer, "predictions", [](P& p) { return p.predictions(); });
    def(trainer, "mask", [](P& p) { return p.mask(); });
    def(trainer, "keep_predictions", [](P& p, bool keep) { p.keep_predictions(keep); });
    def(trainer, "set_stream", [](P& p, std::uint64_t stream) { p.set_stream(stream); });
    def_property(trainer, "stream", [](P& p) { return p.stream(); });
    def_property(trainer, "bytes", [](P& p) { return p.bytes(); });
}

}  // namespace

void bind_trainer(py::module_& m) {
    py::class_<PySource> source(m, "Source");
    source.def(py::init<const py::array&>());
    def_property(source, "array", [](const PySource& s) { return s.array; });
    bind_trainer_of<float>(m, "Trainer32");
    bind_trainer_of<double>(m, "Trainer64");
}

}  // namespace ranvier
