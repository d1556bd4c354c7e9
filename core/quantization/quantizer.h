// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace eigenscape {

enum class Granularity {
  Tensor,   ///< one scale
  Channel,  ///< one scale per output channel (first axis)
  Group     ///< one scale per kGroupChannels neighbouring output channels; the last group holds what is left
};

/// As in the buckets of output rows of Q-BERT (arXiv:1909.05840).
constexpr std::int64_t kGroupChannels = 16;

/// Uniform symmetric quantization to `bits` (2 … 8, signed, levels −(2^(b−1)−1) … 2^(b−1)−1), simulated in the weight's
/// own type: the scale is the largest magnitude of the tensor, the output channel or the group over the largest level;
/// halves are rounded to the even level. What is all zero stays zero. Quantizing the result again changes no bit.
/// Throws std::invalid_argument for other bit widths.
torch::Tensor quantized(const torch::Tensor& weight, std::int64_t bits, Granularity granularity);

}  // namespace eigenscape
