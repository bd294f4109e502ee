// Convolutions: what is prepared once, and how images are divided among threads.
#include "ranvier/conv.hpp"

#include <algorithm>

#include "conv/map.hpp"
#include "conv/parts.hpp"
#include "conv/repeat.hpp"

namespace ranvier {
namespace {

// Of so many sums and more (Winograd's are four times the weights) none are kept beside what the
// gradient of the input prepares, which is as much again.
constexpr index_t kFarSums = 8 * 1024 * 1024;

template <class T>
void backward_part(const ConvShape& s, const ConvBackward<T>& b, const PartTask<T>& t) {
    const Scratch<T> sums(t.db != nullptr ? s.co : 0);
    const index_t pixels = s.out_pixels();
    const index_t chunk = t.whole ? t.i1 - t.i0 : t.chunk, image = s.in_pixels() * s.c;
    for (index_t i = t.i0; i < t.i1; i += chunk) {
        const index_t end = std::min(i + chunk, t.i1), rows = (end - i) * pixels;
        T* dy = b.dy + i * pixels * s.co;
        if (b.act != Act::linear)
            act_backward_bias(b.act, b.params, rows, s.co, b.saved + i * pixels * s.co, dy, dy,
                              t.db ? sums.get() : nullptr);
        else if (t.db)
            column_sums(rows, s.co, static_cast<const T*>(dy), sums.get());
        for (index_t j = 0; t.db && j < s.co; ++j) t.db[j] += sums[j];
        t.add_weights(i, end, b.x + i * image, dy, true);
        if (b.dx) t.transposed(i, end, dy, b.dx + i * image);
    }
}

}  // namespace

template <class T>
void conv_forward(const ConvShape& shape, const T* x, const T* w, const T* bias, Act act,
                  const ActParams& p, T* y, T* pre) {
    const ConvShape s = folded(shape);
    const index_t total = s.n * s.out_pixels() * s.co;
    if (total == 0) return;
    if (repeats_channels(s)) return repeated_forward(s, x, w, bias, act, p, y, pre);
    Finish<T> finish;
    finish.bias = bias;
    finish.relu = pre == nullptr && relu_in_kernel(act, p);
    finish.slope = static_cast<T>(p.a);
    T* to = pre ? pre : y;
    {
        const ImageMapPtr<T> map = forward_map(s, w, finish, true);
        map->flops_of_image = s.flops() / static_cast<double>(s.n);
        apply(*map, s.n, x, to);
    }
    if (act != Act::linear && !finish.relu)
        act_forward(act, p, total, static_cast<const T*>(to), y);
    if (act == Act::linear && pre) std::copy_n(pre, total, y);
}

template <class T>
void conv_backward(const ConvShape& shape, const ConvBackward<T>& b) {
    const ConvShape s = folded(shape);
    if (s.n * s.out_pixels() * s.co == 0 || s.n * s.in_pixels() * s.c == 0) {
        if (b.dx) std::fill_n(b.dx, s.n * s.in_pixels() * s.c, T(0));
        if (b.dw) std::fill_n(b.dw, s.weights(), T(0));
        if (b.db) std::fill_n(b.db, s.co, T(0));
        return;
    }
    if (repeats_channels(s)) return repeated_backward(s, b);
    if (b.dw && b.dx && weight_sum<T>(s)->size() * static_cast<index_t>(sizeof(T)) > kFarSums) {
        ConvBackward<T> weights = b;
        weights.dx = nullptr;
        conv_backward(s, weights);
        return conv_transpose(s, static_cast<const T*>(b.dy), b.w, static_cast<const T*>(nullptr),
                              b.dx);
    }
    backward_in_parts<T>(s, b, [&](const PartTask<T>& t) { backward_part(s, b, t); });
}

template <class T>
void conv_transpose(const ConvShape& shape, const T* y, const T* w, const T* bias, T* x) {
    const ConvShape s = folded(shape);
    if (s.n * s.in_pixels() * s.c == 0) return;
    if (repeats_channels(s)) return repeated_transpose(s, y, w, bias, x);
    Finish<T> finish;
    finish.bias = bias;
    const ImageMapPtr<T> map = transpose_map(s, w, finish, true);
    map->flops_of_image = s.flops() / static_cast<double>(s.n);
    apply(*map, s.n, y, x);
}

template <class T>
void conv_weights(const ConvShape& shape, const T* x, const T* dy, T* dw) {
    ConvBackward<T> b;
    b.x = x;
    b.dy = const_cast<T*>(dy);  // a linear activation leaves it as it is
    b.dw = dw;
    conv_backward(shape, b);
}

#define RV_INSTANTIATE(T)                                                             \
    template void conv_forward(const ConvShape&, const T*, const T*, const T*, Act,   \
                               const ActParams&, T*, T*);                             \
    template void conv_backward(const ConvShape&, const ConvBackward<T>&);            \
    template void conv_transpose(const ConvShape&, const T*, const T*, const T*, T*); \
    template void conv_weights(const ConvShape&, const T*, const T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
