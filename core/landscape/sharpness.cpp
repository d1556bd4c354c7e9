// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/landscape/sharpness.h"

#include <torch/torch.h>

#include <cmath>

#include "core/curvature/curvature_operator.h"
#include "core/model/objective.h"

namespace eigenscape {

namespace {

/// Puts the parameters back whatever happens.
class Home {
 public:
  explicit Home(Model& model) : model_(model), flat_(model.parameters().flatten()) {}
  ~Home() { model_.parameters().assign(flat_); }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  const torch::Tensor& flat() const { return flat_; }

 private:
  Model& model_;
  torch::Tensor flat_;
};

}  // namespace

Sharpness epsilonSharpness(Model& model, const Examples& examples, const SharpnessOptions& options,
                           const Context& context) {
  const Home home(model);
  const Context stopOnly{context.stop, {}, {}};
  const auto box = options.epsilon * (home.flat().abs() + 1);
  const auto lossAt = [&](const torch::Tensor& z) {
    model.parameters().assign(home.flat() + z);
    return evaluate(model, examples, options.batchSize, stopOnly).loss;
  };
  Sharpness result;
  auto z = torch::zeros_like(home.flat());
  result.loss = result.highest = lossAt(z);
  CurvatureOptions gradients;
  gradients.batchSize = options.batchSize;
  gradients.keptGraphs = 0;  // no graph is used twice
  gradients.differences = false;
  for (std::int64_t step = 0; step < options.steps; ++step) {
    context.check();
    model.parameters().assign(home.flat() + z);
    const auto gradient = CurvatureOperator(model, examples, gradients, stopOnly).gradient();
    ++result.gradients;
    const auto corner = box * gradient.sign();
    bool better = false;
    for (double share = 1; share > 0.1 && !better; share /= 2) {
      const auto there = z + share * (corner - z);
      const double loss = lossAt(there);
      better = loss > result.highest;
      if (better) result.highest = loss, z = there;
    }
    context.report(static_cast<double>(step + 1) / static_cast<double>(options.steps));
    if (!better) break;
  }
  result.value = 100 * (result.highest - result.loss) / (1 + result.loss);
  return result;
}

}  // namespace eigenscape
