// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/device.h"

#include <c10/core/DeviceGuard.h>
#include <dlfcn.h>
#include <torch/torch.h>

namespace eigenscape {

void computeExactly() {
  auto& settings = at::globalContext();
  settings.setAllowTF32CuDNN(false);
  settings.setAllowTF32CuBLAS(false);
  settings.setDeterministicCuDNN(true);
  settings.setBenchmarkCuDNN(false);
}

void timeKernels() {
  at::globalContext().setBenchmarkCuDNN(true);
}

DeviceMemory deviceMemory(torch::Device device) {
  if (!device.is_cuda()) return {};
  // LibTorch's headers for this ask for a CUDA toolkit, and its older versions have none without. The runtime is in the
  // process whenever a CUDA device is.
  using Function = int (*)(std::size_t*, std::size_t*);
  static const auto ask = reinterpret_cast<Function>(::dlsym(RTLD_DEFAULT, "cudaMemGetInfo"));
  const c10::DeviceGuard guard(device);
  std::size_t free = 0, total = 0;
  if (!ask || ask(&free, &total) != 0) return {};
  return {static_cast<std::int64_t>(free), static_cast<std::int64_t>(total - free)};
}

}  // namespace eigenscape
