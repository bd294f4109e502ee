// Random flips, affine motions, contrast and brightness: nothing outside training. Both passes draw
// the same numbers from the step's key, so that nothing is stored.
#include <cmath>
#include <cstring>
#include <numbers>

#include "ranvier/nodes_image.hpp"

namespace ranvier {
namespace {

// The shapes and the inference of all of them; subclasses say what training does.
template <class T>
class RandomImageNode : public Node<T> {
  public:
    RandomImageNode(bool channels_first, std::uint64_t node_seed)
        : channels_first_(channels_first) {
        this->seed = node_seed;
    }
    Shape infer(const std::vector<Shape>& x) const final {
        image_shape(x[0], channels_first_);
        return x[0];
    }
    bool is_view_in_inference() const final { return true; }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const final {
        if (r.training)
            train(image_shape(s.y, channels_first_), r);
        else if (r.x[0] != r.y)
            std::memcpy(r.y, r.x[0], static_cast<std::size_t>(volume(s.y)) * sizeof(T));
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const final {
        if (r.training)
            train_backward(image_shape(s.y, channels_first_), r);
        else
            std::memcpy(r.dx[0], r.dy, static_cast<std::size_t>(volume(s.y)) * sizeof(T));
    }

  protected:
    virtual void train(const ImageShape& s, const NodeRun<T>& r) const = 0;
    virtual void train_backward(const ImageShape& s, const NodeRun<T>& r) const = 0;

    // One number of [low, high) an image.
    static void draw(const NodeRun<T>& r, Range range, index_t n, double* out) {
        random_uniform(r.key, n, out);
        for (index_t i = 0; i < n; ++i) out[i] = range.low + (range.high - range.low) * out[i];
    }

  private:
    bool channels_first_;
};

template <class T>
class RandomFlipNode final : public RandomImageNode<T> {
  public:
    RandomFlipNode(bool horizontal, bool vertical, bool channels_first, std::uint64_t node_seed)
        : RandomImageNode<T>(channels_first, node_seed),
          horizontal_(horizontal),
          vertical_(vertical) {}
    const char* kind() const override { return "random_flip"; }

  private:
    void train(const ImageShape& s, const NodeRun<T>& r) const override { run(s, r, r.x[0], r.y); }
    void train_backward(const ImageShape& s, const NodeRun<T>& r) const override {
        run(s, r, r.dy, r.dx[0]);
    }
    void run(const ImageShape& s, const NodeRun<T>& r, const T* x, T* y) const {
        const Scratch<double> chosen(s.n);
        this->draw(r, {0, 1}, s.n, chosen.get());
        flip(s, horizontal_, vertical_, chosen.get(), x, y);
    }
    bool horizontal_, vertical_;
};

template <class T>
class RandomAffineNode final : public RandomImageNode<T> {
  public:
    RandomAffineNode(Motion motion, Range first, Range second, const AffineSpec& spec,
                     bool channels_first, std::uint64_t node_seed)
        : RandomImageNode<T>(channels_first, node_seed),
          motion_(motion),
          first_(first),
          second_(second),
          spec_(spec) {}
    const char* kind() const override { return "random_affine"; }

  private:
    void train(const ImageShape& s, const NodeRun<T>& r) const override {
        const Scratch<double> transforms(8 * s.n);
        draw_transforms(s, r.key, transforms.get());
        affine_transform(s, transforms.get(), spec_, r.x[0], r.y);
    }
    void train_backward(const ImageShape& s, const NodeRun<T>& r) const override {
        const Scratch<double> transforms(8 * s.n);
        draw_transforms(s, r.key, transforms.get());
        affine_transform_backward(s, transforms.get(), spec_, static_cast<const T*>(r.dy), r.dx[0]);
    }

    // Two numbers an image, whether or not both are needed.
    void draw_transforms(const ImageShape& s, const RandomKey& key, double* transforms) const {
        const Scratch<double> u(2 * s.n);
        random_uniform(key, 2 * s.n, u.get());
        for (index_t i = 0; i < s.n; ++i) {
            const double p = first_.low + (first_.high - first_.low) * u[2 * i];
            const double q = second_.low + (second_.high - second_.low) * u[2 * i + 1];
            transform(s, p, q, transforms + 8 * i);
        }
    }

