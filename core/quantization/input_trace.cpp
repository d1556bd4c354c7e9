// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantization/input_trace.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <stdexcept>

#include "core/curvature/double_backward.h"
#include "core/curvature/drawn_trace.h"
#include "core/curvature/memory.h"
#include "core/curvature/output_trace.h"
#include "core/curvature/trace_correlation.h"
#include "core/model/random_signs.h"
#include "core/quantization/transforms.h"

namespace eigenscape {

namespace {

/// Adds a zero that gradients can be taken by.
class Shift : public InputTransform {
 public:
  torch::Tensor value;

 protected:
  torch::Tensor input(const torch::Tensor& x) override {
    value = torch::zeros_like(x.detach()).requires_grad_(true);
    return x + value;
  }
};

class InputTraces {
  using Tensors = std::vector<torch::Tensor>;

 public:
  InputTraces(Model& model, const Examples& examples, std::int64_t batchSize, const TraceOptions& options,
              InputTraceMethod method, const Context& context)
      : model_(model),
        examples_(examples),
        batchSize_(batchSize),
        options_(options),
        method_(method),
        context_(context),
        generator_(at::detail::createCPUGenerator(options.seed)),
        attached_(model),
        shares_(model.weightLayers().size(), std::vector<DrawnShare>(static_cast<std::size_t>(batches()))),
        correlation_(shares_.size()) {
    for (std::size_t i = 0; i < shares_.size(); ++i) {
      shifts_.push_back(std::make_unique<Shift>());
      attached_.attach(i, shifts_.back().get());
    }
  }

  TraceEstimates run() {
    TraceEstimates result;
    result.converged = drawUntilKnown(
        batches(), options_.maxProbes, draws_, [this](std::int64_t draws) { visit(draws); },
        [this] { return neededDraws(); });
    for (std::size_t i = 0; i < shares_.size(); ++i) result.ranges.push_back(estimate(i));
    result.correlations = correlation_.matrix();
    result.whole = result.squaredFrobenius = {std::nan(""), std::nan("")};
    result.products = result.probes = draws_;
    return result;
  }

 private:
  std::int64_t batches() const { return (examples_.size() + batchSize_ - 1) / batchSize_; }

  void visit(std::int64_t draws) {
    const torch::AutoGradMode record(true);
    for (std::int64_t batch = 0; batch < batches(); ++batch) {
      context_.check();
      const auto part = examples_.slice(batch * batchSize_, batchSize_);
      const auto outputs = model_.forward(part.inputs);
      std::vector<torch::Tensor> inputs;
      for (const auto& shift : shifts_) inputs.push_back(shift->value);
      const auto gradients =
          method_ == InputTraceMethod::FromProducts ? gradientsOf(outputs, part.targets, inputs) : Tensors();
      for (std::int64_t draw = 1; draw <= draws; ++draw) {
        context_.check();
        const auto terms = method_ == InputTraceMethod::FromProducts
                               ? products(gradients, inputs, draw < draws)
                               : squares(outputs, part.targets, inputs, draw < draws);
        for (std::size_t i = 0; i < terms.size(); ++i) {
          const double term = terms[i] / static_cast<double>(examples_.size());
          if (!std::isfinite(term)) throw productNotFinite();
          auto& share = shares_[i][static_cast<std::size_t>(batch)];
          const auto [before, after] = share.add(term, static_cast<double>(draws_ + draw));
          correlation_.set(i, before, after);
        }
        correlation_.end();
      }
      const double done = static_cast<double>(draws_) +
                          static_cast<double>(draws) * static_cast<double>(batch + 1) / static_cast<double>(batches());
      context_.report(done / static_cast<double>(options_.maxProbes));
    }
    for (const auto& shift : shifts_) shift->value = torch::Tensor();
    draws_ += draws;
  }

  static Tensors gradientsOf(const torch::Tensor& outputs, const torch::Tensor& targets, const Tensors& inputs) {
    const auto sum = torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum);
    return torch::autograd::grad({torch::nn::functional::cross_entropy(outputs, targets, sum)}, inputs, {}, true, true);
  }

  /// zᵀ(Hz) of each layer.
  std::vector<double> products(const Tensors& gradients, const Tensors& inputs, bool keep) {
    Tensors signs;
    for (const auto& gradient : gradients)
      signs.push_back(randomSigns(gradient.sizes(), generator_, gradient.device(), gradient.scalar_type()));
    const auto pulled = torch::autograd::grad(gradients, inputs, signs, keep, false, true);
    std::vector<double> terms;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      terms.push_back(pulled[i].defined() ? (signs[i] * pulled[i]).sum().item<double>() : 0);
    return terms;
  }

