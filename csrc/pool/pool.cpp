// Max and average pooling: rows of outputs (backward: of inputs) are independent of each other.
#include "kernels/pool.hpp"

#include <cstring>

#include "ranvier/pool.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier {
namespace {

PoolLine line_of(const PoolShape& s) {
    return {s.in[2], s.c, s.window[2], s.stride[2], s.before[2], s.out[2]};
}

// [begin, end) along an axis: inputs of a window, or windows that an input is in.
struct Range {
    index_t begin, end;
    index_t size() const { return end - begin; }
};
Range window_at(const PoolShape& s, int axis, index_t o) {
    const index_t at = o * s.stride[axis] - s.before[axis], end = at + s.window[axis];
    return {at > 0 ? at : 0, end < s.in[axis] ? end : s.in[axis]};
}
Range windows_over(const PoolShape& s, int axis, index_t i) {
    const index_t at = i + s.before[axis], over = at - s.window[axis], step = s.stride[axis];
    const index_t end = at / step + 1;
    return {over >= 0 ? over / step + 1 : 0, end < s.out[axis] ? end : s.out[axis]};
}
index_t least(index_t a, index_t b) { return a < b ? a : b; }

// f(first element of a row of outputs, rows, pointers to the rows of inputs that it sees)
template <class T, class F>
void each_output_row(const PoolShape& s, index_t row0, index_t row1, const T* x, F&& f) {
    const index_t width = s.in[2] * s.c;
    if (width == 0) return;
    const Scratch<const T*> rows(least(s.window[0], s.in[0]) * least(s.window[1], s.in[1]));
    for (index_t row = row0; row < row1; ++row) {
        const T* image = x + row / s.rows() * s.in_image();
        const Range d = window_at(s, 0, row % s.rows() / s.out[1]);
        const Range h = window_at(s, 1, row % s.out[1]);
        index_t n = 0;
        for (index_t i = d.begin; i < d.end; ++i)
            for (index_t j = h.begin; j < h.end; ++j) rows[n++] = image + (i * s.in[1] + j) * width;
        f(row * s.out[2] * s.c, n, rows.get());
    }
}

// f(first element of a row of inputs, rows of outputs it sends to, those)
template <class T, class F>
void each_input_row(const PoolShape& s, index_t row0, index_t row1, const T* dy, const void* index,
                    F&& f) {
    const index_t width = s.out[2] * s.c;
    if (width == 0) return;
    auto most = [&](int axis) {
        return least((s.window[axis] - 1) / s.stride[axis] + 1, s.out[axis]);
    };
    const Scratch<PoolSender<T>> from(most(0) * most(1));
    for (index_t row = row0; row < row1; ++row) {
        const index_t first = row / s.in_rows() * s.rows();
        const index_t i = row % s.in_rows() / s.in[1], j = row % s.in[1];
        const Range d = windows_over(s, 0, i), h = windows_over(s, 1, j);
        index_t n = 0;
        for (index_t od = d.begin; od < d.end; ++od)
            for (index_t oh = h.begin; oh < h.end; ++oh) {
                const Range wd = window_at(s, 0, od), wh = window_at(s, 1, oh);
                const index_t at = (first + od * s.out[1] + oh) * width;
                const index_t height = wd.size() * wh.size();
                from[n++] = {dy + at, static_cast<const char*>(index) + at * s.index_bytes(),
                             (i - wd.begin) * wh.size() + j - wh.begin, height,
                             s.mean ? T(1) / static_cast<T>(height * s.window[2]) : T(1)};
            }
        f(row * s.in[2] * s.c, n, from.get());
    }
}

// Few channels: one addition for each output is faster than rows that gather; what is added to an
// element comes in the same order. An index beyond the window is nobody's.
template <class T>
bool few_channels(index_t c) {
    return c < 8 && c < kernels<PoolBackwardKernels, T>().lanes;
}

// Where the elements of a window lie, counted from its first.
class Places {
  public:
    Places(const PoolShape& s, index_t depth, index_t height, index_t width)
        : s_(s), height_(height), width_(width), count_(depth * height * width) {
        for (index_t i = 0; i < count_ && i < 256; ++i) table_[i] = compute(i);
    }
    index_t count() const { return count_; }
    index_t operator[](index_t i) const { return i < 256 ? table_[i] : compute(i); }

