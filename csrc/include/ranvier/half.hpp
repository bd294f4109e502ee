// The 16-bit float of the processor: GCC has _Float16 for aarch64 in C++ from version 13 on.
#pragma once

namespace ranvier {

#if defined(__aarch64__)
using half_t = __fp16;
#else
using half_t = _Float16;
#endif

}  // namespace ranvier
