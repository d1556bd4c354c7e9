// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace eigenscape {

enum class Granularity { Tensor, Channel };

/// Uniform symmetric quantization to `bits` (2 … 8, signed, levels −(2^(b−1)−1) … 2^(b−1)−1), simulated in float: the
/// scale is the largest magnitude of the tensor or of each output channel (first axis) over the largest level.
/// All-zero channels stay zero.
torch::Tensor quantized(const torch::Tensor& weight, std::int64_t bits, Granularity granularity);

}  // namespace eigenscape
