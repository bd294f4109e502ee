// Convolution and max pooling in one: the larger of the two outputs stays in cache.
#include <algorithm>

#include "conv/map.hpp"
#include "conv/parts.hpp"

namespace ranvier {
namespace {

// Images worked on at a time: their unpooled output takes about so much.
constexpr index_t kBytes = 512 * 1024;

template <class T>
index_t images_at_once(const ConvShape& s) {
    const index_t image = s.out_pixels() * s.co * static_cast<index_t>(sizeof(T));
    return std::clamp<index_t>(kBytes / image, 1, s.n);
}

void* index_of(const PoolShape& p, void* index, index_t image) {
    if (index == nullptr) return nullptr;
    return static_cast<char*>(index) + image * p.out_image() * p.index_bytes();
}

template <class T>
ActParams relu_of(const ConvPool<T>& s) {
    return {static_cast<double>(s.slope), __builtin_inf(), 0.0};
}

// Images i0..i1, on the calling thread.
template <class T>
void forward_images(const ConvPool<T>& s, const ImageMap<T>& map, index_t i0, index_t i1,
                    const T* x, T* y, void* index) {
    const ConvShape& c = s.conv;
    const index_t most = std::min(images_at_once<T>(c), i1 - i0);
    const index_t image = c.in_pixels() * c.c, pooled = s.pool.out_image();
    const Scratch<T> unpooled(most * c.out_pixels() * c.co);
    for (index_t i = i0, end; i < i1; i = end) {
        end = std::min(i + most, i1);
        map.images(0, end - i, x + i * image, unpooled.get());
        maxpool_forward(s.pool, 0, end - i, static_cast<const T*>(unpooled.get()), y + i * pooled,
                        index_of(s.pool, index, i));
        if (s.relu)
            act_forward(Act::relu, relu_of(s), (end - i) * pooled,
                        static_cast<const T*>(y + i * pooled), y + i * pooled);
    }
}

template <class T>
void backward_images(const ConvPool<T>& s, const ConvBackward<T>& b, const void* index,
                     const PartTask<T>& t) {
    const ConvShape& c = s.conv;
    const index_t all = t.i1 - t.i0, most = t.whole ? all : std::min(images_at_once<T>(c), all);
    const index_t image = c.in_pixels() * c.c, pooled = s.pool.out_image();
    const Scratch<T> unpooled(most * c.out_pixels() * c.co);
    const Scratch<T> sums(c.co);
    for (index_t i = t.i0, end; i < t.i1; i = end) {
        end = std::min(i + most, t.i1);
        T* dy = b.dy + i * pooled;
        const index_t rows = (end - i) * pooled / c.co;
        if (s.relu)
            act_backward_bias(Act::relu, relu_of(s), rows, c.co, b.saved + i * pooled, dy, dy,
                              t.db ? sums.get() : nullptr);
        else if (t.db)
            column_sums(rows, c.co, static_cast<const T*>(dy), sums.get());
        for (index_t j = 0; t.db && j < c.co; ++j) t.db[j] += sums[j];
        maxpool_backward(s.pool, 0, end - i, static_cast<const T*>(dy),
                         static_cast<const void*>(index_of(s.pool, const_cast<void*>(index), i)),
                         unpooled.get());
        t.add_weights(i, end, b.x + i * image, unpooled.get(), false);
        if (b.dx) t.transposed(i, end, unpooled.get(), b.dx + i * image);
    }
}

}  // namespace

template <class T>
void conv_pool_forward(const ConvPool<T>& s, const T* x, const T* w, const T* bias, T* y,
                       void* index) {
    const ConvShape& c = s.conv;
    if (c.n == 0) return;
    Finish<T> finish;
    finish.bias = bias;
    const ImageMapPtr<T> map = forward_map(c, w, finish, images_at_once<T>(c) >= c.n);
    map->flops_of_image = c.flops() / static_cast<double>(c.n);
    const int threads = threads_for_images(c.flops(), c.n);
    if (c.n >= threads) {
        parallel_for(threads, threads, [&](index_t i) {
            forward_images(s, *map, c.n * i / threads, c.n * (i + 1) / threads, x, y, index);
        });
        return;
    }
    // Fewer images than threads: each is divided.
    const Scratch<T> unpooled(c.n * c.out_pixels() * c.co);
    apply(*map, c.n, x, unpooled.get());
    max_pool(s.pool, static_cast<const T*>(unpooled.get()), y, index);
    if (s.relu)
        act_forward(Act::relu, relu_of(s), c.n * s.pool.out_image(), static_cast<const T*>(y), y);
}

template <class T>
void conv_pool_backward(const ConvPool<T>& s, const ConvBackward<T>& b, const void* index) {
    if (s.conv.n == 0) {
        if (b.dw) std::fill_n(b.dw, s.conv.weights(), T(0));
        if (b.db) std::fill_n(b.db, s.conv.co, T(0));
        return;
    }
    backward_in_parts<T>(s.conv, b, [&](const PartTask<T>& t) { backward_images(s, b, index, t); });
}

#define RV_INSTANTIATE(T)                                                                         \
    template void conv_pool_forward(const ConvPool<T>&, const T*, const T*, const T*, T*, void*); \
    template void conv_pool_backward(const ConvPool<T>&, const ConvBackward<T>&, const void*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