  /// ‖Jᵀ S ε‖² of each layer.
  std::vector<double> squares(const torch::Tensor& outputs, const torch::Tensor& targets, const Tensors& inputs,
                              bool keep) {
    const auto kind = method_ == InputTraceMethod::EmpiricalFisher ? CurvatureKind::Fisher : CurvatureKind::GaussNewton;
    const auto root = signedRoot(outputs.detach(), targets, kind, generator_);
    const auto pulled = torch::autograd::grad({outputs}, inputs, {root}, keep, false, true);
    std::vector<double> terms;
    for (const auto& part : pulled) terms.push_back(part.defined() ? part.square().sum().item<double>() : 0);
    return terms;
  }

  TraceEstimate estimate(std::size_t layer) const { return drawnTrace(shares_[layer], draws_); }

  double neededDraws() const {
    double needed = 0;
    for (std::size_t i = 0; i < shares_.size(); ++i)
      needed = std::max(needed, drawsNeeded(estimate(i), options_.tolerance, draws_));
    return needed;
  }

  Model& model_;
  const Examples& examples_;
  std::int64_t batchSize_, draws_ = 0;
  const TraceOptions& options_;
  InputTraceMethod method_;
  const Context& context_;
  at::Generator generator_;
  std::vector<std::unique_ptr<Shift>> shifts_;
  AttachedTransforms attached_;
  std::vector<std::vector<DrawnShare>> shares_;  ///< of each layer, by batch
  TraceCorrelation correlation_;                 ///< of the layers
};

/// How far quantization moves a layer's input.
class Perturbation : public InputTransform {
 public:
  std::vector<InputQuantizer> quantizers;
  std::vector<double> sums;

 protected:
  torch::Tensor input(const torch::Tensor& x) override {
    for (std::size_t i = 0; i < quantizers.size(); ++i) {
      const auto off = quantizers[i].integers(x).mul_(quantizers[i].scale).sub_(x);
      sums[i] += off.square_().sum(torch::kFloat64).item<double>();
    }
    return x;
  }
};

}  // namespace

TraceEstimates estimateInputTraces(Model& model, const Examples& examples, std::int64_t batchSize,
                                   const TraceOptions& options, InputTraceMethod method, const Context& context) {
  const auto start = std::chrono::steady_clock::now();
  useFastDoubleBackward();
  const EvaluationMode mode(model);
  const auto most = std::min<std::int64_t>(batchSize, model.device().is_cuda() ? 128 : 64);
  auto result = withFewerAtOnce(most, "traces of the inputs", context, [&](std::int64_t atOnce) {
    return InputTraces(model, examples, atOnce, options, method, context).run();
  });
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

std::vector<std::vector<double>> inputPerturbations(Model& model, const Examples& examples, std::int64_t batchSize,
                                                    const Calibration& calibration,
                                                    const std::vector<std::int64_t>& bits,
                                                    const QuantizerOptions& options, const Context& context) {
  torch::NoGradGuard noGrad;
  const EvaluationMode mode(model);
  std::vector<std::unique_ptr<Perturbation>> layers;
  AttachedTransforms attached(model);
  for (std::size_t i = 0; i < model.weightLayers().size(); ++i) {
    layers.push_back(std::make_unique<Perturbation>());
    for (const auto width : bits) layers[i]->quantizers.push_back(inputQuantizer(calibration.at(i), width, options));
    layers[i]->sums.assign(bits.size(), 0);
    attached.attach(i, layers[i].get());
  }
  for (std::int64_t begin = 0; begin < examples.size(); begin += batchSize) {
    context.check();
    model.forward(examples.slice(begin, batchSize).inputs);
  }
  std::vector<std::vector<double>> means;
  for (const auto& layer : layers) {
    means.push_back(layer->sums);
    for (double& sum : means.back()) sum /= static_cast<double>(std::max<std::int64_t>(examples.size(), 1));
  }
  return means;
}

std::vector<InputSensitivityRow> inputSensitivity(const Model& model, const Calibration& calibration,
                                                  const TraceEstimates& traces, const std::vector<std::int64_t>& bits,
                                                  const std::vector<std::vector<double>>& perturbations) {
  const auto& layers = model.weightLayers();
  if (traces.ranges.size() != layers.size() || perturbations.size() != layers.size() ||
      calibration.size() != layers.size()) {
    throw std::invalid_argument("inputSensitivity: one value per weight layer is needed");
  }
  std::vector<InputSensitivityRow> rows;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    InputSensitivityRow row;
    row.layer = layers[i].name;
    row.elements = calibration[i].perExample;
    const auto elements = static_cast<double>(std::max<std::int64_t>(row.elements, 1));
    row.meanTrace = traces.ranges[i].trace / elements;
    row.standardError = traces.ranges[i].standardError / elements;
    for (std::size_t b = 0; b < bits.size(); ++b) {
      row.bits = bits[b];
      row.perturbation = perturbations[i].at(b);
      row.omega = row.meanTrace * row.perturbation;
      rows.push_back(row);
    }
  }
  return rows;
}

}  // namespace eigenscape
