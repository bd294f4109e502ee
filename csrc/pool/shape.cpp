// Where windows lie, and what is refused.
#include <cstdint>
#include <stdexcept>

#include "ranvier/graph.hpp"
#include "ranvier/pool.hpp"
#include "ranvier/text.hpp"

namespace ranvier {
namespace {

constexpr index_t kMost = INT32_MAX;  // of a window's extent, a stride, a padding

// std::bad_alloc if there cannot be so many elements, nor would be if none of the extents were 0.
// Called at each step, so without a Shape.
void require_volume(index_t n, index_t c, const index_t* extents) {
    index_t total = 1;
    for (index_t more : {n, c, extents[0], extents[1], extents[2]})
        if (__builtin_mul_overflow(total, more > 0 ? more : 1, &total) || total > PTRDIFF_MAX / 16)
            throw std::bad_alloc();
}

// The spatial axes of x into the last of three; the batch and the channels beside them.
void set_extents(const Shape& x, std::size_t axes, index_t* extents, index_t& n, index_t& c) {
    static constexpr const char* kLetters[] = {"(N, W, C)", "(N, H, W, C)", "(N, D, H, W, C)"};
    if (axes < 1 || axes > 3)
        throw std::invalid_argument(Text("expected 1, 2 or 3 spatial axes; got ") +
                                    std::to_string(axes));
    if (x.size() != axes + 2)
        throw std::invalid_argument(Text("expected input ") + kLetters[axes - 1] + "; got shape " +
                                    to_string(x));
    n = x.front();
    c = x.back();
    for (std::size_t i = 0; i < axes; ++i) extents[3 - axes + i] = x[1 + i];
    require_volume(n, c, extents);
}
void require_range(const char* what, const Shape& values, std::size_t axes, index_t low) {
    bool fits = values.size() == axes;
    for (index_t v : values) fits = fits && v >= low && v <= kMost;
    if (!fits)
        throw std::invalid_argument(Text(what) + " must be " + std::to_string(axes) +
                                    " integers in " + std::to_string(low) + ".." +
                                    std::to_string(kMost) + "; got " + to_string(values));
}

}  // namespace

PoolShape pool_shape(const Shape& x, const Shape& window, const Shape& stride, bool same) {
    const std::size_t axes = window.size();
    require_range("window", window, axes, 1);
    require_range("strides", stride, axes, 1);
    PoolShape s;
    set_extents(x, axes, s.in, s.n, s.c);
    double positions = 1;
    for (std::size_t i = 0; i < axes; ++i) {
        const std::size_t a = 3 - axes + i;
        const index_t in = s.in[a], size = window[i], step = stride[i];
        if (in < (same ? 1 : size))
            throw std::invalid_argument(Text("a window of ") + to_string(window) +
                                        " does not fit into input of shape " + to_string(x));
        s.out[a] = same ? (in - 1) / step + 1 : (in - size) / step + 1;
        const index_t padding = (s.out[a] - 1) * step + size - in;
        s.before[a] = same && padding > 0 ? padding / 2 : 0;
        s.window[a] = size;
        s.stride[a] = step;
        if (s.out[a] == 1) {  // only what it covers matters
            const index_t end = size - s.before[a] < in ? size - s.before[a] : in;
            s.before[a] = 0;
            s.window[a] = s.stride[a] = end;
        }
        positions *= static_cast<double>(s.window[a] < in ? s.window[a] : in);
    }
    if (positions > kMost)
        throw std::invalid_argument(Text("a window of more than 2^31 - 1 elements: ") +
                                    to_string(window));
    s.wide_index = positions > 256;
    return s;
}

Shape pool_output_shape(const PoolShape& s, std::size_t spatial_axes) {
    Shape y{s.n};
    y.insert(y.end(), s.out + 3 - spatial_axes, s.out + 3);
    y.push_back(s.c);
    return y;
}

PoolShape upsample_shape(const Shape& x, const Shape& size) {
    require_range("size", size, size.size(), 1);
    PoolShape s;
    set_extents(x, size.size(), s.out, s.n, s.c);
    for (std::size_t i = 0; i < size.size(); ++i) s.window[3 - size.size() + i] = size[i];
    for (int a = 0; a < 3; ++a) {
        s.stride[a] = s.window[a];
        if (__builtin_mul_overflow(s.out[a], s.window[a], &s.in[a])) throw std::bad_alloc();
    }
    require_volume(s.n, s.c, s.in);
    s.mean = false;
    return s;
}

FrameShape frame_shape(const Shape& x, const Shape& before, const Shape& after, bool grow) {
    const std::size_t axes = before.size();
    const char* what = grow ? "padding" : "cropping";
    require_range(what, before, axes, 0);
    require_range(what, after, axes, 0);
    FrameShape s;
    set_extents(x, axes, grow ? s.inner : s.outer, s.n, s.c);
    for (std::size_t i = 0; i < axes; ++i) {
        const std::size_t a = 3 - axes + i;
        s.before[a] = before[i];
        if (grow)
            s.outer[a] = s.inner[a] + before[i] + after[i];
        else
            s.inner[a] = s.outer[a] - before[i] - after[i];
        if (s.inner[a] < 1 && !grow)
            throw std::invalid_argument(Text("cropping ") + to_string(before) + " and " +
                                        to_string(after) + " leaves nothing of input of shape " +
                                        to_string(x));
    }
    if (grow) require_volume(s.n, s.c, s.outer);
    return s;
}

}  // namespace ranvier
