// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantization/measure.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "core/quantization/transforms.h"

namespace eigenscape {

LossAndAccuracy measured(Model& model, const Setting& setting, const QuantizerOptions& options,
                         const Calibration& calibration, const Examples& examples, std::int64_t batchSize,
                         const Context& context) {
  const Simulation simulation(model, setting, options, calibration);
  return evaluate(model, examples, batchSize, context);
}

LossAndAccuracy ExampleLosses::mean() const {
  const auto count = static_cast<double>(std::max<std::int64_t>(losses.numel(), 1));
  return {losses.sum().item<double>() / count, static_cast<double>(correct) / count};
}

ExampleLosses exampleLosses(Model& model, const Examples& examples, std::int64_t batchSize, const Context& context) {
  torch::NoGradGuard noGrad;
  const EvaluationMode mode(model);
  const auto perExample = torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kNone);
  ExampleLosses result;
  std::vector<torch::Tensor> parts{torch::zeros({0}, torch::kFloat64)};
  for (std::int64_t begin = 0; begin < examples.size(); begin += batchSize) {
    context.check();
    const auto batch = examples.slice(begin, batchSize);
    const auto logits = model.forward(batch.inputs);
    parts.push_back(
        torch::nn::functional::cross_entropy(logits.to(torch::kFloat64), batch.targets, perExample).to(torch::kCPU));
    result.correct += logits.argmax(1).eq(batch.targets).sum().item<std::int64_t>();
    context.report(static_cast<double>(begin + batch.size()) / static_cast<double>(examples.size()));
  }
  result.losses = torch::cat(parts);
  return result;
}

LossIncrease lossIncrease(const ExampleLosses& from, const ExampleLosses& to) {
  if (from.losses.sizes() != to.losses.sizes()) throw std::invalid_argument("lossIncrease: not the same examples");
  const auto count = from.losses.numel();
  const auto difference = to.losses - from.losses;
  if (count < 2) return {difference.sum().item<double>(), std::numeric_limits<double>::quiet_NaN()};
  return {difference.mean().item<double>(),
          difference.std(true).item<double>() / std::sqrt(static_cast<double>(count))};
}

}  // namespace eigenscape
