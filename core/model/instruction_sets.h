// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What of the kernels that eigenscape_kernels() compiles this processor takes. For code that all processors run.
namespace eigenscape {

#ifdef __x86_64__
template <class Kernels>
const Kernels& kernelsOfThisProcessor(const Kernels& baseline, const Kernels& avx2, const Kernels& avx512) {
  if (__builtin_cpu_supports("avx512f")) return avx512;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? avx2 : baseline;
}
#define EIGENSCAPE_KERNELS_OF(room) kernelsOfThisProcessor(room::kBaseline, room::kAvx2, room::kAvx512)
#else
#define EIGENSCAPE_KERNELS_OF(room) room::kBaseline
#endif

}  // namespace eigenscape
