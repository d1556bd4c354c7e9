// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantization/measure.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "core/model/activations.h"
#include "core/model/layer_transform.h"
#include "core/model/layers.h"
#include "core/quantization/transforms.h"

namespace eigenscape {

namespace {

/// Sees what is folded into a layer.
class ScaleRecorder : public LayerTransform {
 public:
  torch::Tensor scale;
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& folded,
                        const torch::Tensor& shift, const Product& product) override {
    scale = folded;
    auto y = product(x, folded.defined() ? weight * folded.view({-1, 1, 1, 1}) : weight);
    return shift.defined() ? y + overOutputs(shift, weight) : y;
  }
};

/// Of every weight layer; undefined where nothing is folded, or where the layers are out of reach.
std::vector<torch::Tensor> foldedScales(Model& model, const Examples& example) {
  const EvaluationMode mode(model);
  const auto count = model.weightLayers().size();
  std::vector<ScaleRecorder> recorders(count);
  std::vector<torch::Tensor> scales(count);
  if (count == 0 || !model.setTransform(0, nullptr)) return scales;
  AttachedTransforms attached(model);
  for (std::size_t i = 0; i < count; ++i) attached.attach(i, &recorders[i]);
  model.forward(example.inputs);
  for (std::size_t i = 0; i < count; ++i) scales[i] = recorders[i].scale;
  return scales;
}

}  // namespace

LossAndAccuracy measured(Model& model, const Setting& setting, const QuantizerOptions& options,
                         const Calibration& calibration, const Examples& examples, std::int64_t batchSize,
                         const Context& context) {
  const Simulation simulation(model, setting, options, calibration);
  return evaluate(model, examples, batchSize, context);
}

std::vector<torch::Tensor> quantizedWeights(Model& model, const Setting& setting, const QuantizerOptions& options,
                                            const Examples& example) {
  torch::NoGradGuard noGrad;
  const auto& layers = model.weightLayers();
  if (setting.size() != layers.size()) throw std::invalid_argument("quantizedWeights: one entry per weight layer");
  const auto scales = options.foldBatchNorm ? foldedScales(model, example) : std::vector<torch::Tensor>(layers.size());
  std::vector<torch::Tensor> weights;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto weight = model.parameters().tensors()[layers[i].parameterEntry].detach();
    if (setting[i].weight == 0) {
      weights.push_back(weight.clone());
    } else if (!scales[i].defined()) {
      weights.push_back(quantized(weight, setting[i].weight, options));
    } else {
      const auto scale = scales[i].view({-1, 1, 1, 1});
      const auto folded = quantized(weight * scale, setting[i].weight, options);
      weights.push_back(torch::where(scale == 0, weight, folded / scale));
    }
  }
  return weights;
}

LossAndAccuracy ExampleLosses::mean() const {
  const auto count = static_cast<double>(std::max<std::int64_t>(losses.numel(), 1));
  return {losses.sum().item<double>() / count, static_cast<double>(correct) / count};
}

ExampleLosses exampleLosses(Model& model, const Examples& examples, std::int64_t batchSize, const Context& context) {
  torch::NoGradGuard noGrad;
  const EvaluationMode mode(model);
  const KeptFolds folds(model);
  const auto perExample = torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kNone);
  ExampleLosses result;
  std::vector<torch::Tensor> parts{torch::zeros({0}, torch::kFloat64)};
  const auto step = std::min(batchSize, examplesWithin(kCacheForEvaluation, model));
  for (std::int64_t begin = 0; begin < examples.size(); begin += step) {
    context.check();
    const auto batch = examples.slice(begin, step);
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
