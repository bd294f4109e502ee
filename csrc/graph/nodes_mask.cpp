// Masks of sequences; sequences as batches of their steps.
#include "ranvier/nodes_mask.hpp"
#include "ranvier/text.hpp"

#include <algorithm>
#include <stdexcept>

#include "ranvier/mask.hpp"

namespace ranvier {
namespace {

// The mask as the first axes of x, all but `rest`.
void require_mask(const Shape& x, const Shape& mask, std::size_t rest) {
    if (x.size() != mask.size() + rest || !std::equal(mask.begin(), mask.end(), x.begin()))
        throw std::invalid_argument(Text("a mask of shape ") + to_string(mask) +
                                    " does not fit input of shape " + to_string(x));
}

template <class T>
class UnequalNode final : public Node<T> {
  public:
    UnequalNode(double value, bool over_last)
        : value_(static_cast<T>(value)), over_last_(over_last) {}

    const char* kind() const override { return "unequal"; }
    Shape infer(const std::vector<Shape>& x) const override {
        Shape y = x[0];
        if (!over_last_) return y;
        if (y.size() < 2)
            throw std::invalid_argument(Text("expected input of two axes or more; got shape ") +
                                        to_string(x[0]));
        y.pop_back();
        return y;
    }
    bool differentiates(int) const override { return false; }
    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        rows_unequal(volume(s.y), over_last_ ? s.x[0].back() : 1, r.x[0], value_, r.y);
    }
    void backward(const NodeShapes&, const NodeRun<T>&) const override {}

  private:
    T value_;
    bool over_last_;
};

template <class T>
class KeepNode final : public Node<T> {
  public:
    const char* kind() const override { return "keep"; }
    Shape infer(const std::vector<Shape>& x) const override {
        require_mask(x[0], x[1], 1);
        return x[0];
    }
    bool differentiates(int k) const override { return k == 0; }
    bool in_place() const override { return true; }
    bool in_place_backward() const override { return true; }
    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        keep_rows(volume(s.x[1]), s.y.back(), r.x[0], r.x[1], r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        keep_rows(volume(s.x[1]), s.y.back(), static_cast<const T*>(r.dy), r.x[1], r.dx[0]);
    }
};

template <class T>
class MaskedMeanNode final : public Node<T> {
  public:
    explicit MaskedMeanNode(bool keepdims) : keepdims_(keepdims) {}

    const char* kind() const override { return "masked_mean"; }
    Shape infer(const std::vector<Shape>& x) const override {
        if (x[0].size() != 3)
            throw std::invalid_argument(Text("expected input of three axes; got shape ") +
                                        to_string(x[0]));
        require_mask(x[0], x[1], 1);
        return keepdims_ ? Shape{x[0][0], 1, x[0][2]} : Shape{x[0][0], x[0][2]};
    }
    double flops(const NodeShapes& s) const override { return static_cast<double>(volume(s.x[0])); }
    bool differentiates(int k) const override { return k == 0; }
    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        masked_mean(s.x[0][0], s.x[0][1], s.x[0][2], r.x[0], r.x[1], r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        masked_mean_backward(s.x[0][0], s.x[0][1], s.x[0][2], r.x[1], static_cast<const T*>(r.dy),
                             r.dx[0]);
    }

  private:
    bool keepdims_;
};

template <class T>
class ViewNode : public Node<T> {
  public:
    double flops(const NodeShapes&) const override { return 0; }
    bool is_view() const override { return true; }
    void forward(const NodeShapes&, const NodeRun<T>&) const override {}
    void backward(const NodeShapes&, const NodeRun<T>&) const override {}
};

template <class T>
class FoldNode final : public ViewNode<T> {
  public:
    explicit FoldNode(bool looks) : looks_(looks) {}

    const char* kind() const override { return "fold"; }
    Shape infer(const std::vector<Shape>& x) const override {
        if (x[0].size() < 2)
            throw std::invalid_argument(Text("expected input of two axes or more; got shape ") +
                                        to_string(x[0]));
        Shape y(x[0].begin() + 1, x[0].end());
        y[0] = volume({x[0][0], x[0][1]});
        return y;
    }
    bool differentiates(int) const override { return !looks_; }

  private:
    bool looks_;
};

template <class T>
class UnfoldNode final : public ViewNode<T> {
  public:
    const char* kind() const override { return "unfold"; }
    Shape infer(const std::vector<Shape>& x) const override {
        Shape y{x[1].at(0), x[1].at(1)};
        if (x[0].at(0) != volume(y))
            throw std::invalid_argument(Text("expected ") + std::to_string(volume(y)) +
                                        " rows; got shape " + to_string(x[0]));
        y.insert(y.end(), x[0].begin() + 1, x[0].end());
        return y;
    }
    bool differentiates(int k) const override { return k == 0; }
};

}  // namespace

template <class T>
NodePtr<T> make_unequal(double value, bool over_last) {
    return std::make_unique<UnequalNode<T>>(value, over_last);
}
template <class T>
NodePtr<T> make_keep() {
    return std::make_unique<KeepNode<T>>();
}
template <class T>
NodePtr<T> make_masked_mean(bool keepdims) {
    return std::make_unique<MaskedMeanNode<T>>(keepdims);
}
template <class T>
NodePtr<T> make_fold(bool looks) {
    return std::make_unique<FoldNode<T>>(looks);
}
template <class T>
NodePtr<T> make_unfold() {
    return std::make_unique<UnfoldNode<T>>();
}

#define RV_INSTANTIATE(T)                           \
    template NodePtr<T> make_unequal(double, bool); \
    template NodePtr<T> make_keep();                \
    template NodePtr<T> make_masked_mean(bool);     \
    template NodePtr<T> make_fold(bool);            \
    template NodePtr<T> make_unfold();
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
