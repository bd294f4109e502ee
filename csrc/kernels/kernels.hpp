// How a kernel family is compiled once per instruction set and found at run time.
//
// A family is a struct template of function pointers (`template <class T> struct FooKernels`),
// declared in csrc/kernels/foo.hpp with RV_DECLARE_KERNELS(FooKernels), and defined in
// csrc/kernels/foo.cpp, which CMake compiles once for each instruction set with RV_ISA set to its
// name. All code there lives in `namespace ranvier::RV_ISA { namespace { ... } }` and the file
// ends with RV_DEFINE_KERNELS(FooKernels, ...).
//
// Two traps. The tables must be constants (constinit), so that no start-up code compiled with AVX
// flags runs on a CPU without AVX. And kernel files must not instantiate inline functions or
// templates from shared headers (std::vector, std::sort, ...): the linker keeps one copy of those,
// perhaps the AVX one, for everybody. .ci/check_kernels.py looks for such symbols.
#pragma once

#include "ranvier/runtime.hpp"

#if defined(RANVIER_BASELINE_ONLY)
#define RV_X86 0
#elif defined(__x86_64__) || defined(_M_X64)
#define RV_X86 1
#else
#define RV_X86 0
#endif
#if defined(__aarch64__) && !defined(RANVIER_BASELINE_ONLY)
#define RV_NEON 1
#else
#define RV_NEON 0
#endif

#define RV_DECLARE_IN(isa, Table, T, bits) \
    namespace isa {                        \
    extern const Table<T> Table##bits;     \
    }

#if RV_X86
#define RV_DECLARE_ALL(Table, T, bits)      \
    RV_DECLARE_IN(baseline, Table, T, bits) \
    RV_DECLARE_IN(avx2, Table, T, bits)     \
    RV_DECLARE_IN(avx512, Table, T, bits)
#define RV_TABLE_LIST(Table, bits, middle, widest) \
    {&baseline::Table##bits, &middle::Table##bits, &widest::Table##bits, nullptr}
#elif RV_NEON
#define RV_DECLARE_ALL(Table, T, bits)      \
    RV_DECLARE_IN(baseline, Table, T, bits) \
    RV_DECLARE_IN(neon, Table, T, bits)
#define RV_TABLE_LIST(Table, bits, middle, widest) \
    {&baseline::Table##bits, nullptr, nullptr, &neon::Table##bits}
#else
#define RV_DECLARE_ALL(Table, T, bits) RV_DECLARE_IN(baseline, Table, T, bits)
#define RV_TABLE_LIST(Table, bits, middle, widest) \
    {&baseline::Table##bits, nullptr, nullptr, nullptr}
#endif

namespace ranvier {

// kernels<FooKernels, float>(): the table for the instruction set in use.
template <template <class> class Table, class T>
struct KernelTables;

template <template <class> class Table, class T>
inline const Table<T>& kernels() {
    return *KernelTables<Table, T>::list[static_cast<int>(isa_in_use())];
}

}  // namespace ranvier

#define RV_DECLARE_TABLE(Table, T, bits, middle, widest)                                       \
    RV_DECLARE_ALL(Table, T, bits)                                                             \
    template <>                                                                                \
    struct KernelTables<Table, T> {                                                            \
        static constexpr const Table<T>* list[4] = RV_TABLE_LIST(Table, bits, middle, widest); \
    };

// What waits for memory, divisions or the elements of a gather gains little from 512 bits, and the
// wheel is small: the NARROW form has the AVX2 kernels there as well. Its files are left out of
// that build, as below.
#define RV_DECLARE_NARROW_KERNELS(Table, doubles)  \
    RV_DECLARE_TABLE(Table, float, 32, avx2, avx2) \
    RV_DECLARE_TABLE(Table, double, 64, doubles, doubles)

// Few networks use doubles, and the code is as large as that for floats. On processors with AVX-512
// they are computed by the AVX2 kernels: only the matrix product gains from wider vectors of them
// (the WIDE form). The COLD form is for families that work on a few columns of output: doubles by
// the baseline's. The FLOAT form is for families without doubles.
#define RV_DECLARE_FLOAT_KERNELS(Table) RV_DECLARE_TABLE(Table, float, 32, avx2, avx512)
#define RV_DECLARE_KERNELS(Table)   \
    RV_DECLARE_FLOAT_KERNELS(Table) \
    RV_DECLARE_TABLE(Table, double, 64, avx2, avx2)
#define RV_DECLARE_COLD_KERNELS(Table) \
    RV_DECLARE_FLOAT_KERNELS(Table)    \
    RV_DECLARE_TABLE(Table, double, 64, baseline, baseline)
#define RV_DECLARE_WIDE_KERNELS(Table) \
    RV_DECLARE_FLOAT_KERNELS(Table)    \
    RV_DECLARE_TABLE(Table, double, 64, avx2, avx512)

// Without the baseline's: for families that nobody asks for there. Its file is left out of that
// build (cmake/RanvierKernels.cmake).
#if RV_X86
#define RV_DECLARE_FAST_KERNELS(Table)      \
    RV_DECLARE_IN(avx2, Table, float, 32)   \
    RV_DECLARE_IN(avx512, Table, float, 32) \
    RV_FAST_TABLE(Table, nullptr, &avx2::Table##32, &avx512::Table##32, nullptr)
#elif RV_NEON
#define RV_DECLARE_FAST_KERNELS(Table)    \
    RV_DECLARE_IN(neon, Table, float, 32) \
    RV_FAST_TABLE(Table, nullptr, nullptr, nullptr, &neon::Table##32)
#else
#define RV_DECLARE_FAST_KERNELS(Table) RV_FAST_TABLE(Table, nullptr, nullptr, nullptr, nullptr)
#endif
#define RV_FAST_TABLE(Table, ...)                                     \
    template <>                                                       \
    struct KernelTables<Table, float> {                               \
        static constexpr const Table<float>* list[4] = {__VA_ARGS__}; \
    };

// At the end of a kernel file, inside namespace ranvier, outside RV_ISA:
//   RV_DEFINE_KERNELS(FooKernels, &RV_ISA::foo<T>, &RV_ISA::bar<T>)
#define RV_DEFINE_FLOAT_KERNELS(Table, ...)                                \
    namespace RV_ISA {                                                     \
    namespace {                                                            \
    template <class T>                                                     \
    constexpr Table<T> make_##Table() {                                    \
        return Table<T>{__VA_ARGS__};                                      \
    }                                                                      \
    }                                                                      \
    extern constinit const Table<float> Table##32 = make_##Table<float>(); \
    }
#define RV_DEFINE_WIDE_KERNELS(Table, ...)                                   \
    RV_DEFINE_FLOAT_KERNELS(Table, __VA_ARGS__)                              \
    namespace RV_ISA {                                                       \
    extern constinit const Table<double> Table##64 = make_##Table<double>(); \
    }
#if defined(__AVX512F__)
#define RV_DEFINE_KERNELS(Table, ...) RV_DEFINE_FLOAT_KERNELS(Table, __VA_ARGS__)
#else
#define RV_DEFINE_KERNELS(Table, ...) RV_DEFINE_WIDE_KERNELS(Table, __VA_ARGS__)
#endif
#if defined(__AVX2__)
#define RV_DEFINE_COLD_KERNELS(Table, ...) RV_DEFINE_FLOAT_KERNELS(Table, __VA_ARGS__)
#else
#define RV_DEFINE_COLD_KERNELS(Table, ...) RV_DEFINE_WIDE_KERNELS(Table, __VA_ARGS__)
#endif
