// Batch, group, layer, RMS and unit normalization.
#include <stdexcept>

#include "ranvier/nodes_norm.hpp"
#include "ranvier/text.hpp"

namespace ranvier {
namespace {

// gamma and beta among a node's parameters, either of which may be missing.
template <class T>
struct Affine {
    Affine(bool scale, bool center) : gamma(scale ? 0 : -1), beta(center ? (scale ? 1 : 0) : -1) {}

    int count() const { return (gamma >= 0) + (beta >= 0); }
    static T* at(int i, T* const* all) { return i < 0 ? nullptr : all[i]; }

    int gamma, beta;
};

void require_channels(const Shape& x, index_t channels) {
    if (x.size() < 2 || x.back() != channels)
        throw std::invalid_argument(Text("expected ") + std::to_string(channels) +
                                    " channels along the last axis; got input of shape " +
                                    to_string(x));
}

template <class T>
class BatchNormNode final : public Node<T> {
  public:
    BatchNormNode(index_t channels, bool scale, bool center, double momentum, double epsilon,
                  bool frozen, bool masked)
        : channels_(channels),
          affine_(scale, center),
          momentum_(momentum),
          epsilon_(epsilon),
          frozen_(frozen),
          masked_(masked) {}

    const char* kind() const override { return "batch_norm"; }
    Shape infer(const std::vector<Shape>& x) const override {
        require_channels(x[0], channels_);
        if (masked_ && x[1] != Shape(x[0].begin(), x[0].end() - 1))
            throw std::invalid_argument(Text("a mask of shape ") + to_string(x[1]) +
                                        " does not fit input of shape " + to_string(x[0]));
        return x[0];
    }
    bool differentiates(int k) const override { return k == 0; }
    double flops(const NodeShapes& s) const override {
        return 8.0 * static_cast<double>(volume(s.y));
    }
    bool in_place() const override { return frozen_; }
    bool in_place_backward() const override { return true; }
    std::size_t cache_bytes(const NodeShapes&) const override {
        return frozen_ ? 0 : 2 * static_cast<std::size_t>(channels_) * sizeof(T);
    }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const T *gamma = affine_.at(affine_.gamma, r.param),
                *beta = affine_.at(affine_.beta, r.param);
        const index_t rows = rows_of(s.y);
        T *moving_mean = r.param[affine_.count()], *moving_variance = r.param[affine_.count() + 1];
        if (!of_batch(r))
            return batch_norm_inference(rows, channels_, r.x[0], moving_mean, moving_variance,
                                        gamma, beta, epsilon_, r.y);
        T *mean = static_cast<T*>(r.cache), *variance = mean + channels_;
        if (rows == 0) return;
        if (masked_)
            masked_batch_norm_forward(rows, channels_, r.x[0], r.x[1], gamma, beta, epsilon_, r.y,
                                      mean, variance);
        else
            batch_norm_forward(rows, channels_, r.x[0], gamma, beta, epsilon_, r.y, mean, variance);
        move(mean, moving_mean);
        move(variance, moving_variance);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const bool batch = of_batch(r);
        const T* kept = static_cast<const T*>(r.cache);
        const T* mean = batch ? kept : r.param[affine_.count()];
        const T* variance = batch ? kept + channels_ : r.param[affine_.count() + 1];
        const T* gamma = affine_.at(affine_.gamma, r.param);
        T *dgamma = affine_.at(affine_.gamma, r.dparam),
          *dbeta = affine_.at(affine_.beta, r.dparam);
        if (batch && masked_)
            masked_batch_norm_backward(rows_of(s.y), channels_, r.x[0], r.x[1], mean, variance,
                                       gamma, epsilon_, r.dy, r.dx[0], dgamma, dbeta);
        else
            batch_norm_backward(rows_of(s.y), channels_, r.x[0], mean, variance, gamma, epsilon_,
                                batch, r.dy, r.dx[0], dgamma, dbeta);
    }

  private:
    index_t rows_of(const Shape& y) const { return channels_ > 0 ? volume(y) / channels_ : 0; }
    bool of_batch(const NodeRun<T>& r) const { return r.training && !frozen_; }
    void move(const T* batch, T* moving) const {
        for (index_t j = 0; j < channels_; ++j)
            moving[j] = static_cast<T>(static_cast<double>(moving[j]) * momentum_ +
                                       static_cast<double>(batch[j]) * (1 - momentum_));
    }

    index_t channels_;
    Affine<T> affine_;
    double momentum_, epsilon_;
    bool frozen_, masked_;
};

template <class T>
class GroupNormNode final : public Node<T> {
  public:
    GroupNormNode(index_t channels, index_t groups, bool scale, bool center, double epsilon)
        : channels_(channels), groups_(groups), affine_(scale, center), epsilon_(epsilon) {
        if (groups < 1 || channels < 1 || channels % groups != 0)
            throw std::invalid_argument("groups must divide the channels");
    }

