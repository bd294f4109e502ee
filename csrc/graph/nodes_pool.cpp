// Pooling, global and adaptive pooling, upsampling, zero padding, cropping.
#include "ranvier/nodes_pool.hpp"

#include <algorithm>
#include <stdexcept>

#include "ranvier/pool.hpp"

namespace ranvier {
namespace {

template <class T>
class PoolNode final : public Node<T> {
  public:
    PoolNode(Pool kind, const Shape& window, const Shape& stride, bool same)
        : max_(kind == Pool::max), window_{window, stride, same} {}

    const char* kind() const override { return max_ ? "max_pool" : "average_pool"; }
    Shape infer(const std::vector<Shape>& x) const override {
        return pool_output_shape(shape(x[0]), window_.window.size());
    }
    const MaxPoolWindow* max_pool_window() const override { return max_ ? &window_ : nullptr; }
    double flops(const NodeShapes& s) const override {
        return 4.0 * static_cast<double>(volume(s.x[0]));
    }
    std::size_t cache_bytes(const NodeShapes& s) const override {
        if (!max_) return 0;
        return static_cast<std::size_t>(volume(s.y) * shape(s.x[0]).index_bytes());
    }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        if (max_)
            max_pool(shape(s.x[0]), r.x[0], r.y, r.cache);
        else
            average_pool(shape(s.x[0]), r.x[0], r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        if (max_)
            max_pool_backward<T>(shape(s.x[0]), r.dy, r.cache, r.dx[0]);
        else
            average_pool_backward<T>(shape(s.x[0]), r.dy, r.dx[0]);
    }

  private:
    PoolShape shape(const Shape& x) const {
        return pool_shape(x, window_.window, window_.stride, window_.same);
    }

    bool max_;
    MaxPoolWindow window_;
};

template <class T>
class GlobalPoolNode final : public Node<T> {
  public:
    GlobalPoolNode(Pool kind, std::size_t axes, bool keepdims)
        : max_(kind == Pool::max), axes_(axes), keepdims_(keepdims) {}

    const char* kind() const override { return max_ ? "global_max_pool" : "global_average_pool"; }
    Shape infer(const std::vector<Shape>& x) const override {
        if (x[0].size() != axes_ + 2)
            throw std::invalid_argument("expected a sample of " + std::to_string(axes_ + 1) +
                                        " axes; got shape " + to_string(x[0]));
        if (positions(x[0]) == 0)
            throw std::invalid_argument("nothing to pool in input of shape " + to_string(x[0]));
        Shape y{x[0].front()};
        if (keepdims_) y.insert(y.end(), axes_, 1);
        y.push_back(x[0].back());
        return y;
    }
    double flops(const NodeShapes& s) const override { return static_cast<double>(volume(s.x[0])); }
    bool backward_reads_y() const override { return max_; }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        (max_ ? global_max_pool<T> : global_average_pool<T>)(s.y[0], positions(s.x[0]), s.y.back(),
                                                             r.x[0], r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const index_t n = s.y[0], p = positions(s.x[0]), c = s.y.back();
        if (max_)
            global_max_pool_backward<T>(n, p, c, r.x[0], r.y, r.dy, r.dx[0]);
        else
            global_average_pool_backward<T>(n, p, c, r.dy, r.dx[0]);
    }

  private:
    static index_t positions(const Shape& x) { return volume(Shape(x.begin() + 1, x.end() - 1)); }

    bool max_;
    std::size_t axes_;
    bool keepdims_;
};

template <class T>
class AdaptivePoolNode final : public Node<T> {
  public:
    AdaptivePoolNode(Pool kind, std::size_t axis, index_t size)
        : max_(kind == Pool::max), axis_(axis), size_(size) {}

    const char* kind() const override {
        return max_ ? "adaptive_max_pool" : "adaptive_average_pool";
    }
    Shape infer(const std::vector<Shape>& x) const override {
        Shape y = x[0];
        if (y.size() <= axis_ || y[axis_] == 0)
            throw std::invalid_argument("nothing to pool in input of shape " + to_string(y));
        y[axis_] = size_;
        return y;
    }
    double flops(const NodeShapes& s) const override { return static_cast<double>(volume(s.x[0])); }
    bool backward_reads_y() const override { return max_; }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        if (is_even(s)) {
            if (max_) return max_pool<T>(even(s), r.x[0], r.y, nullptr);
            return average_pool<T>(even(s), r.x[0], r.y);
        }
        each_window(s, [&](index_t from, index_t to, index_t steps, index_t inner) {
            T* y = r.y + to;
            for (index_t t = 0; t < steps; ++t) {
                const T* x = r.x[0] + from + t * inner;
                for (index_t j = 0; j < inner; ++j)
                    if (t == 0)
                        y[j] = x[j];
                    else if (!max_)
                        y[j] += x[j];
                    else if (!(x[j] <= y[j]) && y[j] == y[j])  // NaN comes, and stays
                        y[j] = x[j];
            }
            const T count = static_cast<T>(steps);
            if (!max_)
                for (index_t j = 0; j < inner; ++j) y[j] /= count;
        });
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        if (!max_ && is_even(s)) return average_pool_backward<T>(even(s), r.dy, r.dx[0]);
        std::fill_n(r.dx[0], volume(s.x[0]), T(0));
        each_window(s, [&](index_t from, index_t to, index_t steps, index_t inner) {
            const T count = static_cast<T>(steps);
            for (index_t j = 0; j < inner; ++j) {
                const T dy = r.dy[to + j], y = max_ ? r.y[to + j] : T(0);
                const T* x = r.x[0] + from + j;
                T* dx = r.dx[0] + from + j;
                index_t t = 0;
                if (max_) {
                    while (t < steps - 1 &&
                           (y == y ? x[t * inner] != y : x[t * inner] == x[t * inner]))
                        ++t;
                    dx[t * inner] += dy;
                } else {
                    for (; t < steps; ++t) dx[t * inner] += dy / count;
                }
            }
        });
    }

