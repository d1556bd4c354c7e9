// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/objective.h"

#include <torch/torch.h>

#include <algorithm>

#include "core/model/activations.h"
#include "core/model/layers.h"

namespace eigenscape {

LossAndAccuracy evaluate(Model& model, const Examples& examples, std::int64_t batchSize, const Context& context) {
  torch::NoGradGuard noGrad;
  const EvaluationMode mode(model);
  const KeptFolds folds(model);
  const auto step = std::min(batchSize, examplesWithin(kCacheForEvaluation, model));
  double loss = 0;
  std::int64_t correct = 0;
  for (std::int64_t begin = 0; begin < examples.size(); begin += step) {
    context.check();
    const auto batch = examples.slice(begin, step);
    const auto logits = model.forward(batch.inputs);
    // Double sums: a mean over many examples must not depend on the order of rounding in float.
    loss +=
        torch::nn::functional::cross_entropy(logits.to(torch::kFloat64), batch.targets,
                                             torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum))
            .item<double>();
    correct += logits.argmax(1).eq(batch.targets).sum().item<std::int64_t>();
    context.report(static_cast<double>(begin + batch.size()) / static_cast<double>(examples.size()));
  }
  const auto count = static_cast<double>(std::max<std::int64_t>(examples.size(), 1));
  return {loss / count, static_cast<double>(correct) / count};
}

}  // namespace eigenscape
