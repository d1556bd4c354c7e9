// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantization/simulation.h"

#include <torch/torch.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>

#include "core/model/layer_transform.h"
#include "core/quantization/transforms.h"

namespace eigenscape {

namespace {

bool areBits(std::int64_t bits) {
  return bits == 0 || (bits >= 2 && bits <= 8);
}

void check(const Setting& setting, std::size_t layers, const Calibration& calibration) {
  if (setting.size() != layers) throw std::invalid_argument("Simulation: one entry per weight layer is needed");
  for (const auto& layer : setting) {
    if (!areBits(layer.weight) || !areBits(layer.activation)) {
      throw std::invalid_argument("Simulation: 2 to 8 bits, or 0 for floating point");
    }
    if (layer.activation > 0 && calibration.size() != layers) {
      throw std::invalid_argument("Simulation: inputs are quantized by a calibration with one entry per weight layer");
    }
  }
}

/// `values` as they are, with the gradient that `x` would have times `slope`.
torch::Tensor straightThrough(const torch::Tensor& values, const torch::Tensor& x, const torch::Tensor& slope) {
  return values + (x - x.detach()) * slope;  // the bracket is zero, to the bit
}

}  // namespace

class Simulation::Layer : public LayerTransform {
 public:
  explicit Layer(const QuantizerOptions& options) : options_(options) {}

  void set(std::int64_t weightBits, std::optional<InputQuantizer> input) {
    if (weightBits != bits_) kernel_ = torch::Tensor();
    bits_ = weightBits;
    input_ = input;
  }

  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& scale,
                        const torch::Tensor& shift, const Product& product) override {
    const bool folded = scale.defined() && (options_.foldBatchNorm || bits_ == 0);
    auto kernel = folded ? weight * scale.view({-1, 1, 1, 1}) : weight;
    torch::Tensor in = x, steps;
    if (bits_ > 0) {
      const auto quantized = quantizedKernel(kernel);
      steps = quantized.scale();
      kernel = torch::GradMode::is_enabled()
                   ? straightThrough(quantized.integers(kernel.scalar_type()), kernel, slopeOf(quantized, kernel))
                   : quantized.integers(kernel.scalar_type());
    }
    if (input_) {
      torch::Tensor slope;
      in = input_->integers(x, torch::GradMode::is_enabled() ? &slope : nullptr);
      if (slope.defined()) in = straightThrough(in, x, slope);
      steps = steps.defined() ? steps * input_->scale
                              : torch::full({weight.size(0)}, input_->scale, weight.options().dtype(torch::kFloat64));
    }
    auto y = product(in, kernel);
    if (steps.defined()) y = y * overOutputs(steps.to(y.scalar_type()), weight);
    if (scale.defined() && !folded) y = y * overOutputs(scale, weight);
    return shift.defined() ? y + overOutputs(shift, weight) : y;
  }

 private:
  /// Without gradients the kernel of one batch is mostly that of the batch before.
  QuantizedTensor quantizedKernel(const torch::Tensor& kernel) {
    const bool keep = !torch::GradMode::is_enabled();
    if (keep && kernel_.defined() && kernel_.scalar_type() == kernel.scalar_type() && torch::equal(kernel_, kernel)) {
      return quantized_;
    }
    auto result = quantize(kernel, bits_, options_);
    if (keep) kernel_ = kernel.detach().clone(), quantized_ = result;
    return result;
  }

  /// ∂(integer)/∂w: 1 / scale, and 0 for what is clipped.
  static torch::Tensor slopeOf(const QuantizedTensor& quantized, const torch::Tensor& kernel) {
    torch::NoGradGuard noGrad;
    std::vector<std::int64_t> column(static_cast<std::size_t>(kernel.dim()), 1);
    column[0] = -1;
    const auto scale = quantized.scale().view(column), zero = quantized.zeroPoint.view(column);
    const auto raw = torch::round(kernel.detach().to(torch::kFloat64) / scale) + zero;
    const auto inside = raw.ge(quantized.lowest).logical_and_(raw.le(quantized.highest)).logical_and_(scale.gt(0));
    return torch::where(inside, scale.reciprocal(), torch::zeros_like(scale)).to(kernel.scalar_type());
  }

  const QuantizerOptions& options_;
  std::int64_t bits_ = 0;
  std::optional<InputQuantizer> input_;
  torch::Tensor kernel_;  ///< what quantized_ was made of
  QuantizedTensor quantized_;
};

Setting inputsOfFirstAndLast(Setting setting, std::int64_t bits) {
  if (setting.empty() || bits == 0) return setting;
  for (auto* layer : {&setting.front(), &setting.back()}) {
    if (layer->activation > 0) layer->activation = std::max(layer->activation, bits);
  }
  return setting;
}

Simulation::Simulation(Model& model, const Setting& setting, const QuantizerOptions& options,
                       const Calibration& calibration)
    : model_(model), options_(options), calibration_(calibration), attached_(model) {
  for (std::size_t i = 0; i < model.weightLayers().size(); ++i) layers_.push_back(std::make_unique<Layer>(options_));
  set(setting);
}

Simulation::~Simulation() = default;

void Simulation::set(const Setting& setting) {
  check(setting, layers_.size(), calibration_);
  const bool inputs = std::any_of(setting.begin(), setting.end(), [](const auto& bits) { return bits.activation > 0; });
  if (inputs && !attached_.tryAttach(0, nullptr)) throw inputsOutOfReach(model_);
  replaced_.restore();
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const auto bits = setting[i].activation;
    layers_[i]->set(setting[i].weight,
                    bits > 0 ? std::optional(inputQuantizer(calibration_[i], bits, options_)) : std::nullopt);
    const bool quantizes = setting[i] != LayerBits();
    if (!attached_.tryAttach(i, quantizes ? layers_[i].get() : nullptr) && quantizes)
      replaceWeight(i, setting[i].weight);
  }
}

void Simulation::replaceWeight(std::size_t layer, std::int64_t bits) {
  const auto& weight = model_.parameters().tensors()[model_.weightLayers()[layer].parameterEntry];
  replaced_.replace(weight, quantized(weight, bits, options_));
}

void Simulation::Replaced::replace(const torch::Tensor& weight, const torch::Tensor& by) {
  torch::NoGradGuard noGrad;
  weights_.emplace_back(weight, weight.detach().clone());
  weight.copy_(by);
}

void Simulation::Replaced::restore() {
  torch::NoGradGuard noGrad;
  for (auto& [weight, original] : weights_) weight.copy_(original);
  weights_.clear();
}

}  // namespace eigenscape
