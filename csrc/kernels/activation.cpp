#include "kernels/activation.hpp"

#include "simd/act.hpp"
#include "simd/act_pieces.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

template <template <class> class A, class T>
void act_map(const ActParams& p, index_t n, const T* x, T* y) {
    const A<T> act(p);
    map1<T>(n, x, y, [&](Vec<T> v) RV_LAMBDA_INLINE { return act.y(v); });
}

}  // namespace
}  // namespace RV_ISA

// In the order of ActForm.
#define RV_EACH_ACT(f)                                                                             \
    f(Linear), f(BinaryStep), f(Relu), f(LeakyRelu), f(ReluGeneral), f(Sigmoid), f(Tanh),          \
        f(Softplus), f(Softsign), f(Elu), f(EluFromInput), f(Selu), f(Gelu), f(GeluTanh), f(Silu), \
        f(HardSigmoid), f(Exponential), f(Pieces), f(Mish), f(TanhShrink), f(Squareplus)
#define RV_FORWARD(A) &RV_ISA::act_map<RV_ISA::A, T>

RV_DEFINE_KERNELS(ActivationKernels, {RV_EACH_ACT(RV_FORWARD)})

}  // namespace ranvier
