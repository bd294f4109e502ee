// Which instruction sets this build has and this CPU can run. Compiled with baseline flags.
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

#include "kernels/kernels.hpp"
#include "ranvier/runtime.hpp"
#include "ranvier/text.hpp"

namespace ranvier {
namespace {

bool runs_here(Isa isa) {
    switch (isa) {
        case Isa::baseline:
            return true;
#if RV_X86
        // libgcc's check covers what the operating system saves, too.
        case Isa::avx2:
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        case Isa::avx512:
            return runs_here(Isa::avx2) && __builtin_cpu_supports("avx512f") &&
                   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512vl");
#endif
#if RV_NEON
        case Isa::neon:
            return true;
#endif
        default:
            return false;
    }
}

Isa choose() {
    const auto available = isas_available();
    const char* forced = std::getenv("RANVIER_ISA");
    if (forced == nullptr || *forced == '\0') return available.back();
    std::string names;
    for (Isa isa : available) {
        if (std::string(forced) == isa_name(isa)) return isa;
        names += std::string(names.empty() ? "" : ", ") + isa_name(isa);
    }
    throw std::runtime_error(Text("RANVIER_ISA=") + std::string(forced) +
                             " cannot run here; this CPU and build have: " + names);
}

}  // namespace

const char* isa_name(Isa isa) {
    constexpr const char* names[] = {"baseline", "avx2", "avx512", "neon"};
    return names[static_cast<int>(isa)];
}

std::vector<Isa> isas_available() {
    std::vector<Isa> found;
    for (Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512, Isa::neon})
        if (runs_here(isa)) found.push_back(isa);
    return found;
}

Isa isa_in_use() {
    static const Isa isa = choose();
    return isa;
}

bool fetches_streams() {
#if RV_X86
    static const bool intel = __builtin_cpu_is("intel") != 0;
    return !intel;
#else
    return true;
#endif
}

bool small_l2() {
#ifdef __GLIBC__
    static const bool small = sysconf(_SC_LEVEL2_CACHE_SIZE) < 1024 * 1024;
    return small;
#else
    return true;
#endif
}

}  // namespace ranvier
