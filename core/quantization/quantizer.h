// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>

// Uniform quantization (Krishnamoorthi, arXiv:1806.08342, section 2). A value is w ≈ (level − zero point) · scale:
//
//   symmetric    levels −L … L with L = 2^(b−1) − 1 (the narrow range: −2^(b−1) stays unused), zero point 0,
//                scale = c / L for the range −c … c
//   asymmetric   levels 0 … 2^b − 1, scale = (high − low) / (2^b − 1), zero point = round(−low / scale).
//                The range is widened to hold 0, so that a zero (also one of padding) has a level of its own.
//
//   level = clamp(round(w / scale) + zero point), where halves go to the even number.
//
// Values that share a range: the whole tensor, one output channel (HAWQ-V3, arXiv:2011.10680, quantizes weights
// symmetrically so), or a group of neighbouring output channels (Q-BERT, arXiv:1909.05840). The range is that of the
// values themselves, or a tighter one that gives up the outermost values for a finer step.
namespace eigenscape {

enum class Granularity {
  Tensor,   ///< one scale
  Channel,  ///< one scale per output channel (first axis)
  Group     ///< one scale per group of neighbouring output channels; the last group holds what is left
};

enum class Scheme { Symmetric, Asymmetric };

enum class RangeRule {
  Largest,      ///< every value is inside
  Percentile,   ///< a share of the values is outside
  LeastSquares  ///< least ‖Q(w) − w‖², by a search over common shrinkings of the largest range; never worse than
                ///< Largest
};

/// As in the buckets of output rows of Q-BERT (arXiv:1909.05840).
constexpr std::int64_t kGroupChannels = 16;

struct QuantizerOptions {
  Granularity granularity = Granularity::Channel;
  Scheme scheme = Scheme::Symmetric;
  RangeRule range = RangeRule::Largest;
  /// Of RangeRule::Percentile, 50 … 100, with linear interpolation between order statistics. Symmetric: this percentile
  /// of |w|; asymmetric: this one and 100 − this one of w.
  double percentile = 99.9;
  std::int64_t groupChannels = kGroupChannels;  ///< of Granularity::Group
  /// What is quantized is the kernel with evaluation-mode BatchNorm folded in (HAWQ-V3); false: the kernel itself, as
  /// in the sensitivities' ‖Q(W) − W‖². With one symmetric scale per channel both are the same network.
  bool foldBatchNorm = true;
};

/// Integers and what they stand for. Rows are the first axis of the tensor that was quantized (output channels).
struct QuantizedTensor {
  torch::Tensor levels;                  ///< int32, in the tensor's shape
  torch::Tensor zeroPoint;               ///< int32, one per row
  torch::Tensor range;                   ///< float64, one per row: what `steps` steps are worth; 0 where all is zero
  std::int64_t steps = 0;                ///< L or 2^b − 1
  std::int64_t lowest = 0, highest = 0;  ///< levels there are

  torch::Tensor scale() const;  ///< float64, one per row: range / steps
  /// (level − zero point) / steps · range in float64: the largest level stands for the end of the range to the bit.
  torch::Tensor dequantized() const;
  /// level − zero point, the factor that integer arithmetic multiplies by; exact in any floating type.
  torch::Tensor integers(torch::ScalarType type) const;
};

/// Throws std::invalid_argument for bits outside of 2 … 8. `tensor` may have any shape; its values must be finite.
QuantizedTensor quantize(const torch::Tensor& tensor, std::int64_t bits, const QuantizerOptions& options);

/// The values that the integers stand for, in the tensor's own type. Symmetric with RangeRule::Largest: quantizing the
/// result again changes no bit. What is all zero stays zero.
torch::Tensor quantized(const torch::Tensor& tensor, std::int64_t bits, const QuantizerOptions& options);
torch::Tensor quantized(const torch::Tensor& tensor, std::int64_t bits, Granularity granularity);

}  // namespace eigenscape
