// The forward pass and the gradient of the input, as windows or as a plain product.
#include <algorithm>
#include <type_traits>
#include <vector>

#include "conv/map.hpp"
#include "ranvier/gemm.hpp"

namespace ranvier {
namespace {

// One tap, no stride: pixels are the rows of a matrix product.
template <class T>
class PointwiseMap final : public ImageMap<T> {
  public:
    // y = x w, or with w transposed.
    PointwiseMap(const ConvShape& s, Trans trans, const T* w, const Finish<T>& f)
        : pixels_(s.in_pixels()), all_(s.n * pixels_), k_(s.c), n_(s.co), trans_(trans), w_(w) {
        if (trans == Trans::yes) std::swap(k_, n_);
        epilogue_.bias = f.bias;
        if (f.relu) {
            epilogue_.act = Act::relu;
            epilogue_.params = {static_cast<double>(f.slope), __builtin_inf(), 0.0};
        }
    }
    void images(index_t i0, index_t i1, const T* x, T* y) const override {
        rows(i0 * pixels_, i1 * pixels_, x, y);
    }
    void part(index_t image, index_t part, index_t parts, const T* x, T* y) const override {
        const index_t p = image * pixels_;
        rows(p + pixels_ * part / parts, p + pixels_ * (part + 1) / parts, x, y);
    }

  private:
    void rows(index_t r0, index_t r1, const T* x, T* y) const {
        gemm<T>(Trans::no, trans_, r1 - r0, n_, k_, T(1), x + r0 * k_, k_, w_,
                trans_ == Trans::no ? n_ : k_, T(0), y + r0 * n_, n_, epilogue_, all_);
    }
    index_t pixels_, all_, k_, n_;
    Trans trans_;
    const T* w_;
    Epilogue<T> epilogue_;
};

template <class T>
class WindowMap final : public ImageMap<T> {
  public:
    // `matrices`: elements of scratch for the windows' own matrices, handed out by matrix().
    WindowMap(index_t y_image, index_t matrices) : y_image_(y_image), matrix_(matrices) {}

    T* matrix(index_t size) {
        T* m = matrix_.get() + used_;
        used_ += size;
        return m;
    }
    void add(const Window<T>& w, index_t y_offset) { windows_.push_back({w, y_offset}); }
    // What no window writes is `bias` (null: zero), [c] for each pixel.
    void fill(const T* bias, index_t c) {
        fills_ = true;
        bias_ = bias;
        c_ = c;
    }
    void prepare() {
        index_t size = 0;
        for (const auto& [w, offset] : windows_) size += WindowRun<T>::packed_size(w);
        packed_ = std::make_unique<Scratch<T>>(size);
        T* room = packed_->get();
        for (const auto& [w, offset] : windows_) {
            runs_.emplace_back(w, room);
            room += WindowRun<T>::packed_size(w);
        }
    }

    void images(index_t i0, index_t i1, const T* x, T* y) const override {
        if (fills_) fill_pixels(y + i0 * y_image_, y + i1 * y_image_);
        // Several windows on an image: while it is near.
        const index_t most = runs_.size() > 1 ? images_at_once() : i1 - i0;
        for (index_t from = i0, to; from < i1; from = to) {
            to = std::min(from + most, i1);
            for (std::size_t i = 0; i < runs_.size(); ++i) {
                const index_t rows = runs_[i].rows_of_image();
                runs_[i].run(from * rows, to * rows, x, y + windows_[i].offset, y_image_);
            }
        }
    }
    void part(index_t image, index_t part, index_t parts, const T* x, T* y) const override {
        if (fills_) {  // rare: not worth dividing
            if (part == 0) images(image, image + 1, x, y);
            return;
        }
        for (std::size_t i = 0; i < runs_.size(); ++i) {
            const index_t rows = runs_[i].rows_of_image(), r = image * rows;
            runs_[i].run(r + rows * part / parts, r + rows * (part + 1) / parts, x,
                         y + windows_[i].offset, y_image_);
        }
    }

