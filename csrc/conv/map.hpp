// Linear maps of images, prepared once for their weights and then applied to any of the images by
// any thread: the forward pass of a convolution and the gradient of its input.
#pragma once

#include <memory>

#include "conv/window.hpp"

namespace ranvier {

template <class T>
class ImageMap {
  public:
    virtual ~ImageMap() = default;
    // Images i0..i1 of x and y, which are whole batches.
    virtual void images(index_t i0, index_t i1, const T* x, T* y) const = 0;
    // Part `part` of `parts` of one image.
    virtual void part(index_t image, index_t part, index_t parts, const T* x, T* y) const = 0;
    // Does images() divide what it has among threads itself?
    virtual bool divides_itself() const { return false; }
    double flops_of_image = 0;
};
template <class T>
using ImageMapPtr = std::unique_ptr<ImageMap<T>>;

// What follows the sum: y = relu(sum + bias) or just sum + bias; bias may be null.
template <class T>
struct Finish {
    const T* bias = nullptr;
    bool relu = false;
    T slope = T(0);
};

// y = conv(x, w), and its transpose. `once`: all images are to be mapped in one call, so that what
// is prepared of the weights need not be kept. The maps own scratch of the calling thread: the last
// one made must be the first to go.
template <class T>
ImageMapPtr<T> forward_map(const ConvShape& s, const T* w, const Finish<T>& finish, bool once);
template <class T>
ImageMapPtr<T> transpose_map(const ConvShape& s, const T* w, const Finish<T>& finish, bool once);

// Threads for `flops` over some images. To divide fewer images than threads is to predict for
// somebody who waits: a neighbour who keeps one thread from running must not cost more than the
// others save, so there the work of each must be worth a third of a millisecond.
inline int threads_for_images(double flops, index_t images) {
    const int threads = threads_for(flops);
    return images < threads ? threads_for(flops / 8) : threads;
}

// All images, divided among threads.
template <class T>
void apply(const ImageMap<T>& map, index_t images, const T* x, T* y);

// A convolution's weight gradient, summed over images in the order in which they come.
template <class T>
class WeightSum {
  public:
    virtual ~WeightSum() = default;
    // Elements that the sums of a part of the batch take.
    virtual index_t size() const = 0;
    // Are parts of so many images to come whole, in one call of add()?
    virtual bool wants_all(index_t /*images*/) const { return false; }
    // Elements of scratch for parts of so many images.
    virtual index_t scratch(index_t /*images*/) const { return 0; }
    // Images i0..i1; as many more follow them in x and dy. The first ones find anything in
    // `scratch` and dw, after the last ones dw is the sum.
    virtual void add(index_t i0, index_t i1, index_t more, const T* x, const T* dy, bool first,
                     bool last, T* scratch, T* dw) const = 0;
};
template <class T>
std::unique_ptr<WeightSum<T>> weight_sum(const ConvShape& s);

// Winograd's way (winograd.hpp), of floats, where it pays.
bool winograd_pays(const ConvShape& s, bool transposed);
inline index_t winograd_points(const ConvShape& s) { return 36 * s.c * s.co; }
ImageMapPtr<float> winograd_map(const ConvShape& s, const float* w, const Finish<float>& finish,
                                bool transposed, bool once);
std::unique_ptr<WeightSum<float>> winograd_weight_sum(const ConvShape& s);

// One tap, no stride, one group: pixels are rows of a plain product.
bool is_pointwise(const ConvShape& s);
// The same convolution with the axes that are not needed folded into n.
ConvShape folded(const ConvShape& s);

}  // namespace ranvier
