#include "kernels/image.hpp"

#include "simd/vec.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// Pixels whose places are found together, in vectors; what is sampled there is pixel by pixel.
constexpr index_t kBlock = 64;

// In a loop of few rounds: the compiler's vectors would be kilobytes of code.
RV_INLINE void no_vectors() { __asm__ volatile(""); }

template <class T>
struct Places {
    using Int = typename VecTraits<T>::int_scalar;
    alignas(64) T fy[kBlock];  // weight of the next row, column
    alignas(64) T fx[kBlock];
    alignas(64) Int row[kBlock];
    alignas(64) Int column[kBlock];
    alignas(64) Int inside[kBlock];  // not 0: all four pixels are
};

// Beyond any image, and safely an integer. NaN becomes a place far outside.
constexpr int kFar = 1 << 30;
template <class T>
RV_INLINE Vec<T> within_integers(Vec<T> v) {
    return vmin(vmax(v, splat<T>(T(-kFar))), splat<T>(T(kFar)));
}
template <class T>
RV_INLINE void floor_and_rest(Vec<T> v, IVec<T>& whole, Vec<T>& rest) {
    const Vec<T> c = within_integers<T>(v);
    whole = __builtin_convertvector(c, IVec<T>);
    whole += (IVec<T>)(c < __builtin_convertvector(whole, Vec<T>));
    rest = c - __builtin_convertvector(whole, Vec<T>);
}
template <class T>
RV_INLINE IVec<T> round_half_away(Vec<T> v) {
    const Vec<T> c = within_integers<T>(v);
    const IVec<T> t = __builtin_convertvector(c, IVec<T>);
    const Vec<T> rest = c - __builtin_convertvector(t, Vec<T>), half = splat<T>(T(0.5));
    return t - (IVec<T>)(rest >= half) + (IVec<T>)(rest <= -half);
}

// Of the pixels (row, first ... first + n - 1).
template <class T>
RV_INLINE void find_places(const AffineJob<T>& job, index_t row, index_t first, index_t n,
                           Places<T>& p) {
    using Int = typename VecTraits<T>::int_scalar;
    const double i = static_cast<double>(row);
    const T x0 = static_cast<T>(job.a[1] * i + job.a[2]), dx = static_cast<T>(job.a[0]);
    const T y0 = static_cast<T>(job.a[4] * i + job.a[5]), dy = static_cast<T>(job.a[3]);
    const int next = job.nearest ? 0 : 1;
    const Int h = static_cast<Int>(job.h - next), w = static_cast<Int>(job.w - next);
    for (index_t k = 0; k < n; k += kLanes<T>) {
        const Vec<T> j =
            __builtin_convertvector(lane_numbers<T>() + static_cast<Int>(first + k), Vec<T>);
        const Vec<T> x = dx * j + x0, y = dy * j + y0;
        IVec<T> column, line;
        if (job.nearest) {
            column = round_half_away<T>(x);
            line = round_half_away<T>(y);
        } else {
            Vec<T> fx, fy;
            floor_and_rest<T>(x, column, fx);
            floor_and_rest<T>(y, line, fy);
            __builtin_memcpy(p.fx + k, &fx, sizeof fx);
            __builtin_memcpy(p.fy + k, &fy, sizeof fy);
        }
        const IVec<T> inside = (IVec<T>)(column >= 0) & (IVec<T>)(column < w) &
                               (IVec<T>)(line >= 0) & (IVec<T>)(line < h);
        __builtin_memcpy(p.column + k, &column, sizeof column);
        __builtin_memcpy(p.row + k, &line, sizeof line);
        __builtin_memcpy(p.inside + k, &inside, sizeof inside);
    }
}

// The pixel that stands for pixel i of n, -1 for the fill value.
__attribute__((noinline)) std::int32_t stand_in(FillMode fill, std::int32_t i, std::int32_t n) {
    if (i >= 0 && i < n) return i;
    if (fill == FillMode::constant) return -1;
    if (fill == FillMode::nearest) return i < 0 ? 0 : n - 1;
    if (n == 1) return 0;
    // how far pixel n stands from pixel -1 of the reflection: 0 for a b|b a, 1 for a b|a
    const std::int32_t gap = fill == FillMode::mirror ? 1 : 0;
    const bool wrap = fill == FillMode::wrap;
    const std::int32_t once =
        wrap ? (i < 0 ? i + n : i - n) : (i < 0 ? gap - 1 - i : 2 * (n - gap) - 1 + gap - i);
    if (once >= 0 && once < n) return once;
    const std::int64_t period = wrap ? n : 2 * (std::int64_t{n} - gap);
    std::int64_t m = i % period;
    if (m < 0) m += period;
    return static_cast<std::int32_t>(m < n ? m : period - 1 + gap - m);
}

