#include "kernels/pool_lanes.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

template <class T>
void clear(T* p, index_t n) {
    if (n > 0) std::memset(p, 0, static_cast<std::size_t>(n) * sizeof(T));
}
template <class T>
RV_INLINE T scale_of(bool mean, index_t elements) {
    return mean ? T(1) / static_cast<T>(elements) : T(1);
}

// Windows apart from each other, one row of them: each gradient is read once, each dx written once.
template <bool kMax, class T>
void apart(const PoolLine& line, bool mean, const PoolSender<T>& from, bool wide, T* dx) {
    const index_t c = line.c;
    index_t done = 0;
    for (index_t o = 0; o < line.out; ++o) {
        const index_t first = line.first(o), n = line.length(o);
        clear(dx + done * c, (first - done) * c);
        done = first + n;
        T* to = dx + first * c;
        const T* dy = from.dy + o * c;
        const Vec<T> scale = splat<T>(kMax ? T(1) : scale_of<T>(mean, from.height * n));
        const IVec<T> place = splat_index<T>(from.place * n);
        each_channels<T>(c, [&](index_t j) RV_LAMBDA_INLINE {
            const Vec<T> g = load(dy + j);
            if constexpr (kMax) {
                const IVec<T> at = load_index<T>(from.index, o * c + j, wide) - place;
                if (n == 2) {
                    store<T>(to + j, at == 0 ? g : Vec<T>{});
                    store<T>(to + c + j, at == 1 ? g : Vec<T>{});
                } else {
                    for (index_t k = 0; k < n; ++k)
                        store<T>(to + k * c + j, at == splat_index<T>(k) ? g : Vec<T>{});
                }
            } else {
                for (index_t k = 0; k < n; ++k) store<T>(to + k * c + j, g * scale);
            }
        });
    }
    clear(dx + done * c, (line.in - done) * c);
}

// What outputs [lo, hi) of one row send to element w, channels from j on.
template <bool kMax, class T>
RV_INLINE Vec<T> sent(const PoolLine& line, bool mean, const PoolSender<T>& from, bool wide,
                      index_t w, index_t lo, index_t hi, bool whole, index_t j) {
    Vec<T> sum{};
    index_t at = lo * line.c + j;
    if (whole) {
        IVec<T> place =
            splat_index<T>(from.place * line.window + w + line.before - lo * line.stride);
        const IVec<T> step = splat_index<T>(line.stride);
        for (index_t o = lo; o < hi; ++o, at += line.c) {
            const Vec<T> g = load(from.dy + at);
            if constexpr (kMax) {
                sum += load_index<T>(from.index, at, wide) == place ? g : Vec<T>{};
                place -= step;
            } else {
                sum += g;
            }
        }
        return kMax ? sum : sum * splat<T>(from.share);
    }
    for (index_t o = lo; o < hi; ++o, at += line.c) {
        const index_t n = line.length(o);
        const Vec<T> g = load(from.dy + at);
        if constexpr (kMax) {
            const IVec<T> place = splat_index<T>(from.place * n + w - line.first(o));
            sum += load_index<T>(from.index, at, wide) == place ? g : Vec<T>{};
        } else {
            sum += g * splat<T>(scale_of<T>(mean, from.height * n));
        }
    }
    return sum;
}

// Windows that overlap: each input gathers from those it is in, rows in order.
template <bool kMax, class T>
void gather(const PoolLine& line, bool mean, index_t rows, const PoolSender<T>* from, bool wide,
            T* dx) {
    const index_t c = line.c, whole_begin = line.whole_begin(), whole_end = line.whole_end();
    for (index_t w = 0; w < line.in; ++w) {
        const index_t at = w + line.before, over = at - line.window + 1;
        const index_t lo = over > 0 ? (over + line.stride - 1) / line.stride : 0;
        const index_t hi = at / line.stride + 1 < line.out ? at / line.stride + 1 : line.out;
        const bool whole = lo >= whole_begin && hi <= whole_end;
        each_channels<T>(c, [&](index_t j) RV_LAMBDA_INLINE {
            Vec<T> sum{};
            for (index_t r = 0; r < rows; ++r)
                sum += sent<kMax, T>(line, mean, from[r], wide, w, lo, hi, whole, j);
            store<T>(dx + w * c + j, sum);
        });
    }
}

