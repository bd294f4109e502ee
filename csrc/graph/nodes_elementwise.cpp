// Activations, softmax, PReLU, rescaling, normalisation, activity regularisation.
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "ranvier/nodes.hpp"
#include "ranvier/text.hpp"

namespace ranvier {
namespace {

template <class T>
void copy(const T* x, T* y, index_t n) {
    if (x != y) std::memcpy(y, x, static_cast<std::size_t>(n) * sizeof(T));
}

template <class T>
class ActivationNode final : public Node<T> {
  public:
    ActivationNode(Act act, const ActParams& p)
        : act_(act), params_(p), reads_x_(act_backward_reads_input(act, p)) {}

    const char* kind() const override { return "activation"; }
    Shape infer(const std::vector<Shape>& x) const override { return x[0]; }
    double flops(const NodeShapes& s) const override {
        return 10.0 * static_cast<double>(volume(s.y));
    }
    bool in_place() const override { return !reads_x_; }
    bool in_place_backward() const override { return true; }
    bool backward_reads_y() const override { return !reads_x_; }
    bool is_view() const override { return act_ == Act::linear; }
    Link link() const override {
        if (act_ == Act::sigmoid) return Link::sigmoid;
        return act_ == Act::exponential ? Link::exponential : Link::none;
    }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        act_forward(act_, params_, volume(s.y), r.x[0], r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        act_backward(act_, params_, volume(s.y), reads_x_ ? r.x[0] : r.y, r.dy, r.dx[0]);
    }

  private:
    Act act_;
    ActParams params_;
    bool reads_x_;
};

template <class T>
class SoftmaxNode final : public Node<T> {
  public:
    SoftmaxNode(int axis, bool log) : axis_(axis), log_(log) {}

    const char* kind() const override { return log_ ? "log_softmax" : "softmax"; }
    Shape infer(const std::vector<Shape>& x) const override {
        axis(x[0]);
        return x[0];
    }
    double flops(const NodeShapes& s) const override {
        return 12.0 * static_cast<double>(volume(s.y));
    }
    bool in_place() const override { return true; }
    bool in_place_backward() const override { return true; }
    bool backward_reads_y() const override { return true; }
    Link link() const override { return !log_ && axis_ == -1 ? Link::softmax : Link::none; }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const Dims d = dims(s.y);
        (log_ ? log_softmax_forward<T> : softmax_forward<T>)(d.outer, d.n, d.inner, r.x[0], r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const Dims d = dims(s.y);
        (log_ ? log_softmax_backward<T> : softmax_backward<T>)(d.outer, d.n, d.inner, r.y, r.dy,
                                                               r.dx[0]);
    }

  private:
    struct Dims {
        index_t outer = 1, n = 1, inner = 1;
    };
    std::size_t axis(const Shape& x) const {
        const int rank = static_cast<int>(x.size());
        const int a = axis_ < 0 ? axis_ + rank : axis_;
        if (a < 1 || a >= rank)
            throw std::invalid_argument(Text("softmax axis ") + std::to_string(axis_) +
                                        " is not an axis of a sample of shape " + to_string(x));
        return static_cast<std::size_t>(a);
    }
    Dims dims(const Shape& x) const {
        const std::size_t a = axis(x);
        Dims d;
        for (std::size_t i = 0; i < x.size(); ++i)
            (i < a ? d.outer : i > a ? d.inner : d.n) *= x[i];
        return d;
    }

    int axis_;
    bool log_;
};

// Adds up, over the batch and the axes where alpha is shared, after the per-element pass.
template <class T>
class PReLUNode final : public Node<T> {
  public:
    explicit PReLUNode(const Shape& alpha_shape) : alpha_(alpha_shape) {
        for (index_t a : alpha_) shared_ = shared_ || a == 1;
    }

