// Rows of a depthwise convolution, cut into pieces whose taps all lie within the image: nothing is
// copied, and what lies outside is not added rather than added as zero.
#pragma once

#include <algorithm>
#include <memory>

#include "conv/window.hpp"
#include "kernels/depthwise.hpp"

namespace ranvier {

inline constexpr index_t kLinesBytes = 192 * 1024;
// A copy of an image, with zeros beside its rows, takes so much at most.
inline constexpr index_t kCopyBytes = 512 * 1024;

// The rows of an image's output, some at a time.
template <class T>
class DepthwiseRows {
  public:
    // Pixels a multiple of `few_places` bytes apart have too few places in L1.
    DepthwiseRows(const Window<T>& w, index_t few_places)
        : w_(w), table_(2 * w.taps[0] * w.taps[1]) {
        const index_t step = w.step[2], reach = (w.taps[2] - 1) * w.dilation[2];
        first_ = std::clamp<index_t>((-w.origin[2] + step - 1) / step, 0, w.out[2]);
        const index_t room = w.in[2] - 1 - reach - w.origin[2];
        end_ = std::clamp<index_t>(room < 0 ? 0 : room / step + 1, first_, w.out[2]);
        task_.fetches = fetches_streams();
        task_.c = w.c;
        pixel_ = w.c;
        width_ = w.in[2];
        origin_ = w.origin[2];
        // Pixels at an edge would be tasks of their own, too.
        const index_t item = sizeof(T), width = (w.out[2] - 1) * step + reach + 1;
        const index_t size = w.in[1] * width * (w.c + kApart);
        const bool edges = 8 * (end_ - first_) <= 5 * w.out[2] && w.out[2] > 3;
        if ((edges || w.c * item % few_places == 0) && w.in[0] == 1 && size * item <= kCopyBytes) {
            copy_ = std::make_unique<Scratch<T>>(size);
            pixel_ += kApart;
            width_ = width;
            origin_ = first_ = 0;
            end_ = w.out[2];
        }
        task_.step = step * pixel_;
        task_.between = w.dilation[2] * pixel_;
        task_.line_x = w.step[1] * width_ * pixel_;
        task_.offsets = table_.get();
        task_.at = table_.get() + w.taps[0] * w.taps[1];
    }
    bool fetches() const { return task_.fetches && !copy_; }
    // How many output rows from `r` on are one task: all rows of the kernel lie within the image
    // for each of them, and what they read and write, `written` elements a row, is a share of L2.
    index_t alike(index_t r, index_t written) const {
        const Window<T>& w = w_;
        const index_t oh = r % w.out[1], y0 = oh * w.step[1] + w.origin[1];
        const index_t room = w.in[1] - 1 - (w.taps[1] - 1) * w.dilation[1] - y0;
        if (y0 < 0 || room < 0) return 1;
        const index_t bytes = (task_.line_x + written) * static_cast<index_t>(sizeof(T));
        const index_t most = std::max<index_t>(1, kLinesBytes / bytes);
        return std::min({most, room / w.step[1] + 1, w.out[1] - oh});
    }
    // Calls f(task, ow, tap) for pieces of `lines` output rows from `r` (of an image's out[0] *
    // out[1]) on: from column ow on, the weights from column `tap` on; edges last, which are near
    // then. `end`: of what is still to be read of x.
    template <class F>
    void rows(const T* image, index_t r, index_t lines, const T* end, F f) {
        const Window<T>& w = w_;
        const T* read = copy_ ? copy(image) : image;
        const index_t od = r / w.out[1], oh = r % w.out[1];
        const index_t z0 = od * w.step[0] + w.origin[0], y0 = oh * w.step[1] + w.origin[1];
        set_rows(z0, y0);
        DepthwiseTask<T> t = task_;
        t.lines = lines;
        // the rows that the next ones have and these not
        const index_t row = w.in[2] * w.c, last = y0 + (lines - 1) * w.step[1];
        const index_t next = last + (w.taps[1] - 1) * w.dilation[1] + 1;
        const index_t depth = std::clamp<index_t>(z0, 0, w.in[0] - 1);
        const bool more = fetches() && next >= 0;
        if (more) t.ahead = image + (depth * w.in[1] + std::min(next, w.in[1])) * row;
        const auto piece = [&](index_t ow, index_t pixels, index_t ahead) {
            const index_t x0 = ow * w.step[2] + origin_;
            const TapRange x(x0, width_, w.taps[2], w.dilation[2]);
            t.pixels = pixels;
            t.run = x.end - x.first;
            t.x = read + (x0 + x.first * w.dilation[2]) * pixel_;
            t.ahead_size = ahead;
            f(t, ow, x.first);
        };
        const index_t ahead = more ? std::min(lines * t.line_x, end - t.ahead) : 0;
        if (first_ < end_) piece(first_, end_ - first_, ahead);
        for (index_t ow = 0; ow < first_; ++ow) piece(ow, 1, 0);
        for (index_t ow = end_; ow < w.out[2]; ++ow) piece(ow, 1, 0);
    }

  private:
    // So many elements behind the channels of a pixel: the next one's lie elsewhere in L1.
    static constexpr index_t kApart = 64 / sizeof(T);
    const T* copy(const T* image) {
        T* to = copy_->get();
        if (copied_ == image) return to;
        copied_ = image;
        const Window<T>& w = w_;
        const index_t first = std::max<index_t>(0, -w.origin[2]);  // in the copy
        const index_t from = std::max<index_t>(0, w.origin[2]);
        const index_t last = std::clamp(w.in[2] - from + first, first, width_);
        for (index_t y = 0; y < w.in[1]; ++y, image += w.in[2] * w.c) {
            T* row = to + y * width_ * pixel_;
            std::fill_n(row, first * pixel_, T(0));
            for (index_t i = first; i < last; ++i)
                std::copy_n(image + (i - first + from) * w.c, w.c, row + i * pixel_);
            std::fill_n(row + last * pixel_, (width_ - last) * pixel_, T(0));
        }
        return to;
    }
    // The rows of the kernel that lie within the image, seen from (z0, y0).
    void set_rows(index_t z0, index_t y0) {
        const Window<T>& w = w_;
        const TapRange z(z0, w.in[0], w.taps[0], w.dilation[0]);
        const TapRange y(y0, w.in[1], w.taps[1], w.dilation[1]);
        index_t *offset = table_.get(), *at = offset + w.taps[0] * w.taps[1], n = 0;
        for (index_t d = z.first; d < z.end; ++d)
            for (index_t h = y.first; h < y.end; ++h, ++n) {
                const index_t plane = z0 + d * w.dilation[0], row = y0 + h * w.dilation[1];
                offset[n] = (plane * w.in[1] + row) * width_ * pixel_;
                at[n] = (d * w.taps[1] + h) * w.taps[2] * w.c;
            }
        task_.rows = n;
    }
    const Window<T>& w_;
    Scratch<index_t> table_;
    index_t first_, end_;
    index_t pixel_, width_, origin_;  // of what is read: a pixel's elements, a row's pixels
    std::unique_ptr<Scratch<T>> copy_;
    const T* copied_ = nullptr;
    DepthwiseTask<T> task_{};
};

}  // namespace ranvier
