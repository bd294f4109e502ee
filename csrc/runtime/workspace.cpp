// Scratch memory: a per-thread stack of aligned blocks, kept between calls.
#include <sys/mman.h>

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

// From the system and back to it: what malloc is given back it may keep. Null if there is none.
void* map(std::size_t bytes) {
    void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? nullptr : p;
}

// One block normally; when a request does not fit, a further block is added, and once everything
// has been returned the blocks are merged into one of the size that was needed.
struct Arena {
    struct Block {
        char* data;
        std::size_t size;
        std::size_t used;
        void free() const { munmap(data, size); }
    };
    std::vector<Block> blocks;
    std::size_t live = 0, peak = 0;

    ~Arena() { release(); }

    void release() noexcept {
        release_blocks();
        peak = 0;
    }
    void release_blocks() noexcept {
        for (const Block& b : blocks) b.free();
        blocks.clear();
    }

    void* take(std::size_t bytes) {
        if (blocks.empty() || blocks.back().size - blocks.back().used < bytes) {
            if (live == 0) release_blocks();  // too small, it would only lie beside the larger one
            // What is taken next may well fit, and until then takes no memory.
            std::size_t size = bytes > kMaxKept / 2 ? bytes : 2 * bytes;
            if (size < kMinBlock) size = kMinBlock;
            blocks.reserve(blocks.size() + 1);
            void* p = map(size);
            if (p == nullptr) throw std::bad_alloc();
            blocks.push_back({static_cast<char*>(p), size, 0});
        }
        Block& b = blocks.back();
        void* p = b.data + b.used;
        b.used += bytes;
        live += bytes;
        if (live > peak) peak = live;
        return p;
    }

    void give_back(std::size_t bytes) noexcept {
        if (bytes == 0) return;  // there may be no block, if one was not to be had
        live -= bytes;
        Block& b = blocks.back();
        b.used -= bytes;
        if (blocks.size() > 1 && b.used == 0) {
            b.free();
            blocks.pop_back();
        }
        if (live == 0) grow_first();
    }

    // Empty again after an overflow: replace the first block by one that would have been enough.
    void grow_first() noexcept {
        if (peak > kMaxKept || peak <= blocks.front().size) return;
        void* p = map(peak);
        if (p == nullptr) return;
        blocks.front().free();
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
