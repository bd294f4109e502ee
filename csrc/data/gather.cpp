// Rows of a user's array, converted on the way.
#include <cstring>

#include "kernels/data.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier {
namespace {

// One element at a time, for inner strides and foreign byte orders.
template <class T>
void convert_slowly(const Source& s, const char* row, T* out) {
    const auto element = static_cast<std::size_t>(size_of(s.dtype));
    const auto convert = kernels<DataKernels, T>().convert[static_cast<int>(s.dtype)];
    const std::size_t rank = s.shape.size();
    index_t n = 1, at[32] = {};
    for (std::size_t i = 1; i < rank; ++i) n *= s.shape[i];
    const char* p = row;
    for (index_t e = 0; e < n; ++e) {
        char bytes[8];
        for (std::size_t b = 0; b < element; ++b) bytes[b] = p[s.swapped ? element - 1 - b : b];
        convert(bytes, 1, out + e);
        for (std::size_t i = rank; i-- > 1;) {
            p += s.strides[i];
            if (++at[i] < s.shape[i]) break;
            p -= s.strides[i] * s.shape[i];
            at[i] = 0;
        }
    }
}

}  // namespace

index_t size_of(DType dtype) {
    switch (dtype) {
        case DType::i8:
        case DType::u8:
        case DType::b8:
            return 1;
        case DType::f16:
        case DType::i16:
        case DType::u16:
            return 2;
        case DType::f32:
        case DType::i32:
        case DType::u32:
            return 4;
        default:
            return 8;
    }
}

template <class T>
bool is_plain(const Source& s) {
    if (s.dtype != (sizeof(T) == 4 ? DType::f32 : DType::f64) || s.swapped) return false;
    index_t stride = sizeof(T);
    for (std::size_t i = s.shape.size(); i-- > 0;) {
        if (s.strides[i] != stride && s.shape[i] != 1) return false;
        stride *= s.shape[i];
    }
    return reinterpret_cast<std::uintptr_t>(s.data) % sizeof(T) == 0;
}
template bool is_plain<float>(const Source&);
template bool is_plain<double>(const Source&);

template <class T>
void gather_rows(const Source& s, const std::int64_t* rows, index_t start, index_t n, T* out) {
    index_t width = 1;
    bool dense = !s.swapped || size_of(s.dtype) == 1;
    for (std::size_t i = s.shape.size(); i-- > 1;) {
        dense = dense && (s.shape[i] == 1 || s.strides[i] == width * size_of(s.dtype));
        width *= s.shape[i];
    }
    if (n == 0 || width == 0) return;
    const char* base = static_cast<const char*>(s.data);
    const index_t step = s.strides[0];
    const auto convert = kernels<DataKernels, T>().convert[static_cast<int>(s.dtype)];
    const index_t row_bytes = width * size_of(s.dtype);
    if (dense && rows == nullptr && step == row_bytes) {
        convert(base + start * step, n * width, out);
        return;
    }
    if (dense && row_bytes <= 8) {
        // One number a row, as labels are: brought together first, converted at once.
        constexpr index_t kTogether = 512;
        alignas(8) char bytes[kTogether * 8];
        for (index_t i = 0; i < n; i += kTogether) {
            const index_t count = n - i < kTogether ? n - i : kTogether;
            for (index_t e = 0; e < count; ++e) {
                const char* row = base + (rows == nullptr ? start + i + e : rows[i + e]) * step;
                if (row_bytes == 8)
                    std::memcpy(bytes + e * 8, row, 8);
                else if (row_bytes == 4)
                    std::memcpy(bytes + e * 4, row, 4);
                else
                    std::memcpy(bytes + e * row_bytes, row, static_cast<std::size_t>(row_bytes));
            }
            convert(bytes, count * width, out + i * width);
        }
        return;
    }
    // a block of rows a task: enough to be worth it, whatever the width
    const index_t block = 1 + 16384 / width, blocks = (n + block - 1) / block;
    const int threads = threads_for(8.0 * sizeof(T) * static_cast<double>(n * width));
    parallel_for(threads, blocks, [&](index_t b) {
        const index_t end = (b + 1) * block < n ? (b + 1) * block : n;
        for (index_t i = b * block; i < end; ++i) {
            const char* row = base + (rows == nullptr ? start + i : rows[i]) * step;
            if (rows != nullptr && i + 4 < n) __builtin_prefetch(base + rows[i + 4] * step);
            if (dense)
                convert(row, width, out + i * width);
            else
                convert_slowly(s, row, out + i * width);
        }
    });
}

template void gather_rows(const Source&, const std::int64_t*, index_t, index_t, float*);
template void gather_rows(const Source&, const std::int64_t*, index_t, index_t, double*);

}  // namespace ranvier
