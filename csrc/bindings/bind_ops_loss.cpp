// Losses with their gradient, and the metrics that count.
#include <cmath>

#include "bindings/bind_ops.hpp"
#include "bindings/names.hpp"
#include "ranvier/loss.hpp"
#include "ranvier/text.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

std::string shape_of(const py::array& a) { return py::str(a.attr("shape")).cast<std::string>(); }

// y_pred is [..., cols]; y_true has its shape, or for class numbers the shape without the last
// axis (a last axis of 1 in its place is taken, too).
void check_truth(const char* op, const py::array& y_true, const py::array& y_pred, bool sparse) {
    if (y_pred.ndim() < 1)
        throw py::value_error(Text(op) + ": `y_pred` must have at least one axis; got ()");
    if (!sparse) {
        require_same_shape(op, y_true, "y_true", y_pred, "y_pred");
        return;
    }
    const auto *t = gate::proxy(y_true), *p = gate::proxy(y_pred);
    bool fits = t->nd == p->nd - 1 || (t->nd == p->nd && t->dimensions[t->nd - 1] == 1);
    for (int i = 0; fits && i + 1 < p->nd; ++i) fits = t->dimensions[i] == p->dimensions[i];
    if (!fits)
        throw py::value_error(Text(op) +
                              ": `y_true` must hold one class number for each row of `y_pred` " +
                              shape_of(y_pred) + "; got shape " + shape_of(y_true));
}

template <class T>
const T* weights(const char* op, const py::object& sample_weight, index_t rows) {
    if (sample_weight.is_none()) return nullptr;
    const py::array w = gate::as_array(op, sample_weight, "sample_weight");
    const T* p = in<T>(op, w, "sample_weight");
    if (elements(w) != rows)
        throw py::value_error(Text(op) + ": `sample_weight` must have one weight for each of " +
                              std::to_string(rows) + " rows; got shape " + shape_of(w));
    return p;
}

bool is_sparse(Loss loss) {
    return loss == Loss::sparse_categorical_crossentropy ||
           loss == Loss::sparse_categorical_crossentropy_logits;
}
bool is_sparse(Count kind) {
    return kind == Count::sparse_categorical_accuracy ||
           kind == Count::sparse_top_k_categorical_accuracy;
}
bool on_logits(Loss loss) {
    return loss == Loss::binary_crossentropy_logits ||
           loss == Loss::categorical_crossentropy_logits ||
           loss == Loss::sparse_categorical_crossentropy_logits;
}

template <class T>
[[noreturn]] void refuse_label(const T* y_true, index_t row, index_t cols) {
    const double label = static_cast<double>(y_true[row]);
    const std::string text = std::floor(label) == label && std::abs(label) < 1e15
                                 ? std::to_string(static_cast<long long>(label))
                                 : std::to_string(label);
    throw py::value_error(Text("loss: `y_true` must hold class numbers in [0, ") +
                          std::to_string(cols) + "); got " + text + " in row " +
                          std::to_string(row));
}

template <class T>
py::tuple loss_of(Loss kind, const LossParams& p, const py::array& y_true, const py::array& y_pred,
                  const py::object& sample_weight, double scale, bool gradient,
                  const py::object& probabilities) {
    constexpr const char* op = "loss";
    const T* yp = in<T>(op, y_pred, "y_pred");
    const T* yt = in<T>(op, y_true, "y_true");
    check_truth(op, y_true, y_pred, is_sparse(kind));
    const index_t rows = leading(y_pred), cols = extent(y_pred, gate::proxy(y_pred)->nd - 1);
    const T* w = weights<T>(op, sample_weight, rows);
    T* prob = nullptr;
    if (!probabilities.is_none()) {
        if (!on_logits(kind))
            throw py::value_error("loss: only the losses on logits give `probabilities`");
        const py::array a = output_like<T>(op, probabilities, y_pred, "y_pred");
        prob = elements_of<T>(a);
        require_apart<T>(op, prob, rows * cols, "probabilities", yp, rows * cols, "y_pred");
        require_apart<T>(op, prob, rows * cols, "probabilities", yt, elements(y_true), "y_true");
    }
    const py::array row_loss = new_array<T>({rows});
    py::object dy = py::none();
    T *rp = elements_of<T>(row_loss), *dyp = nullptr;
    if (gradient) {
        const py::array d = new_array_like<T>(y_pred);
        dyp = elements_of<T>(d);
        dy = d;
    }
    index_t bad_label = -1, counted = 0;
    run_released(20.0 * double(rows * cols), [&] {
        loss_forward_backward<T>(kind, p, rows, cols, yt, yp, w, scale, rp, dyp, prob, &bad_label,
                                 &counted);
    });
    if (is_sparse(kind) && bad_label >= 0) refuse_label(yt, bad_label, cols);
    return py::make_tuple(row_loss, dy);
}

py::tuple loss(std::string_view kind, const py::array& y_true, const py::array& y_pred,
               const py::object& sample_weight, double scale, double label_smoothing,
               const py::object& ignore_class, bool gradient, double epsilon,
               const py::object& probabilities) {
    LossParams p;
    p.label_smoothing = label_smoothing;
    p.epsilon = epsilon;
    if (!ignore_class.is_none()) {
        p.has_ignore_class = true;
        p.ignore_class = ignore_class.cast<index_t>();
    }
    const Loss k = loss_named(kind);
    return dispatch("loss", y_pred, "y_pred", [&](auto zero) {
        return loss_of<decltype(zero)>(k, p, y_true, y_pred, sample_weight, scale, gradient,
                                       probabilities);
    });
}

py::array count(std::string_view kind, const py::array& y_true, const py::array& y_pred,
                const py::object& sample_weight, double threshold, index_t k) {
    constexpr const char* op = "count";
    const Count which = count_named(kind);
    CountParams p;
    p.threshold = threshold;
    p.k = k;
    return dispatch(op, y_pred, "y_pred", [&](auto zero) {
        using T = decltype(zero);
        const T* yp = in<T>(op, y_pred, "y_pred");
        const T* yt = in<T>(op, y_true, "y_true");
        check_truth(op, y_true, y_pred, is_sparse(which));
        const index_t rows = leading(y_pred), cols = extent(y_pred, gate::proxy(y_pred)->nd - 1);
        const T* w = weights<T>(op, sample_weight, rows);
        const py::array match = new_array<T>({rows});
        T* mp = elements_of<T>(match);
        run_released(2.0 * double(rows * cols),
                     [&] { count_matches<T>(which, p, rows, cols, yt, yp, w, mp); });
        return match;
    });
}

}  // namespace

void bind_loss(py::module_& m) {
    def(m, "loss", &loss);
    def(m, "count", &count);
}

}  // namespace ranvier
