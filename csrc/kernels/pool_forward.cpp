#include "kernels/pool_lanes.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// A maximum on its way. `nan` holds a NaN of the window once there was one: comparisons would
// lose it again.
template <class T>
struct Best {
    Vec<T> value, nan;
    IVec<T> at;
};
template <class T>
RV_INLINE Best<T> start(Vec<T> v) {
    return {v, v, IVec<T>{}};
}
template <bool kIndex, class T>
RV_INLINE void consider(Best<T>& best, Vec<T> v, IVec<T> at) {
    best.nan = v == v ? best.nan : v;
    if constexpr (kIndex) {
        const IVec<T> keep = best.value >= v;
        best.value = keep ? best.value : v;
        best.at = keep ? best.at : at;
    } else {
        best.value = vmax(v, best.value);
    }
}
template <class T>
RV_INLINE Vec<T> result(const Best<T>& best) {
    return best.nan == best.nan ? best.value : best.nan;
}

// Two rows, windows of two without padding: [begin, end).
template <bool kIndex, class T>
void max_two_by_two(const PoolLine& line, index_t begin, index_t end, const T* const* x, T* y,
                    void* index) {
    const index_t c = line.c;
    for (index_t o = begin; o < end; ++o) {
        const T* top = x[0] + line.first(o) * c;
        const T* low = x[1] + line.first(o) * c;
        each_channels<T>(c, [&](index_t j) RV_LAMBDA_INLINE {
            Best<T> best = start<T>(load(top + j));
            consider<kIndex, T>(best, load(top + c + j), splat_index<T>(1));
            consider<kIndex, T>(best, load(low + j), splat_index<T>(2));
            consider<kIndex, T>(best, load(low + c + j), splat_index<T>(3));
            store<T>(y + o * c + j, result(best));
            if constexpr (kIndex) store_index<T>(index, o * c + j, false, best.at);
        });
    }
}

template <bool kIndex, class T>
void max_any(const PoolLine& line, index_t begin, index_t end, index_t rows, const T* const* x,
             T* y, void* index, bool wide) {
    const index_t c = line.c;
    for (index_t o = begin; o < end; ++o) {
        const index_t n = line.length(o), from = line.first(o) * c;
        each_channels<T>(c, [&](index_t j) RV_LAMBDA_INLINE {
            Best<T> best = start<T>(load(x[0] + from + j));
            IVec<T> at{};
            for (index_t r = 0; r < rows; ++r) {
                const T* p = x[r] + from + j;
                for (index_t k = r == 0; k < n; ++k) {
                    at += 1;
                    consider<kIndex, T>(best, load(p + k * c), at);
                }
            }
            store<T>(y + o * c + j, result(best));
            if constexpr (kIndex) store_index<T>(index, o * c + j, wide, best.at);
        });
    }
}

template <bool kIndex, class T>
void max_wide(const PoolLine& line, index_t rows, const T* const* x, T* y, void* index, bool wide) {
    index_t begin = 0, end = 0;  // of what the fast path does
    if (rows == 2 && line.window == 2 && !wide) {
        begin = line.whole_begin();
        end = line.whole_end();
        max_two_by_two<kIndex, T>(line, begin, end, x, y, index);
    }
    if (begin >= end) return max_any<kIndex, T>(line, 0, line.out, rows, x, y, index, wide);
    max_any<kIndex, T>(line, 0, begin, rows, x, y, index, wide);
    max_any<kIndex, T>(line, end, line.out, rows, x, y, index, wide);
}

template <class T>
void max_narrow(const PoolLine& line, index_t rows, const T* const* x, T* y, void* index,
                bool wide) {
    constexpr index_t L = kLanes<T>, kVectors = kNarrow / L;
    const index_t c = line.c;
    Best<T> best[kVectors];
    Vec<T> packed[kVectors] = {};
    alignas(4) std::uint8_t bytes[kNarrow * 4];
    for (index_t o = 0, count; o < line.out; o += count) {
        count = narrow_block(line, o);
        const index_t n = line.length(o), elements = count * c;
        const index_t vectors = (elements + L - 1) / L;
        for (index_t r = 0; r < rows; ++r)
            for (index_t k = 0; k < n; ++k) {
                pick_pixels(count, c, line.stride * c, x[r] + (line.first(o) + k) * c,
                            reinterpret_cast<T*>(packed));
                const IVec<T> at = splat_index<T>(r * n + k);
                if (r + k == 0)
                    for (index_t v = 0; v < vectors; ++v) best[v] = start<T>(packed[v]);
                else
                    for (index_t v = 0; v < vectors; ++v) consider<true, T>(best[v], packed[v], at);
            }
        for (index_t v = 0; v < vectors; ++v) {
            packed[v] = result(best[v]);
            store_index<T>(bytes, v * L, wide, best[v].at);
        }
        std::memcpy(y + o * c, packed, static_cast<std::size_t>(elements) * sizeof(T));
        if (index == nullptr) continue;
        const index_t size = wide ? 4 : 1;
        std::memcpy(static_cast<char*>(index) + o * c * size, bytes,
                    static_cast<std::size_t>(elements * size));
    }
}

