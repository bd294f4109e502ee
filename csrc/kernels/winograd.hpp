// Winograd's F(4x4, 3x3): the transforms between pixels and the 36 points where a convolution is a
// product. Points 0, +-3/4, +-3/2 and infinity: of those whose transforms are exact in binary, the
// ones with the least error (docs/convolution.md). Plane xi of a transform lies at p + xi * plane.
#pragma once

#include "kernels/kernels.hpp"

namespace ranvier {

template <class T>
struct WinogradKernels {
    // 6 x 6 pixels of x, c channels each, to 36 planes.
    void (*input)(index_t c, const T* x, index_t row, index_t pixel, T* v, index_t plane);
    // 36 planes to the first rows x cols of 4 x 4 pixels of y; bias may be null.
    void (*output)(index_t co, const T* m, index_t plane, index_t rows, index_t cols, T* y,
                   index_t row, index_t pixel, const T* bias, bool relu, T slope);
    // 3 x 3 taps of n weights to 36 planes.
    void (*weights)(index_t n, const T* w, index_t tap, T* u, index_t plane);
    // For the gradient of the weights: 4 x 4 pixels of dy to 36 planes, 36 planes to 3 x 3 taps.
    void (*gradient)(index_t co, const T* dy, index_t row, index_t pixel, T* v, index_t plane);
    void (*weights_gradient)(index_t n, const T* u, index_t plane, T* dw, index_t tap);
};

RV_DECLARE_KERNELS(WinogradKernels)

}  // namespace ranvier
