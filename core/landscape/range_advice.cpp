// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/landscape/range_advice.h"

#include <torch/torch.h>

#include <cmath>

#include "core/landscape/landscape.h"

namespace eigenscape {

namespace {

/// Enough to see a rise by ln(classes) in.
constexpr std::int64_t kExamples = 512;

class Search {
 public:
  Search(Model& model, const Examples& examples, const torch::Tensor& direction, std::int64_t batchSize,
         const Context& context)
      : model_(model), direction_(direction), batchSize_(batchSize), context_{context.stop, {}, {}} {
    few_.push_back({"", examples.first(kExamples)});
    rise_ = std::log(static_cast<double>(classesOf(examples)));
    start_ = losses({0}).front();
  }

  Reach run() {
    const double weights = model_.parameters().flatten().norm().item<double>(),
                 length = direction_.norm().item<double>();
    if (!(weights > 0) || !(length > 0)) return {1, 1};
    const double most = 10 * weights / length, first = 0.01 * weights / length;
    Reach reach{along(-1, first, most), along(1, first, most)};
    // A side that hardly rises would push the other one into a corner.
    constexpr double lopsided = 4;
    reach.below = std::min(reach.below, roundedUp(lopsided * reach.above));
    reach.above = std::min(reach.above, roundedUp(lopsided * reach.below));
    return reach;
  }

 private:
  std::int64_t classesOf(const Examples& examples) {
    const torch::NoGradGuard noGrad;
    return std::max<std::int64_t>(model_.forward(examples.first(1).inputs).size(1), 2);
  }
  std::vector<double> losses(const std::vector<double>& alphas) {
    std::vector<double> result;
    evaluateLandscape(
        model_, few_, direction_, alphas, batchSize_, {},
        [&](const LandscapePoint& point) { result.push_back(point.value.loss); }, context_);
    return result;
  }
  bool risen(double alpha) { return !(losses({alpha}).front() < start_ + rise_); }

  double along(double sign, double first, double most) {
    double low = 0, high = first;
    while (!risen(sign * high) && high < most) low = high, high = std::min(2 * high, most);
    if (low == 0) {
      // It rose at the first step: down to where it does not.
      low = high;
      do high = low, low /= 2;
      while (low > 1e-9 * most && risen(sign * low));
    }
    for (int step = 0; step < 4; ++step) {
      const double middle = std::sqrt(low * high);
      (risen(sign * middle) ? high : low) = middle;
    }
    return roundedUp(high);
  }

  Model& model_;
  const torch::Tensor& direction_;
  std::int64_t batchSize_;
  Context context_;
  std::vector<LandscapeSplit> few_;
  double rise_ = 0, start_ = 0;
};

}  // namespace

double roundedUp(double value) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double step : {1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0}) {
    if (step * power >= value * (1 - 1e-12)) return step * power;
  }
  return 10 * power;
}

Reach advisedReach(Model& model, const Examples& examples, const torch::Tensor& direction, std::int64_t batchSize,
                   const Context& context) {
  return Search(model, examples, direction, batchSize, context).run();
}

}  // namespace eigenscape