    const char* kind() const override { return "prelu"; }
    Shape infer(const std::vector<Shape>& x) const override {
        bool fits = x[0].size() == alpha_.size() + 1;
        for (std::size_t i = 0; fits && i < alpha_.size(); ++i)
            fits = alpha_[i] == 1 || alpha_[i] == x[0][i + 1];
        if (!fits)
            throw std::invalid_argument(Text("alpha of shape ") + to_string(alpha_) +
                                        " does not fit input of shape " + to_string(x[0]));
        return x[0];
    }
    bool in_place_backward() const override { return true; }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const index_t cols = volume(s.y, 1);
        if (!shared_) return prelu_forward(s.y[0], cols, r.x[0], r.param[0], r.y);
        const Scratch<T> alpha(cols);
        spread(s.y, r.param[0], alpha.get());
        prelu_forward(s.y[0], cols, r.x[0], alpha.get(), r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const index_t cols = volume(s.y, 1);
        const Scratch<T> alpha(shared_ ? cols : 0), dalpha(cols);
        const T* a = r.param[0];
        if (shared_) {
            spread(s.y, a, alpha.get());
            a = alpha.get();
        }
        T* dx = r.dx[0] != nullptr ? r.dx[0] : r.dy;
        prelu_backward(s.y[0], cols, r.x[0], a, r.dy, dx, dalpha.get());
        if (r.dparam[0] == nullptr) return;
        for (index_t i = 0; i < volume(alpha_); ++i) r.dparam[0][i] = 0;
        each(s.y, [&](index_t element, index_t from) { r.dparam[0][from] += dalpha[element]; });
    }

  private:
    // Calls f(element of a sample, its place in alpha).
    template <class F>
    void each(const Shape& y, F&& f) const {
        const index_t n = volume(y, 1);
        Shape at(alpha_.size(), 0);
        for (index_t e = 0; e < n; ++e) {
            index_t from = 0;
            for (std::size_t i = 0; i < alpha_.size(); ++i)
                from = from * alpha_[i] + (alpha_[i] == 1 ? 0 : at[i]);
            f(e, from);
            for (std::size_t i = alpha_.size(); i-- > 0;) {
                if (++at[i] < y[i + 1]) break;
                at[i] = 0;
            }
        }
    }
    void spread(const Shape& y, const T* alpha, T* out) const {
        each(y, [&](index_t element, index_t from) { out[element] = alpha[from]; });
    }

    Shape alpha_;
    bool shared_ = false;
};

template <class T>
class RescalingNode final : public Node<T> {
  public:
    RescalingNode(const std::vector<double>& scale, const std::vector<double>& offset)
        : scale_(scale.begin(), scale.end()), offset_(offset.begin(), offset.end()) {
        if (scale_.empty() || offset_.empty())
            throw std::invalid_argument("scale and offset must not be empty");
        const std::size_t n = std::max(scale_.size(), offset_.size());
        if (scale_.size() == 1) scale_.resize(n, scale_[0]);
        if (offset_.size() == 1) offset_.resize(n, offset_[0]);
    }

    const char* kind() const override { return "rescaling"; }
    Shape infer(const std::vector<Shape>& x) const override {
        if (scale_.size() > 1 && x[0].back() != static_cast<index_t>(scale_.size()))
            throw std::invalid_argument(
                Text("scale and offset have ") + std::to_string(scale_.size()) +
                " elements, which does not fit input of shape " + to_string(x[0]));
        return x[0];
    }
    bool in_place() const override { return true; }
    bool in_place_backward() const override { return true; }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        run(volume(s.y), r.x[0], offset_, r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        run(volume(s.y), r.dy, std::vector<T>(offset_.size(), T(0)), r.dx[0]);
    }

  private:
    void run(index_t n, const T* x, const std::vector<T>& offset, T* y) const {
        const index_t cols = static_cast<index_t>(scale_.size());
        if (cols == 1)
            scale_shift(n, x, static_cast<double>(scale_[0]), static_cast<double>(offset[0]), y);
        else
            scale_shift_columns(n / cols, cols, x, scale_.data(), offset.data(), y);
    }

