// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantization/quantizer.h"

#include <torch/torch.h>

#include <stdexcept>
#include <string>

namespace eigenscape {

namespace {

/// The magnitude that each row's largest level stands for: R×1.
torch::Tensor rangeOfRows(const torch::Tensor& rows, Granularity granularity) {
  const auto largest = rows.abs().amax({1});
  const auto count = rows.size(0);
  if (granularity == Granularity::Tensor) return largest.amax().expand({count}).unsqueeze(1);
  if (granularity == Granularity::Channel) return largest.unsqueeze(1);
  const auto groups = (count + kGroupChannels - 1) / kGroupChannels;
  return torch::constant_pad_nd(largest, {0, groups * kGroupChannels - count})
      .view({groups, kGroupChannels})
      .amax({1}, true)
      .expand({groups, kGroupChannels})
      .reshape({-1, 1})
      .narrow(0, 0, count);
}

}  // namespace

torch::Tensor quantized(const torch::Tensor& weight, std::int64_t bits, Granularity granularity) {
  if (bits < 2 || bits > 8) throw std::invalid_argument("quantized: 2 to 8 bits, not " + std::to_string(bits));
  if (weight.numel() == 0) return weight.detach().clone();
  torch::NoGradGuard noGrad;
  const auto largestLevel = static_cast<double>((std::int64_t{1} << (bits - 1)) - 1);
  // In double, and with the range as a factor of its own, so that the largest level is the range to the bit: only then
  // does the result have the same scale as the weight.
  const auto rows = weight.detach().to(torch::kFloat64).reshape({weight.dim() > 0 ? weight.size(0) : 1, -1});
  const auto range = rangeOfRows(rows, granularity);
  const auto levels = torch::round(rows * largestLevel / range);
  const auto values = torch::where(range == 0, torch::zeros_like(rows), levels / largestLevel * range);
  return values.view_as(weight).to(weight.scalar_type());
}

}  // namespace eigenscape
