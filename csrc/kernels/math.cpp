#include "kernels/activation.hpp"
#include "simd/act.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

#define RV_MATH(name)                                                              \
    template <class T>                                                             \
    void map_##name(index_t n, const T* x, T* y) {                                 \
        map1<T>(n, x, y, [](Vec<T> v) RV_LAMBDA_INLINE { return v##name<T>(v); }); \
    }
RV_MATH(exp)
RV_MATH(log)
RV_MATH(tanh)
RV_MATH(sigmoid)
RV_MATH(erf)
RV_MATH(softplus)
RV_MATH(expm1)
RV_MATH(log1p)

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_KERNELS(MathKernels,
                  {&RV_ISA::map_exp<T>, &RV_ISA::map_log<T>, &RV_ISA::map_tanh<T>,
                   &RV_ISA::map_sigmoid<T>, &RV_ISA::map_erf<T>, &RV_ISA::map_softplus<T>,
                   &RV_ISA::map_expm1<T>, &RV_ISA::map_log1p<T>})

}  // namespace ranvier
