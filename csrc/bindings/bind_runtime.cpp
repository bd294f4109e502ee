// Instruction sets, threads, scratch memory and the machine's peak.
#include <chrono>
#include <string>
#include <vector>

#include <pybind11/pybind11.h>
#include "bindings/bind.hpp"
#include "bindings/function.hpp"
#include "bindings/gil.hpp"
#include "kernels/peak.hpp"
#include "ranvier/runtime.hpp"
#include "ranvier/text.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

std::string compiler() {
#if defined(__clang__)
    return "Clang " __clang_version__;
#elif defined(__GNUC__)
    return "GCC " __VERSION__;
#else
    return "unknown";
#endif
}

double seconds_now() {
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

// Every thread runs the loop until the deadline. The rate is each thread's own, added up, so that
// a thread that was late to start does not count as idle.
template <class T>
double fma_peak(int threads, double seconds) {
    const auto& kernel = kernels<PeakKernels, T>();
    std::vector<double> rate(static_cast<std::size_t>(threads));
    parallel_for(threads, threads, [&](index_t i) {
        T sink;
        const double start = seconds_now();
        double flops = 0, elapsed = 0;
        do {
            flops += kernel.fma_loop(100000, &sink);
            elapsed = seconds_now() - start;
        } while (elapsed < seconds);
        rate[static_cast<std::size_t>(i)] = flops / elapsed;
    });
    double total = 0;
    for (double r : rate) total += r;
    return total * 1e-9;
}

}  // namespace

void bind_runtime(py::module_& m) {
    // Read now, so that an environment variable that cannot be obeyed fails at import and not in
    // the middle of a run.
    isa_in_use();
    num_threads();

    def(m, "isa", [] { return isa_name(isa_in_use()); });
    def(m, "isas_available", [] {
        std::vector<std::string> names;
        for (Isa isa : isas_available()) names.emplace_back(isa_name(isa));
        return names;
    });
    def(m, "num_threads", &num_threads);
    def(m, "set_num_threads", &set_num_threads);
    def(m, "threading_layer", &threading_layer);
    def(m, "compiler", &compiler);
    def(m, "pybind11_version", [] {
        return std::to_string(PYBIND11_VERSION_MAJOR) + "." +
               std::to_string(PYBIND11_VERSION_MINOR) + "." +
               std::to_string(PYBIND11_VERSION_MICRO);
    });
    def(m, "scratch_bytes", &scratch_bytes);
    def(m, "release_scratch", &scratch_release);
    def(m, "fma_peak", [](int threads, double seconds, std::string_view dtype) {
        if (threads < 1 || threads > 4096)
            throw std::invalid_argument(Text("fma_peak: `threads` must be in 1..4096; got ") +
                                        std::to_string(threads));
        if (!(seconds > 0 && seconds <= 60))
            throw std::invalid_argument(Text("fma_peak: `seconds` must be in (0, 60]; got ") +
                                        std::to_string(seconds));
        if (dtype != "float32" && dtype != "float64")
            throw std::invalid_argument(
                Text("fma_peak: `dtype` must be 'float32' or 'float64'; got '") +
                std::string(dtype) + "'");
        const WithoutGil release;
        return dtype == "float32" ? fma_peak<float>(threads, seconds)
                                  : fma_peak<double>(threads, seconds);
    });
}

}  // namespace ranvier
