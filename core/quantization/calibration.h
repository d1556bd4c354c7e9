// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "core/model/examples.h"
#include "core/model/model.h"
#include "core/quantization/quantizer.h"
#include "core/results/context.h"

namespace eigenscape {

/// What a layer's inputs looked like in the floating-point network: their ends, and a histogram between them.
struct InputStatistics {
  double low = 0, high = 0;
  std::vector<double> counts;   ///< equal bins from low to high
  std::int64_t perExample = 0;  ///< numbers that one example sends into the layer
};

/// One per weight layer, in the order of model.weightLayers().
using Calibration = std::vector<InputStatistics>;

/// Two passes over the examples in evaluation mode: ends, then histograms. Throws RunError where the model's layers are
/// out of reach or an input is not finite. The model is as before afterwards.
Calibration calibrate(Model& model, const Examples& examples, std::int64_t batchSize, const Context& context = {});

/// How a layer's input is quantized: one scale, levels 0 … 2^b − 1. Asymmetric as in HAWQ-V3 (arXiv:2011.10680); the
/// zero point is 0 where no input is negative (behind a ReLU), so that every level serves.
struct InputQuantizer {
  double scale = 0;
  std::int64_t zeroPoint = 0, highest = 0;

  /// level − zero point, in x's type. `slope`, where it is wanted: ∂/∂x by the straight-through estimator, 1 / scale
  /// inside of the range and 0 outside.
  torch::Tensor integers(const torch::Tensor& x, torch::Tensor* slope = nullptr) const;
};

/// By options.range and options.percentile, which mean the same for the values of the histogram as for a weight's. The
/// other options are for weights. Throws std::invalid_argument for bits outside of 2 … 8.
InputQuantizer inputQuantizer(const InputStatistics& statistics, std::int64_t bits, const QuantizerOptions& options);

}  // namespace eigenscape