  private:
    index_t compute(index_t i) const {
        const index_t row = i / width_, plane = row / height_;
        const index_t line = plane * s_.in[1] + row - plane * height_;
        return (line * s_.in[2] + i - row * width_) * s_.c;
    }
    const PoolShape& s_;
    index_t height_, width_, count_;
    index_t table_[256];
};

template <class T, class I>
void scatter_image(const PoolShape& s, const T* dy, const I* index, T* dx) {
    std::memset(dx, 0, static_cast<std::size_t>(s.in_image()) * sizeof(T));
    const index_t c = s.c;
    const PoolLine line = line_of(s);
    const index_t whole_begin = line.whole_begin(), whole_end = line.whole_end();
    for (index_t row = 0; row < s.rows(); ++row) {
        const Range d = window_at(s, 0, row / s.out[1]), h = window_at(s, 1, row % s.out[1]);
        T* to = dx + (d.begin * s.in[1] + h.begin) * s.in[2] * c;
        auto run = [&](index_t begin, index_t end, const Places& places) {
            const index_t count = places.count();
            for (index_t o = begin; o < end; ++o, dy += c, index += c) {
                T* at = to + line.first(o) * c;
                for (index_t j = 0; j < c; ++j)
                    if (index[j] < count) at[places[index[j]] + j] += dy[j];
            }
        };
        for (index_t o = 0; o < s.out[2];) {
            const index_t end = o >= whole_begin && o < whole_end ? whole_end : o + 1;
            run(o, end, Places(s, d.size(), h.size(), line.length(o)));
            o = end;
        }
    }
}
template <class T>
void scatter_images(const PoolShape& s, index_t image0, index_t image1, const T* dy,
                    const void* index, T* dx) {
    for (index_t i = image0; i < image1; ++i) {
        const index_t at = i * s.out_image();
        T* to = dx + i * s.in_image();
        if (s.wide_index)
            scatter_image(s, dy + at, static_cast<const std::uint32_t*>(index) + at, to);
        else
            scatter_image(s, dy + at, static_cast<const std::uint8_t*>(index) + at, to);
    }
}

// body(row0, row1) over all rows of a batch, pieces of about a quarter of L2; whole images if there
// are enough of them.
template <class T, class F>
void split_rows(const PoolShape& s, index_t rows_of_image, F&& body) {
    const index_t rows = s.n * rows_of_image, elements = s.n * (s.in_image() + s.out_image());
    if (rows == 0) return;
    const int threads = threads_for(4.0 * sizeof(T) * static_cast<double>(elements));
    if (threads == 1) return body(index_t(0), rows);
    constexpr index_t kPiece = 65536;
    index_t piece = 1 + kPiece / (1 + elements / rows);
    if (s.n >= threads) piece = (piece + rows_of_image - 1) / rows_of_image * rows_of_image;
    parallel_for(threads, (rows + piece - 1) / piece,
                 [&](index_t t) { body(t * piece, least((t + 1) * piece, rows)); });
}

}  // namespace

template <class T>
void maxpool_forward_rows(const PoolShape& s, index_t row0, index_t row1, const T* x, T* y,
                          void* index) {
    const PoolLine line = line_of(s);
    const auto kernel = kernels<PoolForwardKernels, T>().max;
    each_output_row(s, row0, row1, x, [&](index_t at, index_t rows, const T* const* from) {
        char* to = static_cast<char*>(index);
        if (to != nullptr) to += at * s.index_bytes();
        kernel(line, rows, from, y + at, to, s.wide_index);
    });
}
template <class T>
void maxpool_backward_rows(const PoolShape& s, index_t row0, index_t row1, const T* dy,
                           const void* index, T* dx) {
    const index_t rows_of_image = s.in_rows();
    if (few_channels<T>(s.c) && row0 % rows_of_image == 0 && row1 % rows_of_image == 0)
        return scatter_images(s, row0 / rows_of_image, row1 / rows_of_image, dy, index, dx);
    const PoolLine line = line_of(s);
    const auto kernel = kernels<PoolBackwardKernels, T>().max;
    each_input_row(s, row0, row1, dy, index,
                   [&](index_t at, index_t rows, const PoolSender<T>* from) {
                       kernel(line, rows, from, s.wide_index, dx + at);
                   });
}
template <class T>
void avgpool_forward_rows(const PoolShape& s, index_t row0, index_t row1, const T* x, T* y) {
    const PoolLine line = line_of(s);
    const auto kernel = kernels<PoolForwardKernels, T>().average;
    each_output_row(s, row0, row1, x, [&](index_t at, index_t rows, const T* const* from) {
        kernel(line, s.mean, rows, from, y + at);
    });
}
template <class T>
void avgpool_backward_rows(const PoolShape& s, index_t row0, index_t row1, const T* dy, T* dx) {
    const PoolLine line = line_of(s);
    const auto kernel = kernels<PoolBackwardKernels, T>().average;
    each_input_row<T>(s, row0, row1, dy, nullptr,
                      [&](index_t at, index_t rows, const PoolSender<T>* from) {
                          kernel(line, s.mean, rows, from, dx + at);
                      });
}

