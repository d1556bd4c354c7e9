// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace eigenscape {

/// Turns off, for the whole process, what a GPU gains speed by at the cost of the result: TF32 keeps ten bits of a
/// factor, too few for residuals of 1e-3, and cuDNN's fastest kernels differ from run to run.
void computeExactly();

/// For the whole process: cuDNN times its kernels (the deterministic ones, after computeExactly()) at each new shape
/// and takes the fastest: a Hessian-vector product of ResNet-18 is 1.4 times as fast. Which one wins may change from
/// run to run, and the last digits with it. It cannot be kept to a part of a run: what was timed once is used from then
/// on.
void timeKernels();

/// Bytes of memory on a device.
struct DeviceMemory {
  std::int64_t free = 0;   ///< that any process can still have
  std::int64_t inUse = 0;  ///< of all processes; LibTorch keeps what it freed, so it counts until the process ends
};

/// Of a CUDA device; zeros for another one, and where LibTorch does not say.
DeviceMemory deviceMemory(torch::Device device);

}  // namespace eigenscape
