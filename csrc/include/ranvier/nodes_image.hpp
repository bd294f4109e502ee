// Nodes on batches of images, NHWC or NCHW. The random ones do nothing outside training and draw
// anew for each step; image i of a batch gets the same numbers whatever the batch's size.
// Defined in csrc/graph/nodes_image*.cpp.
#pragma once

#include <memory>

#include "ranvier/graph.hpp"
#include "ranvier/image.hpp"

namespace ranvier {

struct Range {
    double low = 0, high = 0;
};

// Half of the images, mirrored along the chosen axes (both together if both are).
template <class T>
std::unique_ptr<Node<T>> make_random_flip(bool horizontal, bool vertical, bool channels_first,
                                          std::uint64_t seed);

enum class Motion : int {
    rotation,     // first: the angle as a part of a whole turn
    translation,  // first: of the height, down; second: of the width, to the right
    zoom,         // first, second: height and width of what is seen, less 1
    even_zoom     // first: both
};
template <class T>
std::unique_ptr<Node<T>> make_random_affine(Motion motion, Range first, Range second,
                                            const AffineSpec& spec, bool channels_first,
                                            std::uint64_t seed);

// Contrast by a factor, or brightness by a summand, from the range; the result is clipped.
template <class T>
std::unique_ptr<Node<T>> make_random_contrast(Range factor, double low, double high,
                                              bool channels_first, std::uint64_t seed);
template <class T>
std::unique_ptr<Node<T>> make_random_brightness(Range delta, double low, double high,
                                                bool channels_first, std::uint64_t seed);

template <class T>
std::unique_ptr<Node<T>> make_resizing(index_t height, index_t width, const ResizeSpec& spec,
                                       bool channels_first);
// The middle of the image; if that is too small, its greatest part of this aspect ratio, resized.
template <class T>
std::unique_ptr<Node<T>> make_center_crop(index_t height, index_t width, bool channels_first);
// In training one window for the batch, in inference as center_crop of a small image.
template <class T>
std::unique_ptr<Node<T>> make_random_crop(index_t height, index_t width, bool channels_first,
                                          std::uint64_t seed);

}  // namespace ranvier
