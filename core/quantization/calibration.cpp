// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantization/calibration.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>

#include "core/quantization/transforms.h"

namespace eigenscape {

namespace {

constexpr std::int64_t kBins = 2048;

class Recorder : public InputTransform {
 public:
  InputStatistics statistics{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), {}, 0};
  bool counting = false;

  void beginCounting() {
    counting = true;
    if (statistics.high > statistics.low) sum_ = torch::zeros({kBins}, torch::kFloat64);
  }
  InputStatistics finished() {
    if (sum_.defined()) {
      const auto* counts = sum_.data_ptr<double>();
      statistics.counts.assign(counts, counts + kBins);
    } else {
      statistics.counts = {seen_};
    }
    return std::move(statistics);
  }

 protected:
  torch::Tensor input(const torch::Tensor& x) override {
    if (!counting) {
      statistics.low = std::min(statistics.low, x.min().item<double>());
      statistics.high = std::max(statistics.high, x.max().item<double>());
      statistics.perExample = x.numel() / std::max<std::int64_t>(x.size(0), 1);
    } else if (sum_.defined()) {
      sum_ += torch::histc(x, kBins, statistics.low, statistics.high).to(torch::kCPU, torch::kFloat64);
    } else {
      seen_ += static_cast<double>(x.numel());
    }
    return x;
  }

 private:
  torch::Tensor sum_;
  double seen_ = 0;
};

/// Plain numbers over the bins of a histogram.
class Bins {
 public:
  explicit Bins(const InputStatistics& statistics)
      : statistics_(statistics),
        width_((statistics.high - statistics.low) / static_cast<double>(statistics.counts.size())) {
    for (const double count : statistics.counts) total_ += count;
  }

  double percentile(double percentile) const {
    const double wanted = percentile / 100 * total_;
    double sum = 0;
    for (std::size_t i = 0; i < statistics_.counts.size(); ++i) {
      const double next = sum + statistics_.counts[i];
      if (next >= wanted && statistics_.counts[i] > 0) {
        const double share = std::max(wanted - sum, 0.0) / statistics_.counts[i];
        return statistics_.low + width_ * (static_cast<double>(i) + share);
      }
      sum = next;
    }
    return statistics_.high;
  }

  double error(const InputQuantizer& quantizer) const {
    const auto least = static_cast<double>(-quantizer.zeroPoint);
    const auto most = static_cast<double>(quantizer.highest - quantizer.zeroPoint);
    double sum = 0;
    for (std::size_t i = 0; i < statistics_.counts.size(); ++i) {
      const double x = statistics_.low + width_ * (static_cast<double>(i) + 0.5);
      const double off = std::clamp(std::nearbyint(x / quantizer.scale), least, most) * quantizer.scale - x;
      sum += statistics_.counts[i] * off * off;
    }
    return sum;
  }

 private:
  const InputStatistics& statistics_;
  double width_, total_ = 0;
};

InputQuantizer over(double low, double high, std::int64_t highest) {
  InputQuantizer quantizer;
  quantizer.highest = highest;
  quantizer.scale = (high - low) / static_cast<double>(highest);
  if (quantizer.scale > 0) quantizer.zeroPoint = static_cast<std::int64_t>(std::nearbyint(-low / quantizer.scale));
  return quantizer;
}

/// The shrinking of the range that fits the histogram best; the same search as for weights.
InputQuantizer leastSquares(const InputStatistics& statistics, double low, double high, std::int64_t highest) {
  const Bins bins(statistics);
  auto best = over(low, high, highest);
  double least = bins.error(best), bestShare = 1;
  const auto consider = [&](double share) {
    if (!(share > 0 && share <= 1)) return;
    const auto candidate = over(low * share, high * share, highest);
    if (const double error = bins.error(candidate); error < least) least = error, best = candidate, bestShare = share;
  };
  constexpr int coarse = 32, refinements = 4;
  for (int i = 1; i < coarse; ++i) consider(static_cast<double>(i) / coarse);
  double step = 0.5 / coarse;
  for (int i = 0; i < refinements; ++i, step /= 2) {
    const double centre = bestShare;
    consider(centre - step);
    consider(centre + step);
  }
  return best;
}

}  // namespace

Calibration calibrate(Model& model, const Examples& examples, std::int64_t batchSize, const Context& context) {
  torch::NoGradGuard noGrad;
  const EvaluationMode mode(model);
  const auto& layers = model.weightLayers();
  std::vector<std::unique_ptr<Recorder>> recorders;
  AttachedTransforms attached(model);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    recorders.push_back(std::make_unique<Recorder>());
    attached.attach(i, recorders.back().get());
  }
  for (const std::size_t pass : {0, 1}) {
    const auto within = context.part(pass, 2);
    for (std::int64_t begin = 0; begin < examples.size(); begin += batchSize) {
      within.check();
      model.forward(examples.slice(begin, batchSize).inputs);
      within.report(static_cast<double>(begin) / static_cast<double>(examples.size()));
    }
    if (pass == 1) break;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const auto& seen = recorders[i]->statistics;
      if (!std::isfinite(seen.low) || !std::isfinite(seen.high)) {
        throw RunError("quantization: the inputs of layer " + layers[i].name +
                       " are not finite; check the data and the weights");
      }
      recorders[i]->beginCounting();
    }
  }
  Calibration calibration;
  for (auto& recorder : recorders) calibration.push_back(recorder->finished());
  return calibration;
}

torch::Tensor InputQuantizer::integers(const torch::Tensor& x, torch::Tensor* slope) const {
  const auto values = x.detach();
  if (!(scale > 0)) {
    if (slope) *slope = torch::zeros_like(values);
    return torch::zeros_like(values);
  }
  auto levels = values.div(scale).round_();
  const auto least = static_cast<double>(-zeroPoint), most = static_cast<double>(highest - zeroPoint);
  if (slope) *slope = levels.ge(least).logical_and_(levels.le(most)).to(values.scalar_type()).div_(scale);
  return levels.clamp_(least, most);
}

InputQuantizer inputQuantizer(const InputStatistics& statistics, std::int64_t bits, const QuantizerOptions& options) {
  if (bits < 2 || bits > 8) throw std::invalid_argument("inputQuantizer: 2 to 8 bits, not " + std::to_string(bits));
  const auto highest = (std::int64_t{1} << bits) - 1;
  double low = std::min(statistics.low, 0.0), high = std::max(statistics.high, 0.0);
  if (options.range == RangeRule::Percentile) {
    const Bins bins(statistics);
    low = std::min(bins.percentile(100 - options.percentile), 0.0);
    high = std::max(bins.percentile(options.percentile), 0.0);
  }
  if (options.range == RangeRule::LeastSquares && high > low) return leastSquares(statistics, low, high, highest);
  return over(low, high, highest);
}

}  // namespace eigenscape
