// Scratch memory: a per-thread stack of aligned blocks, kept between calls.
#include <cstdlib>
#include <new>
#include <vector>

#include "ranvier/runtime.hpp"

namespace ranvier {
namespace {

void* allocate(std::size_t bytes) {
    if (bytes > static_cast<std::size_t>(PTRDIFF_MAX) - 2 * kAlignment) throw std::bad_alloc();
    const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    void* p = std::aligned_alloc(kAlignment, rounded ? rounded : kAlignment);
    if (p == nullptr) throw std::bad_alloc();
    return p;
}

// One block normally; when a request does not fit, a further block is added, and once everything
// has been returned the blocks are merged into one of the size that was needed.
struct Arena {
    struct Block {
        char* data;
        std::size_t size;
        std::size_t used;
    };
    std::vector<Block> blocks;
    std::size_t live = 0, peak = 0;

    ~Arena() { release(); }

    void release() noexcept {
        for (auto& b : blocks) std::free(b.data);
        blocks.clear();
        peak = 0;
    }

    void* take(std::size_t bytes) {
        if (blocks.empty() || blocks.back().size - blocks.back().used < bytes) {
            const std::size_t size = bytes > kMinBlock ? bytes : kMinBlock;
            blocks.reserve(blocks.size() + 1);
            blocks.push_back({static_cast<char*>(allocate(size)), size, 0});
        }
        Block& b = blocks.back();
        void* p = b.data + b.used;
        b.used += bytes;
        live += bytes;
        if (live > peak) peak = live;
        return p;
    }

    void give_back(std::size_t bytes) noexcept {
        live -= bytes;
        Block& b = blocks.back();
        b.used -= bytes;
        if (blocks.size() > 1) {
            if (b.used == 0) {
                std::free(b.data);
                blocks.pop_back();
            }
            if (live == 0) grow_first();
        }
    }

    // Empty again after an overflow: replace the first block by one that would have been enough.
    void grow_first() noexcept {
        if (peak > kMaxKept || peak <= blocks.front().size) return;
        void* p = std::aligned_alloc(kAlignment, (peak + kAlignment - 1) / kAlignment * kAlignment);
        if (p == nullptr) return;
        std::free(blocks.front().data);
        blocks.front() = {static_cast<char*>(p), peak, 0};
    }

    static constexpr std::size_t kMinBlock = std::size_t{1} << 20;
    static constexpr std::size_t kMaxKept = std::size_t{256} << 20;
};

thread_local Arena arena;

std::size_t padded(std::size_t bytes) {
    if (bytes > static_cast<std::size_t>(PTRDIFF_MAX) - 2 * kAlignment) throw std::bad_alloc();
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

void* scratch_take(std::size_t bytes) { return arena.take(padded(bytes)); }
void scratch_return(void*, std::size_t bytes) noexcept { arena.give_back(padded(bytes)); }

std::size_t scratch_bytes() {
    std::size_t total = 0;
    for (const auto& b : arena.blocks) total += b.size;
    return total;
}

void scratch_release() noexcept {
    if (arena.live == 0) arena.release();
}

AlignedBuffer::AlignedBuffer(std::size_t bytes) : p_(allocate(bytes)), bytes_(bytes) {}
AlignedBuffer::~AlignedBuffer() { std::free(p_); }
AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& o) noexcept {
    if (this != &o) {
        std::free(p_);
        p_ = o.p_;
        bytes_ = o.bytes_;
        o.p_ = nullptr;
        o.bytes_ = 0;
    }
    return *this;
}

}  // namespace ranvier
