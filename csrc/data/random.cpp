// Random numbers and dropout: element i depends on (seed, stream, i) alone.
//
// The words of 8 consecutive counters are stored word by word (8 first words, 8 second words, ...),
// so that element i of a stream is word (i % 32) / 8 of counter (i / 32) * 8 + i % 8.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/data.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier {
namespace {

constexpr index_t kBlockGroups = 64;  // 2048 words: 8 KiB
constexpr index_t kBlock = kBlockGroups * kRandomGroup;

// Calls f(first element, count, words) for blocks of words, divided among threads.
template <class T, class F>
void for_words(const RandomKey& key, index_t n, F&& f) {
    const auto philox = kernels<DataKernels, T>().philox;
    const index_t blocks = (n + kBlock - 1) / kBlock;
    parallel_for(threads_for(40.0 * static_cast<double>(n)), blocks, [&](index_t b) {
        alignas(64) std::uint32_t words[kBlock];
        const index_t first = b * kBlock, count = std::min(kBlock, n - first);
        philox(key.seed, key.stream, static_cast<std::uint64_t>(b * kBlockGroups),
               (count + kRandomGroup - 1) / kRandomGroup, words);
        f(first, count, words);
    });
}

template <class T>
void drop(const RandomKey& key, double rate, index_t n, const T* x, T* y) {
    if (rate >= 1) {
        std::fill_n(y, n, T(0));
        return;
    }
    const auto threshold = static_cast<std::uint32_t>(std::min(rate * 4294967296.0, 4294967295.0));
    const T scale = static_cast<T>(1 / (1 - rate));
    for_words<T>(key, n, [&](index_t first, index_t count, const std::uint32_t* words) {
        kernels<DataKernels, T>().dropout(words, threshold, scale, count,
                                          x == nullptr ? nullptr : x + first, y + first);
    });
}

}  // namespace

void philox4x32(const RandomKey& key, std::uint64_t counter, std::uint32_t out[4]) {
    std::uint32_t words[kRandomGroup];
    kernels<DataKernels, float>().philox(key.seed, key.stream, counter / 8, 1, words);
    for (int w = 0; w < 4; ++w) out[w] = words[w * 8 + static_cast<int>(counter % 8)];
}

template <class T>
void dropout(const RandomKey& key, double rate, index_t n, const T* x, T* y) {
    drop(key, rate, n, x, y);
}

template <class T>
void dropout_mask(const RandomKey& key, double rate, index_t n, T* mask) {
    drop<T>(key, rate, n, nullptr, mask);
}

// float: 24 bits of one word; double: 53 bits of two neighbouring ones.
template <class T>
void random_uniform(const RandomKey& key, index_t n, T* out) {
    if constexpr (sizeof(T) == 4) {
        for_words<T>(key, n, [&](index_t first, index_t count, const std::uint32_t* words) {
            for (index_t i = 0; i < count; ++i)
                out[first + i] = static_cast<float>(words[i] >> 8) * 0x1p-24f;
        });
    } else {
        for_words<T>(key, 2 * n, [&](index_t first, index_t count, const std::uint32_t* words) {
            for (index_t i = 0; i + 1 < count; i += 2) {
                const std::uint64_t bits =
                    (static_cast<std::uint64_t>(words[i]) << 21) ^ (words[i + 1] >> 11);
                out[(first + i) / 2] = static_cast<double>(bits & ((1ull << 53) - 1)) * 0x1p-53;
            }
        });
    }
}

// Box-Muller on pairs of words: u in (0, 1], so that the logarithm is finite.
template <class T>
void random_normal(const RandomKey& key, double mean, double stddev, index_t n, T* out) {
    for_words<T>(key, (n + 1) / 2 * 2,
                 [&](index_t first, index_t count, const std::uint32_t* words) {
                     for (index_t i = 0; i + 1 < count; i += 2) {
                         const double u = (static_cast<double>(words[i]) + 1.0) * 0x1p-32;
                         const double angle =
                             2 * std::numbers::pi * static_cast<double>(words[i + 1]) * 0x1p-32;
                         const double radius = stddev * std::sqrt(-2 * std::log(u));
                         out[first + i] = static_cast<T>(mean + radius * std::cos(angle));
                         if (first + i + 1 < n)
                             out[first + i + 1] = static_cast<T>(mean + radius * std::sin(angle));
                     }
                 });
}

#define RV_INSTANTIATE(T)                                                   \
    template void dropout(const RandomKey&, double, index_t, const T*, T*); \
    template void dropout_mask(const RandomKey&, double, index_t, T*);      \
    template void random_uniform(const RandomKey&, index_t, T*);            \
    template void random_normal(const RandomKey&, double, double, index_t, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

namespace {

// The words of one stream, one after the other.
class Words {
  public:
    explicit Words(const RandomKey& key) : key_(key) {}
    std::uint32_t next() {
        if (at_ == kBlock) {
            kernels<DataKernels, float>().philox(key_.seed, key_.stream, group_, kBlockGroups,
                                                 words_);
            group_ += kBlockGroups;
            at_ = 0;
        }
        return words_[at_++];
    }
    // In [0, n), without bias: Lemire, Fast random integer generation in an interval (2019).
    std::uint64_t below(std::uint64_t n) {
        if (n > 0xffffffffu) {
            const std::uint64_t fair = ~std::uint64_t{0} - (~std::uint64_t{0} % n + 1) % n;
            for (;;) {
                std::uint64_t word = std::uint64_t{next()} << 32;
                word |= next();
                if (word <= fair) return word % n;
            }
        }
        const auto range = static_cast<std::uint32_t>(n);
        std::uint64_t product = std::uint64_t{next()} * range;
        if (static_cast<std::uint32_t>(product) < range) {
            const std::uint32_t unfair = (0u - range) % range;
            while (static_cast<std::uint32_t>(product) < unfair)
                product = std::uint64_t{next()} * range;
        }
        return product >> 32;
    }

  private:
    RandomKey key_;
    std::uint64_t group_ = 0;
    index_t at_ = kBlock;
    alignas(64) std::uint32_t words_[kBlock];
};

}  // namespace

void shuffle(const RandomKey& key, index_t n, std::int64_t* order) {
    Words words(key);
    for (index_t i = n - 1; i > 0; --i) {
        const auto j = static_cast<index_t>(words.below(static_cast<std::uint64_t>(i) + 1));
        std::swap(order[i], order[j]);
    }
}

}  // namespace ranvier