  private:
    static index_t before(const Shape& x, std::size_t axis) {
        return volume(Shape(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(axis)));
    }
    // Windows that are alike and do not overlap are those of plain pooling.
    bool is_even(const NodeShapes& s) const { return s.x[0][axis_] % size_ == 0; }
    PoolShape even(const NodeShapes& s) const {
        const Shape& x = s.x[0];
        const index_t window = x[axis_] / size_;
        return pool_shape({before(x, axis_), x[axis_], volume(x, axis_ + 1)}, {window}, {window},
                          false);
    }
    // body(where the window begins in x, where it goes in y, its steps, elements a step); windows
    // may overlap: those of one run of the axis are one task.
    template <class F>
    void each_window(const NodeShapes& s, F&& body) const {
        const Shape& x = s.x[0];
        const index_t length = x[axis_], inner = volume(x, axis_ + 1), outer = before(x, axis_);
        const int threads = threads_for(4.0 * sizeof(T) * static_cast<double>(volume(x)));
        parallel_for(outer < threads ? 1 : threads, outer, [&](index_t o) {
            for (index_t i = 0; i < size_; ++i) {
                const index_t first = i * length / size_;
                const index_t end = ((i + 1) * length + size_ - 1) / size_;
                body((o * length + first) * inner, (o * size_ + i) * inner, end - first, inner);
            }
        });
    }

    bool max_;
    std::size_t axis_;
    index_t size_;
};

template <class T>
class UpsampleNode final : public Node<T> {
  public:
    UpsampleNode(const Shape& size, bool bilinear) : size_(size), bilinear_(bilinear) {
        if (bilinear && size.size() != 2)
            throw std::invalid_argument("bilinear upsampling wants two spatial axes");
    }

    const char* kind() const override { return bilinear_ ? "upsample_bilinear" : "upsample"; }
    Shape infer(const std::vector<Shape>& x) const override {
        const PoolShape s = upsample_shape(x[0], size_);
        Shape y = x[0];
        for (std::size_t i = 0; i < size_.size(); ++i) y[1 + i] = s.in[3 - size_.size() + i];
        return y;
    }
    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        if (bilinear_)
            upsample_bilinear(bilinear(s.x[0]), r.x[0], r.y);
        else
            upsample(upsample_shape(s.x[0], size_), r.x[0], r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        if (bilinear_)
            upsample_bilinear_backward<T>(bilinear(s.x[0]), r.dy, r.dx[0]);
        else
            upsample_backward<T>(upsample_shape(s.x[0], size_), r.dy, r.dx[0]);
    }

  private:
    BilinearShape bilinear(const Shape& x) const {
        return {x[0], x[1], x[2], x[3], size_[0], size_[1]};
    }

    Shape size_;
    bool bilinear_;
};

template <class T>
class FrameNode final : public Node<T> {
  public:
    FrameNode(const Shape& before, const Shape& after, bool grow)
        : before_(before), after_(after), grow_(grow) {}

    const char* kind() const override { return grow_ ? "zero_pad" : "crop"; }
    Shape infer(const std::vector<Shape>& x) const override {
        const FrameShape s = shape(x[0]);
        const std::size_t axes = before_.size();
        Shape y = x[0];
        for (std::size_t i = 0; i < axes; ++i) y[1 + i] = (grow_ ? s.outer : s.inner)[3 - axes + i];
        return y;
    }
    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        (grow_ ? zero_pad<T> : crop<T>)(shape(s.x[0]), r.x[0], r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        (grow_ ? crop<T> : zero_pad<T>)(shape(s.x[0]), r.dy, r.dx[0]);
    }

  private:
    FrameShape shape(const Shape& x) const { return frame_shape(x, before_, after_, grow_); }

    Shape before_, after_;
    bool grow_;
};

}  // namespace

template <class T>
NodePtr<T> make_pool(Pool kind, const Shape& window, const Shape& stride, bool same) {
    return std::make_unique<PoolNode<T>>(kind, window, stride, same);
}
template <class T>
NodePtr<T> make_global_pool(Pool kind, std::size_t axes, bool keepdims) {
    return std::make_unique<GlobalPoolNode<T>>(kind, axes, keepdims);
}
template <class T>
NodePtr<T> make_adaptive_pool(Pool kind, std::size_t axis, index_t size) {
    return std::make_unique<AdaptivePoolNode<T>>(kind, axis, size);
}
template <class T>
NodePtr<T> make_upsample(const Shape& size, bool bilinear) {
    return std::make_unique<UpsampleNode<T>>(size, bilinear);
}
template <class T>
NodePtr<T> make_frame(const Shape& before, const Shape& after, bool grow) {
    return std::make_unique<FrameNode<T>>(before, after, grow);
}

#define RV_INSTANTIATE(T)                                                  \
    template NodePtr<T> make_pool(Pool, const Shape&, const Shape&, bool); \
    template NodePtr<T> make_global_pool(Pool, std::size_t, bool);         \
    template NodePtr<T> make_adaptive_pool(Pool, std::size_t, index_t);    \
    template NodePtr<T> make_upsample(const Shape&, bool);                 \
    template NodePtr<T> make_frame(const Shape&, const Shape&, bool);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
