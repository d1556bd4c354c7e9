// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

namespace eigenscape {

/// Independent signs ±1, each as likely as the other. Drawn on the CPU, so that they depend on the generator alone and
/// not on the device.
inline torch::Tensor randomSigns(at::IntArrayRef shape, at::Generator generator, torch::Device device,
                                 torch::ScalarType type) {
  return at::randint(0, 2, shape, std::move(generator), at::TensorOptions(torch::kFloat32))
      .mul_(2)
      .sub_(1)
      .to(device, type);
}

}  // namespace eigenscape
