// Dropout and Gaussian noise: nothing outside training, and no mask is stored.
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "ranvier/nodes.hpp"
#include "ranvier/text.hpp"

namespace ranvier {
namespace {

// What SELU tends to far below 0: alpha dropout puts it in the place of what it drops.
constexpr double kSaturation =
    -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946;

template <class T>
class DropoutNode final : public Node<T> {
  public:
    DropoutNode(double rate, const Shape& noise_shape, std::uint64_t node_seed, bool alpha)
        : rate_(rate), noise_shape_(noise_shape), alpha_(alpha) {
        this->seed = node_seed;
        // a (keep ? x : s) + b, with a and b such that mean 0 and variance 1 stay as they are
        scale_ = 1.0 / std::sqrt((1.0 - rate) * (1.0 + rate * kSaturation * kSaturation));
    }

    const char* kind() const override { return alpha_ ? "alpha_dropout" : "dropout"; }
    Shape infer(const std::vector<Shape>& x) const override {
        if (!noise_shape_.empty()) noise(x[0]);
        return x[0];
    }
    bool is_view_in_inference() const override { return true; }
    bool in_place() const override { return true; }
    bool in_place_backward() const override { return true; }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        if (!alpha_ || !r.training) return run(s.y, r, r.x[0], r.y);
        // keep ? x : s is s + (1 - rate) dropout(x - s)
        const index_t n = volume(s.y);
        scale_shift(n, r.x[0], 1.0, -kSaturation, r.y);
        run(s.y, r, r.y, r.y);
        scale_shift(n, r.y, scale_ * (1.0 - rate_), scale_ * kSaturation * (1.0 - rate_), r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        run(s.y, r, r.dy, r.dx[0]);
        if (alpha_ && r.training)
            scale_shift(volume(s.y), r.dx[0], scale_ * (1.0 - rate_), 0.0, r.dx[0]);
    }

  private:
    Shape noise(const Shape& x) const {
        Shape n = noise_shape_;
        bool fits = n.size() == x.size();
        for (std::size_t i = 0; fits && i < n.size(); ++i) {
            if (n[i] == 0) n[i] = x[i];
            fits = n[i] == 1 || n[i] == x[i];
        }
        if (!fits)
            throw std::invalid_argument(Text("noise_shape ") + to_string(noise_shape_) +
                                        " does not fit input of shape " + to_string(x));
        return n;
    }

    // The noise is shared along one run of axes (whole channels are dropped): [outer, shared,
    // inner] times [outer, inner]. False if it is not so.
    static bool run_of_shared(const Shape& shape, const Shape& small, const T* x, const T* mask,
                              T* y) {
        std::size_t first = 0, end = shape.size();
        while (first < end && small[first] == shape[first]) ++first;
        while (end > first && small[end - 1] == shape[end - 1]) --end;
        if (first == end) return false;
        index_t outer = 1, shared = 1, inner = 1;
        for (std::size_t i = 0; i < shape.size(); ++i) {
            if (i >= first && i < end && small[i] != 1) return false;
            (i < first ? outer : i < end ? shared : inner) *= shape[i];
        }
        const Scratch<T> zeros(inner);
        std::memset(zeros.get(), 0, static_cast<std::size_t>(inner) * sizeof(T));
        for (index_t o = 0; o < outer; ++o, x += shared * inner, y += shared * inner)
            if (inner == 1)
                scale_shift(shared, x, static_cast<double>(mask[o]), 0.0, y);
            else
                scale_shift_columns(shared, inner, x, mask + o * inner, zeros.get(), y);
        return true;
    }

    void run(const Shape& shape, const NodeRun<T>& r, const T* x, T* y) const {
        const index_t n = volume(shape);
        if (!r.training) {
            if (x != y) std::memcpy(y, x, static_cast<std::size_t>(n) * sizeof(T));
            return;
        }
        if (noise_shape_.empty()) return dropout(r.key, rate_, n, x, y);
        const Shape small = noise(shape);
        const Scratch<T> mask(volume(small));
        dropout_mask(r.key, rate_, volume(small), mask.get());
        if (run_of_shared(shape, small, x, mask.get(), y)) return;
        Shape at(shape.size(), 0);
        for (index_t e = 0; e < n; ++e) {
            index_t from = 0;
            for (std::size_t i = 0; i < shape.size(); ++i)
                from = from * small[i] + (small[i] == 1 ? 0 : at[i]);
            y[e] = x[e] * mask[from];
            for (std::size_t i = shape.size(); i-- > 0;) {
                if (++at[i] < shape[i]) break;
                at[i] = 0;
            }
        }
    }

    double rate_, scale_;
    Shape noise_shape_;
    bool alpha_;
};

template <class T>
class GaussianNoiseNode final : public Node<T> {
  public:
    GaussianNoiseNode(double stddev, std::uint64_t node_seed, bool factor)
        : stddev_(stddev), factor_(factor) {
        this->seed = node_seed;
    }

    const char* kind() const override { return factor_ ? "gaussian_dropout" : "gaussian_noise"; }
    Shape infer(const std::vector<Shape>& x) const override { return x[0]; }
    bool is_view_in_inference() const override { return true; }
    bool in_place() const override { return true; }
    bool in_place_backward() const override { return true; }
    // To draw normal numbers again would take longer than to keep them.
    std::size_t cache_bytes(const NodeShapes& s) const override {
        return factor_ ? static_cast<std::size_t>(volume(s.y)) * sizeof(T) : 0;
    }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const index_t n = volume(s.y);
        if (!r.training || factor_) {
            if (r.training) random_normal(r.key, 1.0, stddev_, n, static_cast<T*>(r.cache));
            return multiply(n, r, r.x[0], r.y);
        }
        const Scratch<T> noise(n);
        random_normal(r.key, 0.0, stddev_, n, noise.get());
        copy(r.x[0], r.y, n);
        add_inplace(n, noise.get(), r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        multiply(volume(s.y), r, r.dy, r.dx[0]);
    }

  private:
    // By the noise, in training, if it is a factor.
    void multiply(index_t n, const NodeRun<T>& r, const T* x, T* y) const {
        if (!r.training || !factor_) return copy(x, y, n);
        const T* noise = static_cast<const T*>(r.cache);
        for (index_t i = 0; i < n; ++i) y[i] = x[i] * noise[i];
    }
    static void copy(const T* x, T* y, index_t n) {
        if (x != y) std::memcpy(y, x, static_cast<std::size_t>(n) * sizeof(T));
    }

    double stddev_;
    bool factor_;
};

}  // namespace

template <class T>
NodePtr<T> make_dropout(double rate, const Shape& noise_shape, std::uint64_t node_seed,
                        bool alpha) {
    return std::make_unique<DropoutNode<T>>(rate, noise_shape, node_seed, alpha);
}
template <class T>
NodePtr<T> make_gaussian_noise(double stddev, std::uint64_t node_seed, bool factor) {
    return std::make_unique<GaussianNoiseNode<T>>(stddev, node_seed, factor);
}

#define RV_INSTANTIATE(T)                                                        \
    template NodePtr<T> make_dropout(double, const Shape&, std::uint64_t, bool); \
    template NodePtr<T> make_gaussian_noise(double, std::uint64_t, bool);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