// The four pixels around a place near the edge or outside, and their weights.
template <class T>
struct Corners {
    index_t offset[4];  // -1: the fill value
    T weight[4];
};
template <class T>
__attribute__((noinline)) Corners<T> corners(const AffineJob<T>& job, const Places<T>& p,
                                             index_t k) {
    const T fy = p.fy[k], fx = p.fx[k];
    const T wy[2] = {1 - fy, fy}, wx[2] = {1 - fx, fx};
    index_t row[2], column[2];
    for (int a = 0; a < 2; ++a) {
        row[a] = stand_in(job.fill, static_cast<std::int32_t>(p.row[k]) + a,
                          static_cast<std::int32_t>(job.h));
        column[a] = stand_in(job.fill, static_cast<std::int32_t>(p.column[k]) + a,
                             static_cast<std::int32_t>(job.w));
    }
    Corners<T> q;
    for (int a = 0; a < 4; ++a) {
        const index_t r = row[a / 2], c = column[a % 2];
        q.offset[a] = r < 0 || c < 0 ? -1 : (r * job.w + c) * job.c;
        q.weight[a] = wy[a / 2] * wx[a % 2];
    }
    return q;
}

// Apart from the loop over pixels, so that there is one of it for all numbers of channels.
template <class T>
__attribute__((noinline)) void bilinear_outside(const AffineJob<T>& job, const Places<T>& p,
                                                index_t k, const T* x, T* y) {
    const Corners<T> q = corners(job, p, k);
    const T* s[4];
    index_t step[4];  // a condition in the loop would become 16 loops
    for (int a = 0; a < 4; ++a) {
        s[a] = q.offset[a] < 0 ? &job.fill_value : x + q.offset[a];
        step[a] = q.offset[a] < 0 ? 0 : 1;
    }
    for (index_t i = 0; i < job.c; ++i) {
        no_vectors();
        T sum = 0;
        for (int a = 0; a < 4; ++a) sum += q.weight[a] * s[a][i * step[a]];
        y[i] = sum;
    }
}

// What is made for one number of channels or taps is made for float only, to keep the code small.
template <class T>
constexpr bool kOftenUsed = sizeof(T) == 4;

// kC: channels, 0 for any number.
template <int kC, class T>
void bilinear_row(const AffineJob<T>& job, const Places<T>& p, index_t n, const T* x, T* y) {
    const index_t c = kC ? kC : job.c, stride = job.w * c;
    for (index_t k = 0; k < n; ++k, y += c) {
        if (!p.inside[k]) {
            bilinear_outside(job, p, k, x, y);
            continue;
        }
        const T* s = x + p.row[k] * stride + p.column[k] * c;
        const T fy = p.fy[k], fx = p.fx[k];
        const T w11 = fy * fx, w10 = fy - w11, w01 = fx - w11, w00 = 1 - fx - w10;
        for (index_t i = 0; i < c; ++i)
            y[i] = (w00 * s[i] + w01 * s[i + c]) + (w10 * s[i + stride] + w11 * s[i + stride + c]);
    }
}

template <class T>
index_t nearest_offset(const AffineJob<T>& job, const Places<T>& p, index_t k) {
    index_t row = p.row[k], column = p.column[k];
    if (!p.inside[k]) {
        row = stand_in(job.fill, static_cast<std::int32_t>(p.row[k]),
                       static_cast<std::int32_t>(job.h));
        column = stand_in(job.fill, static_cast<std::int32_t>(p.column[k]),
                          static_cast<std::int32_t>(job.w));
        if (row < 0 || column < 0) return -1;
    }
    return (row * job.w + column) * job.c;
}

template <class T>
void nearest_row(const AffineJob<T>& job, const Places<T>& p, index_t n, const T* x, T* y) {
    const index_t c = job.c;
    for (index_t k = 0; k < n; ++k, y += c) {
        const index_t from = nearest_offset(job, p, k);
        for (index_t i = 0; i < c; ++i) {
            no_vectors();
            y[i] = from < 0 ? job.fill_value : x[from + i];
        }
    }
}

template <class T>
void affine(const AffineJob<T>& job, index_t first, index_t last, const T* x, T* y) {
    Places<T> p;
    for (index_t i = first; i < last; ++i)
        for (index_t j = 0; j < job.w; j += kBlock) {
            const index_t n = job.w - j < kBlock ? job.w - j : kBlock;
            find_places(job, i, j, n, p);
            T* out = y + (i * job.w + j) * job.c;
            if (job.nearest)
                nearest_row(job, p, n, x, out);
            else if (kOftenUsed<T> && job.c == 1)
                bilinear_row<kOftenUsed<T> ? 1 : 0>(job, p, n, x, out);
            else if (kOftenUsed<T> && job.c == 3)
                bilinear_row<kOftenUsed<T> ? 3 : 0>(job, p, n, x, out);
            else
                bilinear_row<0>(job, p, n, x, out);
        }
}

