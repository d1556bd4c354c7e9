// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "core/model/examples.h"

namespace eigenscape {

struct TrainingOptions;

/// Where each image of a batch is cut out of its padded self: `top` and `left` in 0 … 2·pad, then mirrored or not.
struct CropsAndFlips {
  std::int64_t padHeight = 0, padWidth = 0;
  torch::Tensor top, left;  ///< int64, one per image
  torch::Tensor mirrored;   ///< bool, one per image
};

/// N×C×H×W images, shifted and mirrored; what comes in from outside has the channel's value in `padding` (undefined:
/// 0).
torch::Tensor augmented(const torch::Tensor& images, const torch::Tensor& padding, const CropsAndFlips& draws);

/// The batches of one epoch: order, crops and flips depend on (seed, epoch) alone, whatever the device.
class EpochBatches {
 public:
  EpochBatches(const Examples& examples, const TrainingOptions& options, std::int64_t epoch);

  std::int64_t count() const { return count_; }
  /// Batches of so many examples.
  static std::int64_t countOf(std::int64_t examples, std::int64_t batchSize);
  /// Batch `index` (0 … count−1), gathered on the examples' device.
  Examples batch(std::int64_t index) const;

 private:
  Examples examples_;
  std::int64_t batchSize_, count_;
  torch::Tensor order_;
  bool augment_;
  CropsAndFlips draws_;  ///< in the order of the examples
};

}  // namespace eigenscape
