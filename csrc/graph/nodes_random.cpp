// Dropout and Gaussian noise: nothing outside training, and no mask is stored.
#include <cstring>
#include <stdexcept>

#include "ranvier/nodes.hpp"
#include "ranvier/text.hpp"

namespace ranvier {
namespace {

template <class T>
class DropoutNode final : public Node<T> {
  public:
    DropoutNode(double rate, const Shape& noise_shape, std::uint64_t node_seed)
        : rate_(rate), noise_shape_(noise_shape) {
        this->seed = node_seed;
    }

    const char* kind() const override { return "dropout"; }
    Shape infer(const std::vector<Shape>& x) const override {
        if (!noise_shape_.empty()) noise(x[0]);
        return x[0];
    }
    bool is_view_in_inference() const override { return true; }
    bool in_place() const override { return true; }
    bool in_place_backward() const override { return true; }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        run(s.y, r, r.x[0], r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        run(s.y, r, r.dy, r.dx[0]);
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

    double rate_;
    Shape noise_shape_;
};

template <class T>
class GaussianNoiseNode final : public Node<T> {
  public:
    GaussianNoiseNode(double stddev, std::uint64_t node_seed) : stddev_(stddev) {
        this->seed = node_seed;
    }

    const char* kind() const override { return "gaussian_noise"; }
    Shape infer(const std::vector<Shape>& x) const override { return x[0]; }
    bool is_view_in_inference() const override { return true; }
    bool in_place() const override { return true; }
    bool in_place_backward() const override { return true; }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const index_t n = volume(s.y);
        if (!r.training) {
            copy(r.x[0], r.y, n);
            return;
        }
        const Scratch<T> noise(n);
        random_normal(r.key, 0.0, stddev_, n, noise.get());
        copy(r.x[0], r.y, n);
        add_inplace(n, noise.get(), r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        copy(static_cast<const T*>(r.dy), r.dx[0], volume(s.y));
    }

  private:
    static void copy(const T* x, T* y, index_t n) {
        if (x != y) std::memcpy(y, x, static_cast<std::size_t>(n) * sizeof(T));
    }

    double stddev_;
};

}  // namespace

template <class T>
NodePtr<T> make_dropout(double rate, const Shape& noise_shape, std::uint64_t node_seed) {
    return std::make_unique<DropoutNode<T>>(rate, noise_shape, node_seed);
}
template <class T>
NodePtr<T> make_gaussian_noise(double stddev, std::uint64_t node_seed) {
    return std::make_unique<GaussianNoiseNode<T>>(stddev, node_seed);
}

#define RV_INSTANTIATE(T)                                                  \
    template NodePtr<T> make_dropout(double, const Shape&, std::uint64_t); \
    template NodePtr<T> make_gaussian_noise(double, std::uint64_t);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
