#include "kernels/data.hpp"

#include "ranvier/half.hpp"
#include "simd/philox.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// Loops without dependences: the compiler's own vectoriser does them as well as a person.
template <class T, class S>
void convert(const void* p, index_t n, T* out) {
    const char* bytes = static_cast<const char*>(p);
    if constexpr (std::is_same_v<T, S>) {
        __builtin_memcpy(out, p, static_cast<std::size_t>(n) * sizeof(T));
    } else {
        for (index_t i = 0; i < n; ++i) {
            S v;
            __builtin_memcpy(&v, bytes + i * static_cast<index_t>(sizeof(S)), sizeof(S));
            out[i] = static_cast<T>(v);
        }
    }
}
template <class T>
void convert_bool(const void* p, index_t n, T* out) {
    const unsigned char* b = static_cast<const unsigned char*>(p);
    for (index_t i = 0; i < n; ++i) out[i] = b[i] ? T(1) : T(0);
}

template <class T>
void philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t first, index_t groups,
            std::uint32_t* words) {
    for (index_t g = 0; g < groups; ++g) {
        U32x8 out[4];
        philox_group(seed, stream, first + static_cast<std::uint64_t>(g), out);
        __builtin_memcpy(words + g * kRandomGroup, out, sizeof out);
    }
}

template <class T>
void dropout(const std::uint32_t* words, std::uint32_t threshold, T scale, index_t n, const T* x,
             T* y) {
    if (x == nullptr) {
        for (index_t i = 0; i < n; ++i) y[i] = words[i] >= threshold ? scale : T(0);
    } else {
        // a product with 0 would keep NaN and infinities
        for (index_t i = 0; i < n; ++i) y[i] = words[i] >= threshold ? x[i] * scale : T(0);
    }
}

template <class T>
void scale_shift(index_t n, const T* x, T scale, T offset, T* y) {
    for (index_t i = 0; i < n; ++i) y[i] = x[i] * scale + offset;
}
template <class T>
void scale_shift_row(index_t n, const T* x, const T* scale, const T* offset, T* y) {
    for (index_t i = 0; i < n; ++i) y[i] = x[i] * scale[i] + offset[i];
}
template <class T>
void add(index_t n, const T* x, T* y) {
    for (index_t i = 0; i < n; ++i) y[i] += x[i];
}

// Eight sums in double, the same for every width of vector.
template <class T, class F>
RV_INLINE double accumulate(index_t n, const T* x, F f) {
    double s[8] = {};
    index_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; ++j) s[j] += f(static_cast<double>(x[i + j]));
    for (int j = 0; i + j < n; ++j) s[j] += f(static_cast<double>(x[i + j]));
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}
template <class T>
double sum(index_t n, const T* x) {
    return accumulate(n, x, [](double v) { return v; });
}
template <class T>
double sumsq(index_t n, const T* x) {
    return accumulate(n, x, [](double v) { return v * v; });
}
template <class T>
double sumabs(index_t n, const T* x) {
    return accumulate(n, x, [](double v) { return v < 0 ? -v : v; });
}

template <class T>
bool all_finite(index_t n, const T* x) {
    // v - v is 0 for finite v and NaN otherwise
    T bad = 0;
    bool found = false;
    for (index_t i = 0; i < n && !found; i += 1024) {
        const index_t end = n - i < 1024 ? n : i + 1024;
        int wrong = 0;
        for (index_t j = i; j < end; ++j) {
            bad = x[j] - x[j];
            wrong |= !(bad == T(0));
        }
        found = wrong != 0;
    }
    return !found;
}

template <class T>
void transpose(index_t rows, index_t cols, const T* x, T* out) {
    constexpr index_t kTile = 16;
    for (index_t i = 0; i < rows; i += kTile)
        for (index_t j = 0; j < cols; j += kTile) {
            const index_t ie = i + kTile < rows ? i + kTile : rows;
            const index_t je = j + kTile < cols ? j + kTile : cols;
            for (index_t b = j; b < je; ++b)
                for (index_t a = i; a < ie; ++a) out[b * rows + a] = x[a * cols + b];
        }
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_KERNELS(DataKernels,
                  {&RV_ISA::convert<T, half_t>, &RV_ISA::convert<T, float>,
                   &RV_ISA::convert<T, double>, &RV_ISA::convert<T, std::int8_t>,
                   &RV_ISA::convert<T, std::int16_t>, &RV_ISA::convert<T, std::int32_t>,
                   &RV_ISA::convert<T, std::int64_t>, &RV_ISA::convert<T, std::uint8_t>,
                   &RV_ISA::convert<T, std::uint16_t>, &RV_ISA::convert<T, std::uint32_t>,
                   &RV_ISA::convert<T, std::uint64_t>, &RV_ISA::convert_bool<T>},
                  &RV_ISA::philox<T>, &RV_ISA::dropout<T>, &RV_ISA::scale_shift<T>,
                  &RV_ISA::scale_shift_row<T>, &RV_ISA::add<T>, &RV_ISA::sum<T>, &RV_ISA::sumsq<T>,
                  &RV_ISA::sumabs<T>, &RV_ISA::all_finite<T>, &RV_ISA::transpose<T>)

}  // namespace ranvier
