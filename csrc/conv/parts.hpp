// The backward pass over fixed parts of a batch, whose sums are added in order.
#pragma once

#include <algorithm>
#include <bit>

#include "conv/map.hpp"
#include "kernels/data.hpp"

namespace ranvier {

// The gradient of the weights is summed in so many parts at most, fewer if they would take more
// than this: both depend on the problem alone, so that threads do not change the result.
inline constexpr index_t kParts = 8;
inline constexpr index_t kPartBytes = 20 * 1024 * 1024;
// Images whose pixels take about so much are worked on together, while they are in L2; or as a
// share of the sums, all of which each chunk may pass through memory.
inline constexpr index_t kChunkBytes = 384 * 1024;
inline constexpr index_t kChunkShare = 4;
// A product over fewer pixels would pass its sums, one for each weight, through memory too often.
inline constexpr index_t kPixelsOfProduct = 512;

// One part: images i0..i1, `chunk` or more at a time, are summed in dw and added to db.
template <class T>
struct PartTask {
    const ImageMap<T>* to_x;
    const WeightSum<T>* to_w;
    index_t i0, i1, chunk;
    bool whole;            // the images are to be worked on together
    T *scratch, *dw, *db;  // dw and db null: not wanted

    // Images i..end of the batch, which are the first ones of x, dy and dx. `goes_on`: the next
    // ones lie behind them in x and dy.
    void add_weights(index_t i, index_t end, const T* x, const T* dy, bool goes_on) const {
        if (dw)
            to_w->add(0, end - i, goes_on ? i1 - end : 0, x, dy, i == i0, end == i1, scratch, dw);
    }
    void transposed(index_t i, index_t end, const T* dy, T* dx) const {
        apply(*to_x, end - i, dy, dx);
    }
};

// Runs part(task) for all parts and writes b.dw and b.db.
template <class T, class F>
void backward_in_parts(const ConvShape& s, const ConvBackward<T>& b, F&& part) {
    constexpr index_t item = sizeof(T);
    std::unique_ptr<WeightSum<T>> to_w;
    if (b.dw) to_w = weight_sum<T>(s);
    const index_t size = to_w ? s.weights() : 0, sums = to_w ? to_w->size() : 0;
    index_t parts =
        std::clamp<index_t>(kPartBytes / ((sums + s.co) * item), 1, std::min(kParts, s.n));
    const index_t image = (s.in_pixels() * s.c + s.out_pixels() * s.co) * item;
    index_t chunk = std::max<index_t>(1, std::max(kChunkBytes, sums * item / kChunkShare) / image);
    if (to_w && is_pointwise(s)) {
        parts = static_cast<index_t>(std::bit_floor(static_cast<std::size_t>(parts)));
        while (parts > 1 && s.n * s.out_pixels() < parts * kPixelsOfProduct) parts /= 2;
        chunk = std::max(chunk, kPixelsOfProduct / s.out_pixels());
    }
    const index_t most = (s.n + parts - 1) / parts;
    const bool whole = to_w && to_w->wants_all(most);
    const index_t scratch = to_w ? to_w->scratch(most) : 0;
    ImageMapPtr<T> to_x;
    if (b.dx) {
        to_x = transpose_map<T>(s, b.w, {}, parts == 1 && (whole || chunk >= s.n));
        to_x->flops_of_image = s.flops() / static_cast<double>(s.n);
    }
    // The first part's sums are b.dw itself.
    const Scratch<T> dw((parts - 1) * size), db(b.db ? parts * s.co : 0);
    const double work = s.flops() * ((b.dx != nullptr) + (b.dw != nullptr)) +
                        4.0 * static_cast<double>(s.n * s.out_pixels() * s.co);
    parallel_for(threads_for(work), parts, [&](index_t i) {
        const Scratch<T> room(scratch);
        T* sum = b.db ? db.get() + i * s.co : nullptr;
        if (b.db) std::fill_n(sum, s.co, T(0));
        part(PartTask<T>{to_x.get(), to_w.get(), s.n * i / parts, s.n * (i + 1) / parts, chunk,
                         whole, room.get(), i > 0 && b.dw ? dw.get() + (i - 1) * size : b.dw, sum});
    });
    // A block of all parts at a time: the first one's stays in L1.
    constexpr index_t kBlock = 4096;
    const double adding = 16.0 * static_cast<double>(size * (parts - 1));
    parallel_for(threads_for(adding), (size + kBlock - 1) / kBlock, [&](index_t block) {
        const index_t j = block * kBlock;
        for (index_t i = 1; i < parts; ++i)
            kernels<DataKernels, T>().add(std::min(kBlock, size - j), dw.get() + (i - 1) * size + j,
                                          b.dw + j);
    });
    for (index_t i = 0; b.db && i < parts; ++i)
        for (index_t j = 0; j < s.co; ++j) b.db[j] = i == 0 ? db[j] : b.db[j] + db[i * s.co + j];
}

}  // namespace ranvier