template <class T>
void maxpool_forward(const PoolShape& s, index_t image0, index_t image1, const T* x, T* y,
                     void* index) {
    maxpool_forward_rows(s, image0 * s.rows(), image1 * s.rows(), x, y, index);
}
template <class T>
void maxpool_backward(const PoolShape& s, index_t image0, index_t image1, const T* dy,
                      const void* index, T* dx) {
    maxpool_backward_rows(s, image0 * s.in_rows(), image1 * s.in_rows(), dy, index, dx);
}
template <class T>
void avgpool_forward(const PoolShape& s, index_t image0, index_t image1, const T* x, T* y) {
    avgpool_forward_rows(s, image0 * s.rows(), image1 * s.rows(), x, y);
}
template <class T>
void avgpool_backward(const PoolShape& s, index_t image0, index_t image1, const T* dy, T* dx) {
    avgpool_backward_rows(s, image0 * s.in_rows(), image1 * s.in_rows(), dy, dx);
}

template <class T>
void max_pool(const PoolShape& s, const T* x, T* y, void* index) {
    split_rows<T>(s, s.rows(), [&](index_t row0, index_t row1) {
        maxpool_forward_rows(s, row0, row1, x, y, index);
    });
}
template <class T>
void max_pool_backward(const PoolShape& s, const T* dy, const void* index, T* dx) {
    split_rows<T>(s, s.in_rows(), [&](index_t row0, index_t row1) {
        maxpool_backward_rows(s, row0, row1, dy, index, dx);
    });
}
template <class T>
void average_pool(const PoolShape& s, const T* x, T* y) {
    split_rows<T>(s, s.rows(),
                  [&](index_t row0, index_t row1) { avgpool_forward_rows(s, row0, row1, x, y); });
}
template <class T>
void average_pool_backward(const PoolShape& s, const T* dy, T* dx) {
    split_rows<T>(s, s.in_rows(), [&](index_t row0, index_t row1) {
        avgpool_backward_rows(s, row0, row1, dy, dx);
    });
}

#define RV_INSTANTIATE(T)                                                                          \
    template void maxpool_forward_rows(const PoolShape&, index_t, index_t, const T*, T*, void*);   \
    template void maxpool_backward_rows(const PoolShape&, index_t, index_t, const T*, const void*, \
                                        T*);                                                       \
    template void avgpool_forward_rows(const PoolShape&, index_t, index_t, const T*, T*);          \
    template void avgpool_backward_rows(const PoolShape&, index_t, index_t, const T*, T*);         \
    template void maxpool_forward(const PoolShape&, index_t, index_t, const T*, T*, void*);        \
    template void maxpool_backward(const PoolShape&, index_t, index_t, const T*, const void*, T*); \
    template void avgpool_forward(const PoolShape&, index_t, index_t, const T*, T*);               \
    template void avgpool_backward(const PoolShape&, index_t, index_t, const T*, T*);              \
    template void max_pool(const PoolShape&, const T*, T*, void*);                                 \
    template void max_pool_backward(const PoolShape&, const T*, const void*, T*);                  \
    template void average_pool(const PoolShape&, const T*, T*);                                    \
    template void average_pool_backward(const PoolShape&, const T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
