// The backward pass over fixed parts of a batch, whose sums are added in order.
#pragma once

#include <algorithm>
#include <cstring>

#include "conv/map.hpp"
#include "kernels/data.hpp"

namespace ranvier {

// The gradient of the weights is summed in so many parts at most, fewer if their sums would take
// more than this: both depend on the problem alone, so that threads do not change the result.
inline constexpr index_t kParts = 8;
inline constexpr index_t kPartBytes = 20 * 1024 * 1024;
// Images whose pixels take about so much are worked on together, while they are in L2; or as a
// share of the sums, all of which each chunk may pass through memory.
inline constexpr index_t kChunkBytes = 384 * 1024;
inline constexpr index_t kChunkShare = 4;

template <class T>
struct Parts {
    index_t images, count, chunk;

    Parts(const ConvShape& s, index_t sum) : images(s.n) {
        const index_t bytes = std::max<index_t>(1, sum * static_cast<index_t>(sizeof(T)));
        count = std::clamp<index_t>(kPartBytes / bytes, 1, std::min(kParts, s.n));
        const index_t image =
            (s.in_pixels() * s.c + s.out_pixels() * s.co) * static_cast<index_t>(sizeof(T));
        chunk = std::max<index_t>(1, std::max(kChunkBytes, bytes / kChunkShare) / image);
    }
    index_t begin(index_t part) const { return images * part / count; }
};

// One part: images i0..i1, `chunk` at a time, add to dw (in the form of to_w) and db.
template <class T>
struct PartTask {
    const ImageMap<T>* to_x;
    const WeightSum<T>* to_w;
    index_t i0, i1, chunk;
    T *dw, *db;  // begin as zeros; null: not wanted
};

// Runs part(task) for all parts and writes b.dw and b.db.
template <class T, class F>
void backward_in_parts(const ConvShape& s, const ConvBackward<T>& b, F&& part) {
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
        std::memset(sum, 0, static_cast<std::size_t>(stride) * sizeof(T));
        part(PartTask<T>{to_x.get(), to_w.get(), parts.begin(i), parts.begin(i + 1), parts.chunk,
                         b.dw ? sum : nullptr, b.db ? sum + size : nullptr});
    });
    // A block of all parts at a time: the first one's stays in L1.
    constexpr index_t kBlock = 4096;
    const index_t from = b.dw ? 0 : size, to = b.db ? stride : size;
    const double adding = 16.0 * static_cast<double>((to - from) * (parts.count - 1));
    parallel_for(threads_for(adding), (to - from + kBlock - 1) / kBlock, [&](index_t block) {
        const index_t j = from + block * kBlock;
        for (index_t i = 1; i < parts.count; ++i)
            kernels<DataKernels, T>().add(std::min(kBlock, to - j), sums.get() + i * stride + j,
                                          sums.get() + j);
    });
    if (b.dw) to_w->finish(sums.get(), b.dw);
    if (b.db) std::copy_n(sums.get() + size, s.co, b.db);
}

}  // namespace ranvier
