// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/rounding.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/curvature/eigen_pairs.h"
#include "core/model/in_precision.h"

namespace eigenscape {

namespace {

/// Examples of either product: rounding is of the arithmetic, and much the same on any of them.
constexpr std::int64_t kFew = 64;
/// Of the largest |λ|: an eigenvalue below is zero, and 1 / λ would outweigh all others.
constexpr double kZero = 1e-5;

}  // namespace

double roundingError(Model& model, const Examples& examples, CurvatureOptions options,
                     const std::vector<EigenPair>& pairs, const Context& context) {
  if (model.type() == torch::kFloat64 || options.differences || examples.size() == 0) return 0;
  double largest = 0;
  for (const auto& pair : pairs) largest = std::max(largest, std::abs(pair.value));
  auto generator = at::detail::createCPUGenerator(options.seed + 3);
  torch::Tensor sum;
  double weight = 0;
  for (const auto& pair : pairs) {
    const double sign = 2 * torch::randint(0, 2, {1}, generator, torch::kFloat64).item<double>() - 1;
    if (!(std::abs(pair.value) > kZero * largest)) continue;
    const auto term = pair.vector.to(torch::kFloat64) * (sign / pair.value);
    sum = sum.defined() ? sum + term : term;
    weight += 1 / (pair.value * pair.value);
  }
  if (!sum.defined() || !std::isfinite(weight)) return 0;
  // In the unit in which float32 has its full range.
  sum = (sum / std::sqrt(weight)).to(model.type());
  options.keptGraphs = 0;
  const auto few = examples.first(std::min(kFew, examples.size()));
  const auto product = [&] {
    CurvatureOperator op(model, few.to(model.device(), model.type()), options, {context.stop, {}, {}});
    return op.apply(sum.to(model.type())).to(torch::kFloat64);
  };
  const auto rounded = product();
  const InPrecision exact(model, torch::kFloat64);
  return (rounded - product()).norm().item<double>();
}

void countRounding(std::vector<EigenPair>& pairs, double error, double tolerance) {
  for (auto& pair : pairs) {
    pair.residual = std::hypot(pair.residual, relativeResidual(error, pair.value));
    pair.converged = pair.converged && pair.residual <= tolerance;
  }
}

}  // namespace eigenscape
