// Affine sampling: planes and bands of their rows, divided among threads.
#include <algorithm>

#include "kernels/image.hpp"
#include "ranvier/runtime.hpp"

namespace ranvier {
namespace {

constexpr index_t kBand = 64;  // rows a task

template <class T>
AffineJob<T> job_of(const ImageShape& s, const double* transform, const AffineSpec& spec) {
    AffineJob<T> job{s.h, s.w, s.c, {}, spec.fill, false, static_cast<T>(spec.fill_value)};
    std::copy_n(transform, 6, job.a);
    job.nearest = spec.interpolation == Interpolation::nearest;
    return job;
}

double work(const ImageShape& s) {
    return static_cast<double>(s.planes * s.n * s.h * s.w) *
           (40.0 + 8.0 * static_cast<double>(s.c));
}

}  // namespace

template <class T>
void affine_transform(const ImageShape& s, const double* transforms, const AffineSpec& spec,
                      const T* x, T* y) {
    if (s.elements() == 0) return;
    const auto kernel = kernels<ImageKernels, T>().affine;
    const index_t bands = (s.h + kBand - 1) / kBand;
    parallel_for(threads_for(work(s)), s.n * s.planes * bands, [&](index_t task) {
        const index_t plane = task / bands, first = task % bands * kBand;
        kernel(job_of<T>(s, transforms + plane / s.planes * 8, spec), first,
               std::min(s.h, first + kBand), x + plane * s.plane(), y + plane * s.plane());
    });
}

// A plane is one task: what its pixels add to dx must be added in one order.
template <class T>
void affine_transform_backward(const ImageShape& s, const double* transforms,
                               const AffineSpec& spec, const T* dy, T* dx) {
    if (s.elements() == 0) return;
    const auto kernel = kernels<ImageKernels, T>().affine_backward;
    parallel_for(threads_for(work(s)), s.n * s.planes, [&](index_t plane) {
        T* d = dx + plane * s.plane();
        std::fill_n(d, s.plane(), T(0));
        kernel(job_of<T>(s, transforms + plane / s.planes * 8, spec), dy + plane * s.plane(), d);
    });
}

#define RV_INSTANTIATE(T)                                                                         \
    template void affine_transform(const ImageShape&, const double*, const AffineSpec&, const T*, \
                                   T*);                                                           \
    template void affine_transform_backward(const ImageShape&, const double*, const AffineSpec&,  \
                                            const T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