template <class T>
__attribute__((noinline)) void add_pixels(index_t count, index_t c, index_t stride, const T* x,
                                          T* y) {
    if (stride == c) {
        for (index_t i = 0; i < count * c; ++i) y[i] += x[i];
    } else if (c == 1) {
        for (index_t i = 0; i < count; ++i) y[i * stride] += x[i];
    } else {
        for (index_t i = 0; i < count; ++i)
            for (index_t j = 0; j < c; ++j) y[i * stride + j] += x[i * c + j];
    }
}

// Few channels: a run of windows at once, spread into a row that begins as zeros.
template <bool kMax, class T>
void narrow(const PoolLine& line, bool mean, index_t rows, const PoolSender<T>* from, bool wide,
            T* dx) {
    constexpr index_t L = kLanes<T>, kVectors = kNarrow / L;
    const index_t c = line.c, size = wide ? 4 : 1;
    Vec<T> g[kVectors] = {}, part[kVectors];
    alignas(4) std::uint8_t bytes[kNarrow * 4] = {};
    clear(dx, line.in * c);
    for (const PoolSender<T>* f = from; f != from + rows; ++f)
        for (index_t o = 0, count; o < line.out; o += count) {
            count = narrow_block(line, o);
            const index_t n = line.length(o), elements = count * c;
            const index_t vectors = (elements + L - 1) / L;
            std::memcpy(g, f->dy + o * c, static_cast<std::size_t>(elements) * sizeof(T));
            if constexpr (kMax)
                std::memcpy(bytes, static_cast<const char*>(f->index) + o * c * size,
                            static_cast<std::size_t>(elements * size));
            const Vec<T> scale = splat<T>(kMax ? T(1) : scale_of<T>(mean, f->height * n));
            for (index_t k = n; k-- > 0;) {  // so that an input adds up windows from first to last
                const IVec<T> place = splat_index<T>(f->place * n + k);
                for (index_t v = 0; v < vectors; ++v)
                    if constexpr (kMax)
                        part[v] = load_index<T>(bytes, v * L, wide) == place ? g[v] : Vec<T>{};
                    else
                        part[v] = g[v] * scale;
                add_pixels(count, c, line.stride * c, reinterpret_cast<const T*>(part),
                           dx + (line.first(o) + k) * c);
            }
        }
}

template <bool kMax, class T>
RV_INLINE void line_backward(const PoolLine& line, bool mean, index_t rows,
                             const PoolSender<T>* from, bool wide, T* dx) {
    if (rows == 0)
        clear(dx, line.in * line.c);
    else if (line.c < kLanes<T>)
        narrow<kMax, T>(line, mean, rows, from, wide, dx);
    else if (rows == 1 && line.stride >= line.window)
        apart<kMax, T>(line, mean, *from, wide, dx);
    else
        gather<kMax, T>(line, mean, rows, from, wide, dx);
}

template <class T>
void max_line(const PoolLine& line, index_t rows, const PoolSender<T>* from, bool wide, T* dx) {
    line_backward<true, T>(line, false, rows, from, wide, dx);
}
template <class T>
void average_line(const PoolLine& line, bool mean, index_t rows, const PoolSender<T>* from, T* dx) {
    line_backward<false, T>(line, mean, rows, from, false, dx);
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_COLD_KERNELS(PoolBackwardKernels, RV_ISA::kLanes<T>, &RV_ISA::max_line<T>,
                       &RV_ISA::average_line<T>)

}  // namespace ranvier
