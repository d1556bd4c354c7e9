// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantization/quantizer.h"

#include <torch/torch.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

namespace eigenscape {

namespace {

/// Values that share a range, one range per row of `values`, and to how many rows of the tensor each belongs.
struct Block {
  torch::Tensor values;
  std::int64_t rows;
};

std::vector<Block> blocksOf(const torch::Tensor& rows, const QuantizerOptions& options) {
  const auto count = rows.size(0);
  if (options.granularity == Granularity::Tensor) return {{rows.reshape({1, -1}), count}};
  if (options.granularity == Granularity::Channel) return {{rows, 1}};
  const auto size = options.groupChannels, whole = count / size, rest = count % size;
  std::vector<Block> blocks;
  if (whole > 0) blocks.push_back({rows.narrow(0, 0, whole * size).reshape({whole, -1}), size});
  if (rest > 0) blocks.push_back({rows.narrow(0, whole * size, rest).reshape({1, -1}), rest});
  return blocks;
}

/// Of each row, with linear interpolation between neighbours, K×1.
torch::Tensor percentileOf(const torch::Tensor& values, double percentile) {
  const auto sorted = std::get<0>(values.sort(1));
  const double place = percentile / 100 * static_cast<double>(values.size(1) - 1);
  const auto below = static_cast<std::int64_t>(place), above = std::min(below + 1, values.size(1) - 1);
  const auto low = sorted.narrow(1, below, 1);
  return low + (sorted.narrow(1, above, 1) - low) * (place - std::floor(place));
}

/// Quantizes the rows of one block.
class Rows {
 public:
  /// `low` and `high` are K×1.
  struct Ends {
    torch::Tensor low, high;
  };

  Rows(torch::Tensor values, std::int64_t bits, const QuantizerOptions& options)
      : values_(std::move(values)),
        symmetric_(options.scheme == Scheme::Symmetric),
        steps_((std::int64_t{1} << (symmetric_ ? bits - 1 : bits)) - 1) {
    ends_ = initialEnds(options);
    if (options.range == RangeRule::LeastSquares) shrink();
  }

  std::int64_t steps() const { return steps_; }
  std::int64_t lowest() const { return symmetric_ ? -steps_ : 0; }
  torch::Tensor range() const { return rangeOf(ends_); }
  torch::Tensor zeroPoint() const { return zeroPointOf(ends_); }
  torch::Tensor levels() const { return levelsOf(ends_); }

 private:
  Ends initialEnds(const QuantizerOptions& options) const {
    const bool cut = options.range == RangeRule::Percentile;
    if (symmetric_) {
      const auto size = values_.abs();
      return {{}, cut ? percentileOf(size, options.percentile) : size.amax({1}, true)};
    }
    const auto low = cut ? percentileOf(values_, 100 - options.percentile) : values_.amin({1}, true);
    const auto high = cut ? percentileOf(values_, options.percentile) : values_.amax({1}, true);
    return {low.clamp_max(0), high.clamp_min(0)};
  }

  torch::Tensor rangeOf(const Ends& ends) const { return symmetric_ ? ends.high : ends.high - ends.low; }

  torch::Tensor zeroPointOf(const Ends& ends) const {
    if (symmetric_) return torch::zeros_like(ends.high);
    const auto range = rangeOf(ends);
    return torch::where(range == 0, torch::zeros_like(range), torch::round(-ends.low * steps_ / range));
  }

  torch::Tensor levelsOf(const Ends& ends) const {
    const auto range = rangeOf(ends);
    const auto raw = torch::round(values_ * steps_ / range) + zeroPointOf(ends);
    return torch::where(range == 0, torch::zeros_like(raw), raw).clamp(lowest(), steps_);
  }

  torch::Tensor errorOf(const Ends& ends) const {
    const auto back = (levelsOf(ends) - zeroPointOf(ends)) / steps_ * rangeOf(ends);
    return (back - values_).square().sum({1}, true);
  }