template <class T>
RV_INLINE T scale_of(bool mean, index_t elements) {
    return mean ? T(1) / static_cast<T>(elements) : T(1);
}

template <bool kTwo, class T>
void average_any(const PoolLine& line, bool mean, index_t begin, index_t end, index_t rows,
                 const T* const* x, T* y) {
    const index_t c = line.c;
    for (index_t o = begin; o < end; ++o) {
        const index_t n = kTwo ? 2 : line.length(o), from = line.first(o) * c;
        const Vec<T> scale = splat<T>(scale_of<T>(mean, rows * n));
        each_channels<T>(c, [&](index_t j) RV_LAMBDA_INLINE {
            Vec<T> sum = load(x[0] + from + j);
            if constexpr (kTwo) {
                const T* low = x[1] + from + j;
                sum = (sum + load(x[0] + from + c + j)) + (load(low) + load(low + c));
            } else {
                for (index_t r = 0; r < rows; ++r)
                    for (index_t k = r == 0; k < n; ++k) sum += load(x[r] + from + k * c + j);
            }
            store<T>(y + o * c + j, sum * scale);
        });
    }
}

template <class T>
void average_narrow(const PoolLine& line, bool mean, index_t rows, const T* const* x, T* y) {
    constexpr index_t L = kLanes<T>, kVectors = kNarrow / L;
    const index_t c = line.c;
    Vec<T> sum[kVectors], packed[kVectors] = {};
    for (index_t o = 0, count; o < line.out; o += count) {
        count = narrow_block(line, o);
        const index_t n = line.length(o), elements = count * c;
        const index_t vectors = (elements + L - 1) / L;
        for (index_t v = 0; v < vectors; ++v) sum[v] = Vec<T>{};
        for (index_t r = 0; r < rows; ++r)
            for (index_t k = 0; k < n; ++k) {
                pick_pixels(count, c, line.stride * c, x[r] + (line.first(o) + k) * c,
                            reinterpret_cast<T*>(packed));
                for (index_t v = 0; v < vectors; ++v) sum[v] += packed[v];
            }
        const Vec<T> scale = splat<T>(scale_of<T>(mean, rows * n));
        for (index_t v = 0; v < vectors; ++v) sum[v] *= scale;
        std::memcpy(y + o * c, sum, static_cast<std::size_t>(elements) * sizeof(T));
    }
}

template <class T>
void max_line(const PoolLine& line, index_t rows, const T* const* x, T* y, void* index, bool wide) {
    if (line.c < kLanes<T>)
        max_narrow<T>(line, rows, x, y, index, wide);
    else if (index != nullptr)
        max_wide<true, T>(line, rows, x, y, index, wide);
    else
        max_wide<false, T>(line, rows, x, y, index, wide);
}

template <class T>
void average_line(const PoolLine& line, bool mean, index_t rows, const T* const* x, T* y) {
    if (line.c < kLanes<T>) return average_narrow<T>(line, mean, rows, x, y);
    index_t begin = 0, end = 0;
    if (rows == 2 && line.window == 2) {
        begin = line.whole_begin();
        end = line.whole_end();
        average_any<true, T>(line, mean, begin, end, rows, x, y);
    }
    if (begin >= end) return average_any<false, T>(line, mean, 0, line.out, rows, x, y);
    average_any<false, T>(line, mean, 0, begin, rows, x, y);
    average_any<false, T>(line, mean, end, line.out, rows, x, y);
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_COLD_KERNELS(PoolForwardKernels, &RV_ISA::max_line<T>, &RV_ISA::average_line<T>)

}  // namespace ranvier
