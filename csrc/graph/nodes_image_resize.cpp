// Resizing and the crops: each chooses a part of the image and brings it to its size.
#include <algorithm>
#include <stdexcept>

#include "ranvier/nodes_image.hpp"
#include "ranvier/text.hpp"

namespace ranvier {
namespace {

template <class T>
class ResizeNode : public Node<T> {
  public:
    ResizeNode(index_t height, index_t width, const ResizeSpec& spec, bool channels_first)
        : height_(height), width_(width), spec_(spec), channels_first_(channels_first) {}

    const char* kind() const override { return "resizing"; }
    Shape infer(const std::vector<Shape>& x) const final {
        ImageShape s = image_shape(x[0], channels_first_);
        if (s.h == 0 || s.w == 0)
            throw std::invalid_argument(Text("images of no pixels cannot be resized; got shape ") +
                                        to_string(x[0]));
        if (height_ > kMaxImageSide || width_ > kMaxImageSide)
            throw std::invalid_argument(Text("an image must have at most ") +
                                        std::to_string(kMaxImageSide) + " pixels a side");
        s.h = height_;
        s.w = width_;
        return batch_shape(s, channels_first_);
    }
    double flops(const NodeShapes& s) const final { return 8 * static_cast<double>(volume(s.y)); }
    void forward(const NodeShapes& s, const NodeRun<T>& r) const final {
        const ImageShape in = image_shape(s.x[0], channels_first_);
        resize(in, frame(in, r), spec_, height_, width_, r.x[0], r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const final {
        const ImageShape in = image_shape(s.x[0], channels_first_);
        resize_backward(in, frame(in, r), spec_, height_, width_, static_cast<const T*>(r.dy),
                        r.dx[0]);
    }

  protected:
    virtual Frame frame(const ImageShape& in, const NodeRun<T>&) const {
        return frame_of(spec_.aspect, in.h, in.w, height_, width_);
    }
    index_t height_, width_;

  private:
    ResizeSpec spec_;
    bool channels_first_;
};

template <class T>
class CenterCropNode final : public ResizeNode<T> {
  public:
    CenterCropNode(index_t height, index_t width, bool channels_first)
        : ResizeNode<T>(height, width, {}, channels_first) {}
    const char* kind() const override { return "center_crop"; }

  private:
    Frame frame(const ImageShape& in, const NodeRun<T>&) const override {
        const index_t h = this->height_, w = this->width_;
        if (in.h < h || in.w < w) return frame_of(Aspect::crop, in.h, in.w, h, w);
        return window((in.h - h) / 2, (in.w - w) / 2, h, w);
    }
};

template <class T>
class RandomCropNode final : public ResizeNode<T> {
  public:
    RandomCropNode(index_t height, index_t width, bool channels_first, std::uint64_t node_seed)
        : ResizeNode<T>(height, width, {}, channels_first) {
        this->seed = node_seed;
    }
    const char* kind() const override { return "random_crop"; }

  private:
    Frame frame(const ImageShape& in, const NodeRun<T>& r) const override {
        const index_t h = this->height_, w = this->width_;
        const Frame middle = frame_of(Aspect::crop, in.h, in.w, h, w);
        if (!r.training) return middle;
        // Keras draws only if there is room both ways, and does not resize what it cuts out of the
        // middle unless that is too small.
        index_t y = middle.y, x = middle.x;
        if (in.h > h && in.w > w) {
            double u[2];
            random_uniform(r.key, 2, u);
            y = static_cast<index_t>(u[0] * static_cast<double>(in.h - h + 1));
            x = static_cast<index_t>(u[1] * static_cast<double>(in.w - w + 1));
        }
        return window(y, x, std::min(h, in.h - y), std::min(w, in.w - x));
    }
};

}  // namespace

template <class T>
std::unique_ptr<Node<T>> make_resizing(index_t height, index_t width, const ResizeSpec& spec,
                                       bool channels_first) {
    return std::make_unique<ResizeNode<T>>(height, width, spec, channels_first);
}
template <class T>
std::unique_ptr<Node<T>> make_center_crop(index_t height, index_t width, bool channels_first) {
    return std::make_unique<CenterCropNode<T>>(height, width, channels_first);
}
template <class T>
std::unique_ptr<Node<T>> make_random_crop(index_t height, index_t width, bool channels_first,
                                          std::uint64_t seed) {
    return std::make_unique<RandomCropNode<T>>(height, width, channels_first, seed);
}

#define RV_INSTANTIATE(T)                                                                       \
    template std::unique_ptr<Node<T>> make_resizing(index_t, index_t, const ResizeSpec&, bool); \
    template std::unique_ptr<Node<T>> make_center_crop(index_t, index_t, bool);                 \
    template std::unique_ptr<Node<T>> make_random_crop(index_t, index_t, bool, std::uint64_t);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