    const char* kind() const override { return "group_norm"; }
    Shape infer(const std::vector<Shape>& x) const override {
        require_channels(x[0], channels_);
        return x[0];
    }
    double flops(const NodeShapes& s) const override {
        return 8.0 * static_cast<double>(volume(s.y));
    }
    bool in_place_backward() const override { return true; }
    std::size_t cache_bytes(const NodeShapes& s) const override {
        return 2 * static_cast<std::size_t>(volume({s.y[0], groups_})) * sizeof(T);
    }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const index_t kept = s.y[0] * groups_;
        const Scratch<T> thrown_away(r.cache == nullptr ? 2 * kept : 0);
        T* mean = r.cache == nullptr ? thrown_away.get() : static_cast<T*>(r.cache);
        group_norm_forward(s.y[0], volume(s.y, 1) / channels_, channels_, groups_, r.x[0],
                           affine_.at(affine_.gamma, r.param), affine_.at(affine_.beta, r.param),
                           epsilon_, r.y, mean, mean + kept);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const T* mean = static_cast<const T*>(r.cache);
        group_norm_backward(s.y[0], volume(s.y, 1) / channels_, channels_, groups_, r.x[0], mean,
                            mean + s.y[0] * groups_, affine_.at(affine_.gamma, r.param), r.dy,
                            r.dx[0], affine_.at(affine_.gamma, r.dparam),
                            affine_.at(affine_.beta, r.dparam));
    }

  private:
    index_t channels_, groups_;
    Affine<T> affine_;
    double epsilon_;
};

template <class T>
class RowNormNode final : public Node<T> {
  public:
    RowNormNode(RowNorm norm, const Shape& shape, bool scale, bool center, double epsilon)
        : norm_(norm), shape_(shape), affine_(scale, center), epsilon_(epsilon) {
        for (index_t n : shape)
            if (n < 0 && affine_.count() > 0)
                throw std::invalid_argument("gamma and beta need a known shape");
    }

    const char* kind() const override { return "row_norm"; }
    Shape infer(const std::vector<Shape>& x) const override {
        bool fits = x[0].size() > shape_.size();
        for (std::size_t i = 0; fits && i < shape_.size(); ++i) {
            const index_t want = shape_[shape_.size() - 1 - i];
            fits = want < 0 || want == x[0][x[0].size() - 1 - i];
        }
        if (!fits)
            throw std::invalid_argument(Text("expected input whose last axes are ") +
                                        to_string(shape_) + "; got shape " + to_string(x[0]));
        return x[0];
    }
    double flops(const NodeShapes& s) const override {
        return 8.0 * static_cast<double>(volume(s.y));
    }
    bool in_place_backward() const override { return true; }
    std::size_t cache_bytes(const NodeShapes& s) const override {
        return 2 * static_cast<std::size_t>(rows(s.y)) * sizeof(T);
    }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        T* mean = static_cast<T*>(r.cache);
        row_norm_forward(norm_, rows(s.y), row(s.y), r.x[0], affine_.at(affine_.gamma, r.param),
                         affine_.at(affine_.beta, r.param), epsilon_, r.y, mean,
                         mean == nullptr ? mean : mean + rows(s.y));
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const T* mean = static_cast<const T*>(r.cache);
        row_norm_backward(norm_, rows(s.y), row(s.y), r.x[0], mean, mean + rows(s.y),
                          affine_.at(affine_.gamma, r.param), epsilon_, r.dy, r.dx[0],
                          affine_.at(affine_.gamma, r.dparam), affine_.at(affine_.beta, r.dparam));
    }

  private:
    index_t row(const Shape& y) const { return volume(y, y.size() - shape_.size()); }
    index_t rows(const Shape& y) const {
        return volume(Shape(y.begin(), y.end() - static_cast<std::ptrdiff_t>(shape_.size())));
    }

    RowNorm norm_;
    Shape shape_;
    Affine<T> affine_;
    double epsilon_;
};

}  // namespace

template <class T>
NodePtr<T> make_batch_norm(index_t channels, bool scale, bool center, double momentum,
                           double epsilon, bool frozen, bool masked) {
    return std::make_unique<BatchNormNode<T>>(channels, scale, center, momentum, epsilon, frozen,
                                              masked);
}
template <class T>
NodePtr<T> make_group_norm(index_t channels, index_t groups, bool scale, bool center,
                           double epsilon) {
    return std::make_unique<GroupNormNode<T>>(channels, groups, scale, center, epsilon);
}
template <class T>
NodePtr<T> make_row_norm(RowNorm kind, const Shape& shape, bool scale, bool center,
                         double epsilon) {
    return std::make_unique<RowNormNode<T>>(kind, shape, scale, center, epsilon);
}

#define RV_INSTANTIATE(T)                                                                 \
    template NodePtr<T> make_batch_norm(index_t, bool, bool, double, double, bool, bool); \
    template NodePtr<T> make_group_norm(index_t, index_t, bool, bool, double);            \
    template NodePtr<T> make_row_norm(RowNorm, const Shape&, bool, bool, double);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
