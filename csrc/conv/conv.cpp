// Convolutions: what is prepared once, and how images are divided among threads.
#include "ranvier/conv.hpp"

#include <algorithm>
#include <cstring>

#include "conv/map.hpp"
#include "conv/repeat.hpp"

namespace ranvier {
namespace {

// The gradient of the weights is summed in so many parts at most, fewer if their sums would take
// more than this: both depend on the problem alone, so that threads do not change the result.
constexpr index_t kParts = 8;
constexpr index_t kPartBytes = 48 * 1024 * 1024;
// Images whose pixels take about so much are worked on together, while they are in L2.
constexpr index_t kChunkBytes = 384 * 1024;

template <class T>
struct Parts {
    const ConvShape& s;
    index_t count, chunk;

    Parts(const ConvShape& shape, index_t sum) : s(shape) {
        const index_t bytes = std::max<index_t>(1, sum * static_cast<index_t>(sizeof(T)));
        count = std::clamp<index_t>(kPartBytes / bytes, 1, std::min(kParts, s.n));
        const index_t image =
            (s.in_pixels() * s.c + s.out_pixels() * s.co) * static_cast<index_t>(sizeof(T));
        chunk = std::max<index_t>(1, kChunkBytes / image);
    }
    index_t begin(index_t part) const { return s.n * part / count; }
};

// What one part of the images adds to the sums: dw's and db's.
template <class T>
void backward_part(const ConvShape& s, const ConvBackward<T>& b, const ImageMap<T>* to_x,
                   const WeightSum<T>* to_w, index_t i0, index_t i1, index_t chunk, T* dw, T* db) {
    const Scratch<T> sums(db != nullptr ? s.co : 0);
    const index_t pixels = s.out_pixels();
    if (dw) std::memset(dw, 0, static_cast<std::size_t>(to_w->size()) * sizeof(T));
    if (db) std::memset(db, 0, static_cast<std::size_t>(s.co) * sizeof(T));
    for (index_t i = i0; i < i1; i += chunk) {
        const index_t end = std::min(i + chunk, i1), rows = (end - i) * pixels;
        T* dy = b.dy + i * pixels * s.co;
        if (b.act != Act::linear)
            act_backward_bias(b.act, b.params, rows, s.co, b.saved + i * pixels * s.co, dy, dy,
                              db ? sums.get() : nullptr);
        else if (db)
            column_sums(rows, s.co, static_cast<const T*>(dy), sums.get());
        for (index_t j = 0; db && j < s.co; ++j) db[j] += sums[j];
        if (dw) to_w->add(i, end, b.x, b.dy, dw);
        if (b.dx) to_x->images(i, end, b.dy, b.dx);
    }
}

template <class T>
void backward(const ConvShape& s, const ConvBackward<T>& b) {
    ImageMapPtr<T> to_x;
    if (b.dx) to_x = transpose_map<T>(s, b.w, {});
    std::unique_ptr<WeightSum<T>> to_w;
    if (b.dw) to_w = weight_sum<T>(s);
    const index_t size = to_w ? to_w->size() : 0, stride = size + s.co;
    const Parts<T> parts(s, stride);
    const Scratch<T> sums(parts.count * stride);
    const double work = s.flops() * ((b.dx != nullptr) + (b.dw != nullptr)) +
                        4.0 * static_cast<double>(s.n * s.out_pixels() * s.co);
    parallel_for(threads_for(work), parts.count, [&](index_t i) {
        T* sum = sums.get() + i * stride;
        backward_part(s, b, to_x.get(), to_w.get(), parts.begin(i), parts.begin(i + 1), parts.chunk,
                      b.dw ? sum : nullptr, b.db ? sum + size : nullptr);
    });
    for (index_t i = 1; i < parts.count; ++i)
        for (index_t j = b.dw ? 0 : size; j < (b.db ? stride : size); ++j)
            sums[j] += sums[i * stride + j];
    if (b.dw) to_w->finish(sums.get(), b.dw);
    if (b.db) std::copy_n(sums.get() + size, s.co, b.db);
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
        const ImageMapPtr<T> map = forward_map(s, w, finish);
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
    backward(s, b);
}

template <class T>
void conv_transpose(const ConvShape& shape, const T* y, const T* w, const T* bias, T* x) {
    const ConvShape s = folded(shape);
    if (s.n * s.in_pixels() * s.c == 0) return;
    if (repeats_channels(s)) return repeated_transpose(s, y, w, bias, x);
    Finish<T> finish;
    finish.bias = bias;
    const ImageMapPtr<T> map = transpose_map(s, w, finish);
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
