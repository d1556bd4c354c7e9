// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace eigenscape {

/// Turns off, for the whole process, what a GPU gains speed by at the cost of the result: TF32 keeps ten bits of a
/// factor, too few for residuals of 1e-3, and cuDNN's fastest kernels differ from run to run.
void computeExactly();

/// Bytes of memory on a device.
struct DeviceMemory {
  std::int64_t free = 0;   ///< that any process can still have
  std::int64_t inUse = 0;  ///< of all processes; LibTorch keeps what it freed, so it counts until the process ends
};

/// Of a CUDA device; zeros for another one, and where LibTorch does not say.
DeviceMemory deviceMemory(torch::Device device);

/// Waits until a CUDA device has done what was asked of it. On a CPU nothing is left to wait for.
void finishWork(torch::Device device);

}  // namespace eigenscape