  /// A coarse search over shares of the largest range, then a finer one around each row's best. The error is no convex
  /// function of the share, but nearly.
  void shrink() {
    const auto largest = ends_;
    const auto at = [&](const torch::Tensor& share) {
      return Ends{symmetric_ ? torch::Tensor() : largest.low * share, largest.high * share};
    };
    auto best = torch::ones_like(largest.high), least = errorOf(largest);
    const auto consider = [&](const torch::Tensor& share) {
      const auto error = errorOf(at(share));
      const auto better = (error < least) & (share > 0) & (share <= 1);
      best = torch::where(better, share, best);
      least = torch::where(better, error, least);
    };
    constexpr int coarse = 32, refinements = 4;
    for (int i = 1; i < coarse; ++i) consider(torch::full_like(best, static_cast<double>(i) / coarse));
    double step = 0.5 / coarse;
    for (int i = 0; i < refinements; ++i, step /= 2) {
      const auto centre = best;
      consider(centre - step);
      consider(centre + step);
    }
    ends_ = at(best);
  }

  torch::Tensor values_;
  bool symmetric_;
  std::int64_t steps_;
  Ends ends_;
};

torch::Tensor perRow(const torch::Tensor& values, const torch::Tensor& like) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(std::max<std::int64_t>(like.dim(), 1)), 1);
  shape[0] = -1;
  const auto column = values.view(shape);
  return like.dim() == 0 ? column.squeeze(0) : column;
}

}  // namespace

torch::Tensor QuantizedTensor::scale() const {
  return range / steps;
}

torch::Tensor QuantizedTensor::dequantized() const {
  return integers(torch::kFloat64) / steps * perRow(range, levels);
}

torch::Tensor QuantizedTensor::integers(torch::ScalarType type) const {
  return (levels - perRow(zeroPoint, levels)).to(type);
}

QuantizedTensor quantize(const torch::Tensor& tensor, std::int64_t bits, const QuantizerOptions& options) {
  if (bits < 2 || bits > 8) throw std::invalid_argument("quantize: 2 to 8 bits, not " + std::to_string(bits));
  if (options.groupChannels < 1) throw std::invalid_argument("quantize: a group holds one channel at least");
  torch::NoGradGuard noGrad;
  // In double, and with the range as a factor of its own, so that the largest level is the range to the bit: only then
  // does the result have the same scale as the weight.
  const auto rows = tensor.detach().to(torch::kFloat64).reshape({tensor.dim() > 0 ? tensor.size(0) : 1, -1});
  QuantizedTensor result;
  std::vector<torch::Tensor> levels, ranges, zeroPoints;
  for (const auto& block : tensor.numel() > 0 ? blocksOf(rows, options) : std::vector<Block>()) {
    const Rows quantizer(block.values, bits, options);
    result.steps = result.highest = quantizer.steps();
    result.lowest = quantizer.lowest();
    levels.push_back(quantizer.levels().reshape({-1}));
    ranges.push_back(quantizer.range().flatten().repeat_interleave(block.rows));
    zeroPoints.push_back(quantizer.zeroPoint().flatten().repeat_interleave(block.rows));
  }
  if (levels.empty()) throw std::invalid_argument("quantize: a tensor without elements");
  result.levels = torch::cat(levels).to(torch::kInt32).view(tensor.sizes());
  result.range = torch::cat(ranges);
  result.zeroPoint = torch::cat(zeroPoints).to(torch::kInt32);
  return result;
}

torch::Tensor quantized(const torch::Tensor& tensor, std::int64_t bits, const QuantizerOptions& options) {
  if (tensor.numel() == 0) return tensor.detach().clone();
  return quantize(tensor, bits, options).dequantized().to(tensor.scalar_type());
}

torch::Tensor quantized(const torch::Tensor& tensor, std::int64_t bits, Granularity granularity) {
  QuantizerOptions options;
  options.granularity = granularity;
  return quantized(tensor, bits, options);
}

}  // namespace eigenscape
