#include "conv/repeat.hpp"

#include <algorithm>

#include "ranvier/runtime.hpp"

namespace ranvier {
namespace {

// Images worked on at a time: their copies take as much again for each output of a channel.
constexpr index_t kBytes = 8 * 1024 * 1024;

ConvShape repeated(const ConvShape& s, index_t images) {
    ConvShape r = s;
    r.n = images;
    r.c = r.groups = s.co;
    return r;
}
template <class T>
index_t images_at_once(const ConvShape& s) {
    const index_t image = s.in_pixels() * s.co * static_cast<index_t>(sizeof(T));
    return std::clamp<index_t>(kBytes / image, 1, s.n);
}
template <class T>
void repeat(const ConvShape& s, index_t images, const T* x, T* to) {
    const index_t m = s.co / s.c;
    for (index_t i = 0; i < images * s.in_pixels() * s.c; ++i, to += m) std::fill_n(to, m, x[i]);
}
// The transpose: copies are added up, and `bias` (may be null).
template <class T>
void gather(const ConvShape& s, index_t images, const T* from, const T* bias, T* x) {
    const index_t m = s.co / s.c;
    for (index_t i = 0; i < images * s.in_pixels(); ++i)
        for (index_t c = 0; c < s.c; ++c, from += m, ++x) {
            T sum = bias ? bias[c] : T(0);
            for (index_t k = 0; k < m; ++k) sum += from[k];
            *x = sum;
        }
}

}  // namespace

template <class T>
void repeated_forward(const ConvShape& s, const T* x, const T* w, const T* bias, Act act,
                      const ActParams& p, T* y, T* pre) {
    const index_t most = images_at_once<T>(s);
    const Scratch<T> copies(most * s.in_pixels() * s.co);
    for (index_t i = 0; i < s.n; i += most) {
        const index_t images = std::min(most, s.n - i), at = i * s.out_pixels() * s.co;
        repeat(s, images, x + i * s.in_pixels() * s.c, copies.get());
        conv_forward(repeated(s, images), static_cast<const T*>(copies.get()), w, bias, act, p,
                     y + at, pre ? pre + at : nullptr);
    }
}

template <class T>
void repeated_backward(const ConvShape& s, const ConvBackward<T>& b) {
    const index_t most = images_at_once<T>(s), weights = s.weights();
    const Scratch<T> copies(most * s.in_pixels() * s.co);
    const Scratch<T> sums(weights + s.co);
    if (b.dw) std::fill_n(b.dw, weights, T(0));
    if (b.db) std::fill_n(b.db, s.co, T(0));
    for (index_t i = 0; i < s.n; i += most) {
        const index_t images = std::min(most, s.n - i), at = i * s.out_pixels() * s.co;
        ConvBackward<T> part = b;
        repeat(s, images, b.x + i * s.in_pixels() * s.c, copies.get());
        part.x = copies.get();
        part.saved = b.saved ? b.saved + at : nullptr;
        part.dy = b.dy + at;
        part.dw = b.dw ? sums.get() : nullptr;
        part.db = b.db ? sums.get() + weights : nullptr;
        part.dx = nullptr;
        conv_backward(repeated(s, images), part);
        for (index_t j = 0; b.dw && j < weights; ++j) b.dw[j] += sums[j];
        for (index_t j = 0; b.db && j < s.co; ++j) b.db[j] += sums[weights + j];
        if (b.dx == nullptr) continue;
        conv_transpose(repeated(s, images), static_cast<const T*>(part.dy), b.w,
                       static_cast<const T*>(nullptr), copies.get());
        gather(s, images, copies.get(), static_cast<const T*>(nullptr),
               b.dx + i * s.in_pixels() * s.c);
    }
}

template <class T>
void repeated_transpose(const ConvShape& s, const T* y, const T* w, const T* bias, T* x) {
    const index_t most = images_at_once<T>(s);
    const Scratch<T> copies(most * s.in_pixels() * s.co);
    for (index_t i = 0; i < s.n; i += most) {
        const index_t images = std::min(most, s.n - i);
        conv_transpose(repeated(s, images), y + i * s.out_pixels() * s.co, w,
                       static_cast<const T*>(nullptr), copies.get());
        gather(s, images, copies.get(), bias, x + i * s.in_pixels() * s.c);
    }
}

#define RV_INSTANTIATE(T)                                                               \
    template void repeated_forward(const ConvShape&, const T*, const T*, const T*, Act, \
                                   const ActParams&, T*, T*);                           \
    template void repeated_backward(const ConvShape&, const ConvBackward<T>&);          \
    template void repeated_transpose(const ConvShape&, const T*, const T*, const T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
