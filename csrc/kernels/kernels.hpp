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

#if defined(__x86_64__) || defined(_M_X64)
#define RV_X86 1
#else
#define RV_X86 0
#endif
#if defined(__aarch64__)
#define RV_NEON 1
#else
#define RV_NEON 0
#endif

#define RV_DECLARE_IN(isa, Table)         \
    namespace isa {                       \
    extern const Table<float> Table##32;  \
    extern const Table<double> Table##64; \
    }

#if RV_X86
#define RV_DECLARE_ALL(Table)      \
    RV_DECLARE_IN(baseline, Table) \
    RV_DECLARE_IN(avx2, Table)     \
    RV_DECLARE_IN(avx512, Table)
#define RV_TABLE_LIST(Table, bits) \
    {&baseline::Table##bits, &avx2::Table##bits, &avx512::Table##bits, nullptr}
#elif RV_NEON
#define RV_DECLARE_ALL(Table)      \
    RV_DECLARE_IN(baseline, Table) \
    RV_DECLARE_IN(neon, Table)
#define RV_TABLE_LIST(Table, bits) {&baseline::Table##bits, nullptr, nullptr, &neon::Table##bits}
#else
#define RV_DECLARE_ALL(Table) RV_DECLARE_IN(baseline, Table)
#define RV_TABLE_LIST(Table, bits) {&baseline::Table##bits, nullptr, nullptr, nullptr}
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

#define RV_DECLARE_KERNELS(Table)                                                 \
    RV_DECLARE_ALL(Table)                                                         \
    template <>                                                                   \
    struct KernelTables<Table, float> {                                           \
        static constexpr const Table<float>* list[4] = RV_TABLE_LIST(Table, 32);  \
    };                                                                            \
    template <>                                                                   \
    struct KernelTables<Table, double> {                                          \
        static constexpr const Table<double>* list[4] = RV_TABLE_LIST(Table, 64); \
    };

// At the end of a kernel file, inside namespace ranvier, outside RV_ISA:
//   RV_DEFINE_KERNELS(FooKernels, &RV_ISA::foo<T>, &RV_ISA::bar<T>)
#define RV_DEFINE_KERNELS(Table, ...)                                        \
    namespace RV_ISA {                                                       \
    namespace {                                                              \
    template <class T>                                                       \
    constexpr Table<T> make_##Table() {                                      \
        return Table<T>{__VA_ARGS__};                                        \
    }                                                                        \
    }                                                                        \
    extern constinit const Table<float> Table##32 = make_##Table<float>();   \
    extern constinit const Table<double> Table##64 = make_##Table<double>(); \
    }
