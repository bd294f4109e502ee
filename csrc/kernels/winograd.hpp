// Winograd's F(5x5, 2x2), F(4x4, 3x3) and F(2x2, 5x5): the transforms between 6 x 6 pixels and the
// 36 points where a convolution is a product. Points 0, +-3/4, +-3/2 and infinity: of those whose
// transforms are exact in binary, the ones with the least error (docs/convolution.md). Plane xi of
// a transform lies at p + xi * plane.
#pragma once

#include "kernels/kernels.hpp"

namespace ranvier {

enum class Winograd : int { f5x5_2x2, f4x4_3x3, f2x2_5x5 };
inline constexpr int kWinogradForms = 3;
constexpr index_t winograd_outputs(Winograd form) {
    return form == Winograd::f5x5_2x2 ? 5 : (form == Winograd::f4x4_3x3 ? 4 : 2);
}

// Floats only. `side`: outputs of a tile, 5, 4 or 2; `size`: of the kernel, 2, 3 or 5. Channels are
// at least kWinogradChannels, and the last vector of them may be worked on twice.
inline constexpr index_t kWinogradChannels = 16;
template <class T>
struct WinogradKernels {
    // 6 x 6 pixels of x, c channels each, to 36 planes.
    void (*input)(index_t c, const T* x, index_t row, index_t pixel, T* v, index_t plane);
    // 36 planes to the first rows x cols of side x side pixels of y; bias may be null.
    void (*output[kWinogradForms])(index_t co, const T* m, index_t plane, index_t rows,
                                   index_t cols, T* y, index_t row, index_t pixel, const T* bias,
                                   bool relu, T slope);
    // size x size taps of n weights, `tap` apart, to 36 planes.
    void (*weights[kWinogradForms])(index_t n, const T* w, index_t tap, T* u, index_t plane);
    // For the gradient of the weights: side x side pixels of dy to 36 planes, and 36 planes to
    // size x size taps.
    void (*gradient[kWinogradForms])(index_t co, const T* dy, index_t row, index_t pixel, T* v,
                                     index_t plane);
    void (*weights_gradient[kWinogradForms])(index_t n, const T* u, index_t plane, T* dw,
                                             index_t tap);
};

RV_DECLARE_FAST_KERNELS(WinogradKernels)

}  // namespace ranvier