template <class T>
__attribute__((noinline)) void add_scaled(index_t n, T a, const T* x, T* y) {
    index_t i = 0;
    for (; i + kLanes<T> <= n; i += kLanes<T>) store(y + i, load(y + i) + a * load(x + i));
    for (; i < n; ++i) {
        no_vectors();
        y[i] += a * x[i];
    }
}

template <class T>
void affine_backward(const AffineJob<T>& job, const T* dy, T* dx) {
    Places<T> p;
    const index_t c = job.c;
    for (index_t i = 0; i < job.h; ++i)
        for (index_t j = 0; j < job.w; j += kBlock) {
            const index_t n = job.w - j < kBlock ? job.w - j : kBlock;
            find_places(job, i, j, n, p);
            for (index_t k = 0; k < n; ++k, dy += c) {
                if (job.nearest) {
                    const index_t to = nearest_offset(job, p, k);
                    if (to >= 0) add_scaled(c, T(1), dy, dx + to);
                    continue;
                }
                const Corners<T> q = corners(job, p, k);
                for (int a = 0; a < 4; ++a)
                    if (q.offset[a] >= 0) add_scaled(c, q.weight[a], dy, dx + q.offset[a]);
            }
        }
}

template <class T>
void combine_rows(index_t n, index_t taps, const T* weight, const T* x, index_t stride, T* out) {
    index_t i = 0;
    for (; i + kLanes<T> <= n; i += kLanes<T>) {
        Vec<T> sum = weight[0] * load(x + i);
        for (index_t k = 1; k < taps; ++k) sum += weight[k] * load(x + k * stride + i);
        store(out + i, sum);
    }
    for (; i < n; ++i) {
        no_vectors();
        T sum = weight[0] * x[i];
        for (index_t k = 1; k < taps; ++k) sum += weight[k] * x[k * stride + i];
        out[i] = sum;
    }
}

// kTaps, kC: taps and channels, 0 for any number.
template <int kTaps, int kC, class T>
RV_INLINE void resample_of(index_t n, index_t channels, index_t all_taps, const std::int32_t* start,
                           const T* weight, const T* x, T scale, bool add, T* out) {
    const index_t c = kC ? kC : channels, taps = kTaps ? kTaps : all_taps;
    for (index_t j = 0; j < n; ++j, out += c, weight += taps) {
        const T* s = x + start[j] * c;
        index_t i = 0;
        if constexpr (kC == 0)
            for (; i + kLanes<T> <= c; i += kLanes<T>) {
                Vec<T> sum = weight[0] * load(s + i);
                for (index_t k = 1; k < taps; ++k) sum += weight[k] * load(s + k * c + i);
                store(out + i, add ? load(out + i) + scale * sum : scale * sum);
            }
        for (; i < c; ++i) {
            if constexpr (kC == 0) no_vectors();
            T sum = weight[0] * s[i];
            for (index_t k = 1; k < taps; ++k) sum += weight[k] * s[k * c + i];
            out[i] = add ? out[i] + scale * sum : scale * sum;
        }
    }
}
template <class T>
void resample(index_t n, index_t c, index_t taps, const std::int32_t* start, const T* weight,
              const T* x, T scale, bool add, T* out) {
    if constexpr (kOftenUsed<T>) {
        if (taps == 1 && c == 3)
            return resample_of<1, 3>(n, c, taps, start, weight, x, scale, add, out);
        if (taps == 1) return resample_of<1, 0>(n, c, taps, start, weight, x, scale, add, out);
        if (taps == 2 && c == 1)
            return resample_of<2, 1>(n, c, taps, start, weight, x, scale, add, out);
        if (taps == 2 && c == 3)
            return resample_of<2, 3>(n, c, taps, start, weight, x, scale, add, out);
        if (taps == 2) return resample_of<2, 0>(n, c, taps, start, weight, x, scale, add, out);
    }
    resample_of<0, 0>(n, c, taps, start, weight, x, scale, add, out);
}

template <class T>
void resample_backward(index_t n, index_t c, index_t taps, const std::int32_t* start,
                       const T* weight, const T* dy, T* dx) {
    for (index_t j = 0; j < n; ++j, dy += c, weight += taps) {
        T* d = dx + start[j] * c;
        for (index_t k = 0; k < taps; ++k) add_scaled(c, weight[k], dy, d + k * c);
    }
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_COLD_KERNELS(ImageKernels, &RV_ISA::affine<T>, &RV_ISA::affine_backward<T>,
                       &RV_ISA::combine_rows<T>, &RV_ISA::resample<T>,
                       &RV_ISA::resample_backward<T>, &RV_ISA::add_scaled<T>)

}  // namespace ranvier
