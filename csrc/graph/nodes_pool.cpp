// Pooling, global and adaptive pooling, upsampling, zero padding, cropping.
#include "ranvier/nodes_pool.hpp"
#include "ranvier/text.hpp"

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
            throw std::invalid_argument(Text("expected a sample of ") + std::to_string(axes_ + 1) +
                                        " axes; got shape " + to_string(x[0]));
        if (positions(x[0]) == 0)
            throw std::invalid_argument(Text("nothing to pool in input of shape ") +
                                        to_string(x[0]));
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
    std::size_t cache_bytes(const NodeShapes& s) const override {
        return max_ ? static_cast<std::size_t>(volume(s.y) * Windows(*this, s.x[0]).index) : 0;
    }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const Windows w(*this, s.x[0]);
        if (w.even && max_) return max_pool<T>(w.small, r.x[0], r.y, r.cache);
        if (w.even) return average_pool<T>(w.small, r.x[0], r.y);
        each(w, s, [&](const PoolShape& p, index_t from, index_t to) {
            if (max_)
                maxpool_forward<T>(p, 0, 1, r.x[0] + from, r.y + to, index(w, r, to));
            else
                avgpool_forward<T>(p, 0, 1, r.x[0] + from, r.y + to);
        });
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const Windows w(*this, s.x[0]);
        if (w.even && max_) return max_pool_backward<T>(w.small, r.dy, r.cache, r.dx[0]);
        if (w.even) return average_pool_backward<T>(w.small, r.dy, r.dx[0]);
        std::fill_n(r.dx[0], volume(s.x[0]), T(0));
        each(w, s, [&](const PoolShape& p, index_t from, index_t to) {
            const Scratch<T> dx(p.in_image());
            if (max_)
                maxpool_backward<T>(p, 0, 1, r.dy + to, index(w, r, to), dx.get());
            else
                avgpool_backward<T>(p, 0, 1, r.dy + to, dx.get());
            add_inplace(p.in_image(), dx.get(), r.dx[0] + from);
        });
    }

  private:
    // The axis as one run of windows for each of `outer` parts, `inner` elements a step. Windows
    // have ceil(length / size) steps, or one more; if all are alike, they are plain pooling's.
    struct Windows {
        index_t outer, length, inner, index = 1;
        bool even;
        PoolShape small, large;

        Windows(const AdaptivePoolNode& node, const Shape& x)
            : length(x[node.axis_]), inner(volume(x, node.axis_ + 1)) {
            outer = 1;
            for (std::size_t i = 0; i < node.axis_; ++i) outer *= x[i];
            even = length % node.size_ == 0;
            const index_t steps = (length + node.size_ - 1) / node.size_;
            small = pool_shape({even ? outer : 1, even ? length : steps, inner}, {steps}, {steps},
                               false);
            if (!even) large = pool_shape({1, steps + 1, inner}, {steps + 1}, {steps + 1}, false);
            index = std::max(small.index_bytes(), large.index_bytes());
        }
    };

    static void* index(const Windows& w, const NodeRun<T>& r, index_t to) {
        return r.cache == nullptr ? nullptr : static_cast<char*>(r.cache) + to * w.index;
    }

    // body(window, where it begins in x, where it goes in y). Windows may overlap: those of one
    // part are one task.
    template <class F>
    void each(const Windows& w, const NodeShapes& s, F&& body) const {
        const int threads = threads_for(4.0 * sizeof(T) * static_cast<double>(volume(s.x[0])));
        parallel_for(w.outer < threads ? 1 : threads, w.outer, [&](index_t o) {
            for (index_t i = 0; i < size_; ++i) {
                const index_t first = i * w.length / size_;
                const index_t end = ((i + 1) * w.length + size_ - 1) / size_;
                body(end - first == w.small.in[2] ? w.small : w.large,
                     (o * w.length + first) * w.inner, (o * size_ + i) * w.inner);
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
