// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/model/model.h"
#include "core/model/objective.h"
#include "core/results/context.h"

namespace eigenscape {

/// `points` equally spaced values from `low` to `high`; the middle one of an odd number over a symmetric range is
/// exactly 0.
std::vector<double> axisValues(double low, double high, std::int64_t points);

/// A split that is evaluated at each point.
struct LandscapeSplit {
  std::string name;  ///< "train" or "test"
  Examples examples;
};

struct LandscapePoint {
  double alpha = 0, beta = 0;
  std::size_t split = 0;  ///< index into the given splits
  LossAndAccuracy value;
};

/// What BatchNorm's running statistics do away from the centre. The stored ones belong to the centre, and a network
/// away from it may fail for that reason alone.
struct RunningStatistics {
  const Examples* anew = nullptr;  ///< estimated anew from these examples at each point
  /// Else by how much they move along each direction, by their names, e.g. from one checkpoint's to another's; what is
  /// not named stays. A variance that would become negative is 0.
  NamedTensors x = {}, y = {};
};

/// Evaluates L(θ + αx [+ βy]) in evaluation mode without gradients. Points are delivered in the order of
/// GridRefinement, splits innermost: by that of the first split's values. Those in `known` are neither computed nor
/// delivered, so an interrupted evaluation goes on where it stopped and in the same order. A loss that is not finite is
/// delivered as it is. The model's parameters and buffers are restored to the bit, also when Stopped or another
/// exception leaves this function.
void evaluateLandscape(Model& model, const std::vector<LandscapeSplit>& splits, const torch::Tensor& x,
                       const std::vector<double>& alphas, const torch::Tensor& y, const std::vector<double>& betas,
                       std::int64_t batchSize, const std::vector<LandscapePoint>& known,
                       const std::function<void(const LandscapePoint&)>& deliver, const Context& context,
                       const RunningStatistics& statistics = {});

/// The same along one direction: y undefined, betas = {0}.
void evaluateLandscape(Model& model, const std::vector<LandscapeSplit>& splits, const torch::Tensor& x,
                       const std::vector<double>& alphas, std::int64_t batchSize,
                       const std::vector<LandscapePoint>& known,
                       const std::function<void(const LandscapePoint&)>& deliver, const Context& context,
                       const RunningStatistics& statistics = {});

}  // namespace eigenscape