    void transform(const ImageShape& s, double p, double q, double* t) const {
        const auto h = static_cast<double>(s.h), w = static_cast<double>(s.w);
        double a0 = 1, a1 = 0, b0 = 0, b1 = 1;
        if (motion_ == Motion::rotation) {
            a0 = b1 = std::cos(2 * std::numbers::pi * p);
            b0 = std::sin(2 * std::numbers::pi * p);
            a1 = -b0;
        } else if (motion_ != Motion::translation) {
            b1 = 1 + p;
            a0 = motion_ == Motion::even_zoom ? b1 : 1 + q;
        }
        double a2 = -q * w, b2 = -p * h;
        if (motion_ != Motion::translation) {  // the middle stays where it is
            const double x = (w - 1) / 2, y = (h - 1) / 2;
            a2 = x - x * a0 - y * a1;
            b2 = y - x * b0 - y * b1;
        }
        const double made[8] = {a0, a1, a2, b0, b1, b2, 0, 0};
        std::memcpy(t, made, sizeof made);
    }

    Motion motion_;
    Range first_, second_;
    AffineSpec spec_;
};

template <class T>
class RandomContrastNode final : public RandomImageNode<T> {
  public:
    RandomContrastNode(Range factor, double low, double high, bool channels_first,
                       std::uint64_t node_seed)
        : RandomImageNode<T>(channels_first, node_seed), factor_(factor), low_(low), high_(high) {}
    const char* kind() const override { return "random_contrast"; }

  private:
    void train(const ImageShape& s, const NodeRun<T>& r) const override {
        const Scratch<double> f(s.n);
        this->draw(r, factor_, s.n, f.get());
        adjust_contrast(s, f.get(), low_, high_, r.x[0], r.y);
    }
    void train_backward(const ImageShape& s, const NodeRun<T>& r) const override {
        const Scratch<double> f(s.n);
        this->draw(r, factor_, s.n, f.get());
        adjust_contrast_backward(s, f.get(), low_, high_, r.x[0], static_cast<const T*>(r.dy),
                                 r.dx[0]);
    }
    Range factor_;
    double low_, high_;
};

template <class T>
class RandomBrightnessNode final : public RandomImageNode<T> {
  public:
    RandomBrightnessNode(Range delta, double low, double high, bool channels_first,
                         std::uint64_t node_seed)
        : RandomImageNode<T>(channels_first, node_seed), delta_(delta), low_(low), high_(high) {}
    const char* kind() const override { return "random_brightness"; }

  private:
    void train(const ImageShape& s, const NodeRun<T>& r) const override {
        const Scratch<double> d(s.n);
        this->draw(r, delta_, s.n, d.get());
        adjust_brightness(s, d.get(), low_, high_, r.x[0], r.y);
    }
    void train_backward(const ImageShape& s, const NodeRun<T>& r) const override {
        const Scratch<double> d(s.n);
        this->draw(r, delta_, s.n, d.get());
        adjust_brightness_backward(s, d.get(), low_, high_, r.x[0], static_cast<const T*>(r.dy),
                                   r.dx[0]);
    }
    Range delta_;
    double low_, high_;
};

}  // namespace

template <class T>
std::unique_ptr<Node<T>> make_random_flip(bool horizontal, bool vertical, bool channels_first,
                                          std::uint64_t seed) {
    return std::make_unique<RandomFlipNode<T>>(horizontal, vertical, channels_first, seed);
}
template <class T>
std::unique_ptr<Node<T>> make_random_affine(Motion motion, Range first, Range second,
                                            const AffineSpec& spec, bool channels_first,
                                            std::uint64_t seed) {
    return std::make_unique<RandomAffineNode<T>>(motion, first, second, spec, channels_first, seed);
}
template <class T>
std::unique_ptr<Node<T>> make_random_contrast(Range factor, double low, double high,
                                              bool channels_first, std::uint64_t seed) {
    return std::make_unique<RandomContrastNode<T>>(factor, low, high, channels_first, seed);
}
template <class T>
std::unique_ptr<Node<T>> make_random_brightness(Range delta, double low, double high,
                                                bool channels_first, std::uint64_t seed) {
    return std::make_unique<RandomBrightnessNode<T>>(delta, low, high, channels_first, seed);
}

#define RV_INSTANTIATE(T)                                                                         \
    template std::unique_ptr<Node<T>> make_random_flip(bool, bool, bool, std::uint64_t);          \
    template std::unique_ptr<Node<T>> make_random_affine(Motion, Range, Range, const AffineSpec&, \
                                                         bool, std::uint64_t);                    \
    template std::unique_ptr<Node<T>> make_random_contrast(Range, double, double, bool,           \
                                                           std::uint64_t);                        \
    template std::unique_ptr<Node<T>> make_random_brightness(Range, double, double, bool,         \
                                                             std::uint64_t);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
