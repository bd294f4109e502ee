// Bringing users' rows in, random numbers, and copies.
#pragma once

#include "ranvier/types.hpp"

namespace ranvier {

// A user's array: any numeric dtype, any strides (bytes; may be negative or zero), either byte
// order. shape[0] is the number of rows.
struct Source {
    const void* data = nullptr;
    DType dtype = DType::f32;
    bool swapped = false;  // not the machine's byte order
    Shape shape;
    std::vector<index_t> strides;
};

// Whether the rows already lie as the engine wants them, and can be read in place.
template <class T>
bool is_plain(const Source& source);

// out[i, :] = (T) source[rows[i], :] for i in [0, n), each row flattened in C order; rows null
// means start, start + 1, ... Row numbers must be in [0, shape[0]) (checked by the caller).
template <class T>
void gather_rows(const Source& source, const std::int64_t* rows, index_t start, index_t n, T* out);

// Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011). Element i of stream
// (seed, stream) is the same for any number of threads and any division of the range.
struct RandomKey {
    std::uint64_t seed = 0;
    std::uint64_t stream = 0;  // e.g. step * nodes + node
};
// The four 32-bit words of block `counter`.
void philox4x32(const RandomKey& key, std::uint64_t counter, std::uint32_t out[4]);

// y[i] = keep_i ? x[i] / (1 - rate) : 0, where keep_i comes from element i of the key: no mask is
// stored, the backward pass calls this again on dy with the same key. x == y is allowed.
// 0 <= rate <= 1 (rate = 1 gives zeros).
template <class T>
void dropout(const RandomKey& key, double rate, index_t n, const T* x, T* y);
// The multipliers themselves (0 or 1 / (1 - rate)), for a noise_shape that is broadcast.
template <class T>
void dropout_mask(const RandomKey& key, double rate, index_t n, T* mask);

// out[i] = uniform in [0, 1), 24 (float) or 53 (double) bits; normal(mean, stddev) by Box-Muller.
template <class T>
void random_uniform(const RandomKey& key, index_t n, T* out);
template <class T>
void random_normal(const RandomKey& key, double mean, double stddev, index_t n, T* out);

// Puts `order` into a random order (Fisher and Yates), each with the same probability.
void shuffle(const RandomKey& key, index_t n, std::int64_t* order);

// y[i] = x[i] * scale + offset; y[i, j] = x[i, j] * scale[j] + offset[j] on [rows, cols].
template <class T>
void scale_shift(index_t n, const T* x, double scale, double offset, T* y);
template <class T>
void scale_shift_columns(index_t rows, index_t cols, const T* x, const T* scale, const T* offset,
                         T* y);

// Permutation of axes: out has shape in_shape[perm[0]], ...
template <class T>
void permute(const Shape& in_shape, const std::vector<int>& perm, const T* x, T* out);

// y += x
template <class T>
void add_inplace(index_t n, const T* x, T* y);

// Reductions in a fixed order: sum, sum of squares, sum of absolute values (in double), any
// non-finite element.
template <class T>
double reduce_sum(index_t n, const T* x);
template <class T>
double reduce_sumsq(index_t n, const T* x);
template <class T>
double reduce_sumabs(index_t n, const T* x);
template <class T>
bool all_finite(index_t n, const T* x);

}  // namespace ranvier
