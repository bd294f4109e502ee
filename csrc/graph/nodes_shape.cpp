// Reshape, permute, repeat.
#include <cstring>
#include <new>
#include <stdexcept>

#include "ranvier/nodes.hpp"
#include "ranvier/text.hpp"

namespace ranvier {
namespace {

template <class T>
class ReshapeNode final : public Node<T> {
  public:
    explicit ReshapeNode(const Shape& target) : target_(target) {}

    const char* kind() const override { return "reshape"; }
    Shape infer(const std::vector<Shape>& x) const override {
        const index_t n = volume(x[0], 1);
        Shape y = target_;
        index_t known = 1;
        std::size_t open = y.size();
        for (std::size_t i = 0; i < y.size(); ++i)
            if (y[i] < 0)
                open = i;
            else if (__builtin_mul_overflow(known, y[i], &known))
                throw std::bad_alloc();
        if (open < y.size()) y[open] = known > 0 ? n / known : 0;
        if (volume(y) != n)
            throw std::invalid_argument(Text("cannot reshape a sample of shape ") +
                                        to_string(Shape(x[0].begin() + 1, x[0].end())) + " into " +
                                        to_string(target_));
        y.insert(y.begin(), x[0][0]);
        return y;
    }
    double flops(const NodeShapes&) const override { return 0; }
    bool is_view() const override { return true; }
    void forward(const NodeShapes&, const NodeRun<T>&) const override {}
    void backward(const NodeShapes&, const NodeRun<T>&) const override {}

  private:
    Shape target_;
};

template <class T>
class PermuteNode final : public Node<T> {
  public:
    explicit PermuteNode(const std::vector<int>& perm) : perm_{0} {
        perm_.insert(perm_.end(), perm.begin(), perm.end());
        inverse_.resize(perm_.size());
        for (std::size_t i = 0; i < perm_.size(); ++i)
            inverse_[static_cast<std::size_t>(perm_[i])] = static_cast<int>(i);
    }

    const char* kind() const override { return "permute"; }
    Shape infer(const std::vector<Shape>& x) const override {
        if (x[0].size() != perm_.size())
            throw std::invalid_argument(Text("expected a sample of ") +
                                        std::to_string(perm_.size() - 1) + " axes; got shape " +
                                        to_string(x[0]));
        Shape y;
        for (int p : perm_) y.push_back(x[0][static_cast<std::size_t>(p)]);
        return y;
    }
    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        permute(s.x[0], perm_, r.x[0], r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        permute(s.y, inverse_, static_cast<const T*>(r.dy), r.dx[0]);
    }

  private:
    std::vector<int> perm_, inverse_;
};

template <class T>
class RepeatNode final : public Node<T> {
  public:
    explicit RepeatNode(index_t n) : n_(n) {}

    const char* kind() const override { return "repeat"; }
    Shape infer(const std::vector<Shape>& x) const override {
        if (x[0].size() != 2)
            throw std::invalid_argument(Text("expected a sample of one axis; got shape ") +
                                        to_string(x[0]));
        return {x[0][0], n_, x[0][1]};
    }
    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const index_t rows = s.y[0], cols = s.y[2];
        if (cols == 0) return;  // of nothing there is no address
        for (index_t i = 0; i < rows; ++i)
            for (index_t t = 0; t < n_; ++t)
                std::memcpy(r.y + (i * n_ + t) * cols, r.x[0] + i * cols,
                            static_cast<std::size_t>(cols) * sizeof(T));
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const index_t rows = s.y[0], cols = s.y[2];
        for (index_t i = 0; i < rows; ++i)
            column_sums(n_, cols, r.dy + i * n_ * cols, r.dx[0] + i * cols);
    }

  private:
    index_t n_;
};

}  // namespace

template <class T>
NodePtr<T> make_reshape(const Shape& target) {
    return std::make_unique<ReshapeNode<T>>(target);
}
template <class T>
NodePtr<T> make_permute(const std::vector<int>& perm) {
    return std::make_unique<PermuteNode<T>>(perm);
}
template <class T>
NodePtr<T> make_repeat(index_t n) {
    return std::make_unique<RepeatNode<T>>(n);
}

#define RV_INSTANTIATE(T)                                      \
    template NodePtr<T> make_reshape(const Shape&);            \
    template NodePtr<T> make_permute(const std::vector<int>&); \
    template NodePtr<T> make_repeat(index_t);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
