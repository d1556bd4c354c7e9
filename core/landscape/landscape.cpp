// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/landscape/landscape.h"

#include <torch/torch.h>

#include <stdexcept>
#include <utility>

namespace eigenscape {

namespace {

/// Puts the model at points around its present parameters and, in the end, back.
class Excursion {
 public:
  Excursion(Model& model, const torch::Tensor& x, const torch::Tensor& y)
      : model_(model), start_(model.parameters().flatten()), x_(fitting(x)), y_(y.defined() ? fitting(y) : y) {}
  ~Excursion() { model_.parameters().assign(start_); }
  Excursion(const Excursion&) = delete;
  Excursion& operator=(const Excursion&) = delete;

  void go(double alpha, double beta) {
    // θ + 0·x could differ from θ where x is not finite, and in the sign of zeros.
    if (alpha == 0 && (beta == 0 || !y_.defined())) {
      model_.parameters().assign(start_);
      return;
    }
    auto point = torch::add(start_, x_, alpha);
    if (y_.defined()) point.add_(y_, beta);
    model_.parameters().assign(point);
  }

 private:
  torch::Tensor fitting(const torch::Tensor& direction) const {
    if (!direction.defined() || direction.dim() != 1 || direction.size(0) != start_.size(0)) {
      throw std::invalid_argument("landscape: a direction needs one element per parameter");
    }
    return direction.detach().to(start_.device(), start_.scalar_type());
  }

  Model& model_;
  torch::Tensor start_, x_, y_;
};

}  // namespace

std::vector<double> axisValues(double low, double high, std::int64_t points) {
  if (points < 1) throw std::invalid_argument("axisValues: at least one point is needed");
  if (points == 1) return {(low + high) / 2};
  std::vector<double> values(static_cast<std::size_t>(points));
  const auto steps = static_cast<double>(points - 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    // Weighted from both ends, so that a symmetric range gives symmetric values.
    const auto step = static_cast<double>(i);
    values[i] = (low * (steps - step) + high * step) / steps;
  }
  values.front() = low;
  values.back() = high;
  return values;
}

void evaluateLandscape(Model& model, const std::vector<LandscapeSplit>& splits, const torch::Tensor& x,
                       const std::vector<double>& alphas, const torch::Tensor& y, const std::vector<double>& betas,
                       std::int64_t batchSize, std::int64_t skip,
                       const std::function<void(const LandscapePoint&)>& deliver, const Context& context) {
  torch::NoGradGuard noGrad;
  const auto total = static_cast<std::int64_t>(alphas.size() * betas.size() * splits.size());
  const Context stopOnly{context.stop, {}, {}};  // shares of a single point are not the caller's
  Excursion excursion(model, x, y);
  std::int64_t number = 0;
  for (const double beta : betas) {
    for (const double alpha : alphas) {
      bool there = false;
      for (std::size_t split = 0; split < splits.size(); ++split) {
        if (number++ < skip) continue;
        context.check();
        if (!std::exchange(there, true)) excursion.go(alpha, beta);
        deliver({alpha, beta, split, evaluate(model, splits[split].examples, batchSize, stopOnly)});
        context.report(static_cast<double>(number) / static_cast<double>(total));
      }
    }
  }
}

void evaluateLandscape(Model& model, const std::vector<LandscapeSplit>& splits, const torch::Tensor& x,
                       const std::vector<double>& alphas, std::int64_t batchSize, std::int64_t skip,
                       const std::function<void(const LandscapePoint&)>& deliver, const Context& context) {
  evaluateLandscape(model, splits, x, alphas, torch::Tensor(), {0.0}, batchSize, skip, deliver, context);
}

}  // namespace eigenscape