    std::vector<T> scale_, offset_;
};

template <class T>
class AffineNode final : public Node<T> {
  public:
    explicit AffineNode(const Shape& kept) : kept_(kept), n_(std::max<index_t>(1, volume(kept))) {}

    const char* kind() const override { return "affine"; }
    Shape infer(const std::vector<Shape>& x) const override {
        bool fits = x[0].size() > kept_.size();
        for (std::size_t i = 0; fits && i < kept_.size(); ++i)
            fits = kept_[kept_.size() - 1 - i] == x[0][x[0].size() - 1 - i];
        if (!fits)
            throw std::invalid_argument(Text("statistics of shape ") + to_string(kept_) +
                                        " do not fit input of shape " + to_string(x[0]));
        return x[0];
    }
    bool in_place() const override { return true; }
    bool in_place_backward() const override { return true; }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        scale_shift_columns(volume(s.y) / n_, n_, r.x[0], r.param[0], r.param[1], r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const Scratch<T> zero(n_);
        std::memset(zero.get(), 0, static_cast<std::size_t>(n_) * sizeof(T));
        scale_shift_columns(volume(s.y) / n_, n_, r.dy, r.param[0], zero.get(), r.dx[0]);
    }

  private:
    Shape kept_;
    index_t n_;
};

template <class T>
class ActivityRegularizerNode final : public Node<T> {
  public:
    ActivityRegularizerNode(double l1, double l2) : l1_(l1), l2_(l2) {}

    const char* kind() const override { return "activity_regularizer"; }
    Shape infer(const std::vector<Shape>& x) const override { return x[0]; }
    bool is_view_in_inference() const override { return true; }
    bool in_place() const override { return true; }
    bool in_place_backward() const override { return true; }
    bool backward_reads_y() const override { return true; }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const index_t n = volume(s.y);
        copy(r.x[0], r.y, n);
        double p = 0;
        if (l1_ != 0) p += l1_ * reduce_sumabs(n, r.y);
        if (l2_ != 0) p += l2_ * reduce_sumsq(n, r.y);
        *r.penalty += p / static_cast<double>(s.y[0]);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const T a = static_cast<T>(l1_ / static_cast<double>(s.y[0]));
        const T b = static_cast<T>(2 * l2_ / static_cast<double>(s.y[0]));
        const index_t n = volume(s.y);
        for (index_t i = 0; i < n; ++i) {
            const T v = r.y[i];
            r.dx[0][i] = r.dy[i] + b * v + (v > 0 ? a : v < 0 ? -a : T(0));
        }
    }

  private:
    double l1_, l2_;
};

}  // namespace

template <class T>
NodePtr<T> make_activation(Act act, const ActParams& p) {
    return std::make_unique<ActivationNode<T>>(act, p);
}
template <class T>
NodePtr<T> make_softmax(int axis, bool log) {
    return std::make_unique<SoftmaxNode<T>>(axis, log);
}
template <class T>
NodePtr<T> make_prelu(const Shape& alpha_shape) {
    return std::make_unique<PReLUNode<T>>(alpha_shape);
}
template <class T>
NodePtr<T> make_rescaling(const std::vector<double>& scale, const std::vector<double>& offset) {
    return std::make_unique<RescalingNode<T>>(scale, offset);
}
template <class T>
NodePtr<T> make_affine(const Shape& kept_shape) {
    return std::make_unique<AffineNode<T>>(kept_shape);
}
template <class T>
NodePtr<T> make_activity_regularizer(double l1, double l2) {
    return std::make_unique<ActivityRegularizerNode<T>>(l1, l2);
}

#define RV_INSTANTIATE(T)                                                                       \
    template NodePtr<T> make_activation(Act, const ActParams&);                                 \
    template NodePtr<T> make_softmax(int, bool);                                                \
    template NodePtr<T> make_prelu(const Shape&);                                               \
    template NodePtr<T> make_rescaling(const std::vector<double>&, const std::vector<double>&); \
    template NodePtr<T> make_affine(const Shape&);                                              \
    template NodePtr<T> make_activity_regularizer(double, double);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
