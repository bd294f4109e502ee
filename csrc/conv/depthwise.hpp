// Rows of a depthwise convolution, cut into pieces whose taps all lie within the image: nothing is
// copied, and what lies outside is not added rather than added as zero.
#pragma once

#include <algorithm>

#include "conv/window.hpp"
#include "kernels/depthwise.hpp"

namespace ranvier {

// The taps [first, end) of an axis that lie within the image, for an output whose first is at `at`.
struct TapRange {
    TapRange(index_t at, index_t extent, index_t taps, index_t dilation)
        : first(std::min(at < 0 ? (-at + dilation - 1) / dilation : 0, taps)),
          end(std::clamp<index_t>(at < extent ? (extent - 1 - at) / dilation + 1 : 0, first,
                                  taps)) {}
    index_t first, end;
};

// The taps that output pixels from (od, oh, ow) on have within the image.
template <class T>
void set_taps(const Window<T>& w, index_t od, index_t oh, index_t ow, index_t* room,
              DepthwiseTask<T>& t) {
    const index_t z0 = od * w.step[0] + w.origin[0], y0 = oh * w.step[1] + w.origin[1];
    const index_t x0 = ow * w.step[2] + w.origin[2];
    const TapRange z(z0, w.in[0], w.taps[0], w.dilation[0]);
    const TapRange y(y0, w.in[1], w.taps[1], w.dilation[1]);
    const TapRange x(x0, w.in[2], w.taps[2], w.dilation[2]);
    index_t *offset = room, *at = room + w.tap_count(), n = 0;
    for (index_t d = z.first; d < z.end; ++d)
        for (index_t h = y.first; h < y.end; ++h) {
            const index_t row = (z0 + d * w.dilation[0]) * w.in[1] + y0 + h * w.dilation[1];
            const index_t tap = (d * w.taps[1] + h) * w.taps[2];
            for (index_t i = x.first; i < x.end; ++i, ++n) {
                offset[n] = (row * w.in[2] + x0 + i * w.dilation[2]) * w.c;
                at[n] = (tap + i) * w.c;
            }
        }
    t.taps = n;
    t.offsets = offset;
    t.at = at;
}

// Calls f(task, ow) for pieces of output row `r` (of an image's out[0] * out[1]). `room` holds
// 2 * tap_count() elements.
template <class T, class F>
void depthwise_row(const Window<T>& w, const T* image, index_t r, index_t* room, F f) {
    const index_t od = r / w.out[1], oh = r % w.out[1], step = w.step[2];
    const index_t reach = (w.taps[2] - 1) * w.dilation[2];
    const index_t first = std::clamp<index_t>((-w.origin[2] + step - 1) / step, 0, w.out[2]);
    const index_t room_right = w.in[2] - 1 - reach - w.origin[2];
    const index_t end =
        std::clamp<index_t>(room_right < 0 ? 0 : room_right / step + 1, first, w.out[2]);
    DepthwiseTask<T> t{};
    t.c = w.c;
    t.x = image;
    t.step = step * w.c;
    // the rows that the next output row has and this one not
    const index_t row = w.in[2] * w.c;
    const index_t next = oh * w.step[1] + w.origin[1] + (w.taps[1] - 1) * w.dilation[1] + 1;
    const index_t depth = std::clamp<index_t>(od * w.step[0] + w.origin[0], 0, w.in[0] - 1);
    const bool more = next >= 0 && next < w.in[1];
    if (more) t.ahead = image + (depth * w.in[1] + next) * row;
    for (index_t ow = 0; ow < w.out[2]; ow += t.pixels) {
        const bool inner = ow == first && first < end;
        t.pixels = inner ? end - first : 1;
        t.ahead_size = inner && more ? std::min(w.step[1], w.in[1] - next) * row : 0;
        set_taps(w, od, oh, ow, room, t);
        f(t, ow);
    }
}

}  // namespace ranvier