  private:
    // So many that reading matrices is not most of the work.
    index_t images_at_once() const {
        constexpr index_t kElements = 512 * 1024 / sizeof(T);
        index_t matrices = 0;
        for (const auto& [w, offset] : windows_) matrices += w.groups * w.k() * w.co;
        return std::max<index_t>(1,
                                 std::max(kElements, matrices) / (runs_[0].w.image() + y_image_));
    }
    void fill_pixels(T* y, const T* end) const {
        if (bias_ == nullptr) return std::fill(y, y + (end - y), T(0));
        for (; y < end; y += c_) std::copy_n(bias_, c_, y);
    }
    struct Placed {
        Window<T> w;
        index_t offset;
    };
    index_t y_image_;
    bool fills_ = false;
    const T* bias_ = nullptr;
    index_t c_ = 0, used_ = 0;
    std::vector<Placed> windows_;
    std::vector<WindowRun<T>> runs_;
    Scratch<T> matrix_;
    std::unique_ptr<Scratch<T>> packed_;
};

bool is_depthwise(const ConvShape& s) { return s.groups > 1 && s.groups == s.c && s.co == s.c; }

// How the outputs of one phase of one axis of x lie, as outputs of a window on y.
struct Phase {
    index_t first, count;  // x at first, first + stride, ...
    index_t tap, taps;     // tap, tap + stride, ... of the kernel, in reverse
    index_t origin, dilation;
};
Phase phase_of(const ConvShape& s, int i, index_t first) {
    const index_t stride = s.stride[i], pad = s.pad[i], r = (first + pad) % stride;
    Phase p;
    p.first = first;
    p.count = (s.in[i] - first + stride - 1) / stride;
    p.tap = r;
    p.taps = r < s.kernel[i] ? (s.kernel[i] - r + stride - 1) / stride : 0;
    p.dilation = s.dilation[i];
    p.origin = (p.first + pad - r) / stride - (p.taps - 1) * p.dilation;
    return p;
}

// out = x^T, in squares that fit into L1.
template <class T>
void transpose(index_t rows, index_t cols, const T* x, index_t ld, T* out) {
    constexpr index_t kSide = 16;
    for (index_t r = 0; r < rows; r += kSide)
        for (index_t c = 0; c < cols; c += kSide)
            for (index_t j = c; j < std::min(c + kSide, cols); ++j)
                for (index_t i = r; i < std::min(r + kSide, rows); ++i)
                    out[j * rows + i] = x[i * ld + j];
}

// The taps of three phases in reverse, channels exchanged: [taps, co, c] of a group.
template <class T>
void phase_weights(const ConvShape& s, const Phase (&p)[3], index_t group, const T* w, T* out) {
    const index_t cg = s.c_of_group(), cog = s.co_of_group();
    for (index_t d = p[0].taps; d-- > 0;)
        for (index_t h = p[1].taps; h-- > 0;)
            for (index_t x = p[2].taps; x-- > 0; out += cog * cg) {
                const index_t tap =
                    ((p[0].tap + d * s.stride[0]) * s.kernel[1] + p[1].tap + h * s.stride[1]) *
                        s.kernel[2] +
                    p[2].tap + x * s.stride[2];
                const T* from = w + tap * cg * s.co + group * cog;
                transpose(cg, cog, from, s.co, out);
            }
}

template <class T>
void add_phase(const ConvShape& s, const Phase (&p)[3], const T* w, const Finish<T>& finish,
               WindowMap<T>& map) {
    const bool depthwise = is_depthwise(s);
    const index_t pixel[3] = {s.in[1] * s.in[2] * s.c, s.in[2] * s.c, s.c};
    Window<T> v{};
    v.images = s.n;
    index_t offset = 0;
    for (int i = 0; i < 3; ++i) {
        v.in[i] = s.out[i];
        v.taps[i] = p[i].taps;
        v.step[i] = 1;
        v.dilation[i] = p[i].dilation;
        v.origin[i] = p[i].origin;
        v.out[i] = p[i].count;
        v.to[i] = s.stride[i] * pixel[i];
        offset += p[i].first * pixel[i];
    }
    v.c = s.co;
    v.relu = finish.relu;
    v.slope = finish.slope;
    v.depthwise = depthwise;
    if (depthwise) {
        v.cg = v.co = s.c;
        v.groups = 1;
        T* m = map.matrix(v.tap_count() * s.c);
        ConvShape one = s;  // every channel's taps, as if they were one channel's
        one.c = 1, one.groups = 1;
        phase_weights(one, p, 0, w, m);
        v.b = m;
        v.bias = finish.bias;
        return map.add(v, offset);
    }
    v.groups = s.groups;
    v.cg = s.co_of_group();
    v.co = v.ldb = s.c_of_group();
    v.b_group = v.k() * v.co;
    T* m = map.matrix(s.groups * v.b_group);
    for (index_t g = 0; g < s.groups; ++g) phase_weights(s, p, g, w, m + g * v.b_group);
    v.b = m;
    v.bias = finish.bias;
    map.add(v, offset);
}

}  // namespace

bool is_pointwise(const ConvShape& s) {
    for (int i = 0; i < 3; ++i)
        if (s.kernel[i] != 1 || s.stride[i] != 1 || s.in[i] != s.out[i]) return false;
    return s.groups == 1;
}

ConvShape folded(const ConvShape& s) {
    ConvShape f = s;
    if (s.kernel[0] == 1 && s.stride[0] == 1 && s.pad[0] == 0 && s.in[0] == s.out[0]) {
        f.n *= s.in[0];
        f.in[0] = f.out[0] = 1;
    }
    return f;
}

template <class T>
ImageMapPtr<T> forward_map(const ConvShape& s, const T* w, const Finish<T>& finish, bool once) {
    if (is_pointwise(s)) return std::make_unique<PointwiseMap<T>>(s, Trans::no, w, finish);
    if constexpr (std::is_same_v<T, float>)
        if (winograd_pays(s, false)) return winograd_map(s, w, finish, false, once);
    auto map = std::make_unique<WindowMap<T>>(s.out_pixels() * s.co, index_t{0});
    Window<T> v{};
    v.images = s.n;
    for (int i = 0; i < 3; ++i) {
        v.in[i] = s.in[i];
        v.taps[i] = s.kernel[i];
        v.step[i] = s.stride[i];
        v.dilation[i] = s.dilation[i];
        v.origin[i] = -s.pad[i];
        v.out[i] = s.out[i];
    }
    v.to[2] = s.co;
    v.to[1] = s.out[2] * v.to[2];
    v.to[0] = s.out[1] * v.to[1];
    v.c = s.c;
    v.ldb = s.co;
    v.relu = finish.relu;
    v.slope = finish.slope;
    v.depthwise = is_depthwise(s);
    v.groups = v.depthwise ? 1 : s.groups;
    v.cg = v.depthwise ? s.c : s.c_of_group();
    v.co = v.b_group = s.co / v.groups;
    v.b = w;
    v.bias = finish.bias;
    map->add(v, 0);
    map->prepare();
    return map;
}

template <class T>
ImageMapPtr<T> transpose_map(const ConvShape& s, const T* w, const Finish<T>& finish, bool once) {
    if (is_pointwise(s)) return std::make_unique<PointwiseMap<T>>(s, Trans::yes, w, finish);
    if constexpr (std::is_same_v<T, float>)
        if (winograd_pays(s, true)) return winograd_map(s, w, finish, true, once);
    auto map = std::make_unique<WindowMap<T>>(s.in_pixels() * s.c, s.weights());
    // As many phases as there are remainders among the pixels: a stride may be longer than x.
    index_t phases[3], at[3];
    for (int i = 0; i < 3; ++i) phases[i] = std::min(s.stride[i], s.in[i]);
    for (at[0] = 0; at[0] < phases[0]; ++at[0])
        for (at[1] = 0; at[1] < phases[1]; ++at[1])
            for (at[2] = 0; at[2] < phases[2]; ++at[2]) {
                Phase p[3];
                for (int i = 0; i < 3; ++i) p[i] = phase_of(s, i, at[i]);
                if (p[0].taps == 0 || p[1].taps == 0 || p[2].taps == 0)
                    map->fill(finish.bias, s.c);
                else
                    add_phase(s, p, w, finish, *map);
            }
    map->prepare();
    return map;
}

template <class T>
void apply(const ImageMap<T>& map, index_t images, const T* x, T* y) {
    const int threads =
        threads_for_images(map.flops_of_image * static_cast<double>(images), images);
    if (threads <= 1 || map.divides_itself()) return map.images(0, images, x, y);
    const index_t parts = images >= 2 * threads ? 1 : (2 * threads + images - 1) / images;
    if (parts > 1)
        return parallel_for(threads, images * parts,
                            [&](index_t i) { map.part(i / parts, i % parts, parts, x, y); });
    parallel_for(threads, threads, [&](index_t i) {
        map.images(images * i / threads, images * (i + 1) / threads, x, y);
    });
}

#define RV_INSTANTIATE(T)                                                                      \
    template ImageMapPtr<T> forward_map(const ConvShape&, const T*, const Finish<T>&, bool);   \
    template ImageMapPtr<T> transpose_map(const ConvShape&, const T*, const Finish<T>&, bool); \
    template void apply(const ImageMap<T>&, index_t, const T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
