// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/layers.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/model/random_signs.h"

namespace eigenscape {

namespace {
constexpr double kEpsilon = 1e-5;
constexpr double kMomentum = 0.1;

/// What remains of `after` once the shift is added; in place.
torch::Tensor finished(torch::Tensor y, const Epilogue& after) {
  if (after.residual.defined()) y.add_(after.residual);
  return after.relu ? y.relu_() : y;
}

}  // namespace

Initializer::Initializer(std::uint64_t seed) : generator_(at::detail::createCPUGenerator(seed)) {}

torch::Tensor Initializer::uniform(std::vector<std::int64_t> shape, std::int64_t fanIn) {
  const double bound = 1 / std::sqrt(static_cast<double>(fanIn));
  torch::NoGradGuard noGrad;
  return torch::empty(shape).uniform_(-bound, bound, generator_);
}

torch::Tensor Initializer::kaimingNormal(std::vector<std::int64_t> shape, std::int64_t fanIn) {
  torch::NoGradGuard noGrad;
  return torch::empty(shape).normal_(0, std::sqrt(2 / static_cast<double>(fanIn)), generator_);
}

void AffineLayer::record(bool on) {
  recording_ = on;
  input_ = torch::Tensor();
  zeros_ = torch::Tensor();
}

torch::Tensor AffineLayer::recorded(const torch::Tensor& input, torch::Tensor output) {
  if (!recording_) return output;
  TORCH_CHECK(!zeros_.defined(), "a layer that is used twice cannot be recorded");
  input_ = input.detach();
  zeros_ = torch::zeros_like(output.detach()).set_requires_grad(true);
  return output + zeros_;
}

torch::Tensor AffineLayer::signs(std::vector<std::int64_t> shape, at::Generator& generator) const {
  return randomSigns(shape, generator, zeros_.device(), zeros_.scalar_type());
}

torch::Tensor AffineLayer::featureSigns(std::int64_t dimension, at::Generator& generator) const {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(zeros_.dim()), 1);
  shape[0] = zeros_.size(0);
  shape[static_cast<std::size_t>(dimension)] = zeros_.size(dimension);
  return signs(shape, generator);
}

Convolution::Convolution(Initializer& init, Init kind, std::int64_t in, std::int64_t out, std::int64_t kernel,
                         std::int64_t stride)
    : stride_(stride), padding_(kernel / 2) {
  const std::vector<std::int64_t> shape{out, in, kernel, kernel};
  const auto fanIn = in * kernel * kernel;
  weight = register_parameter("weight",
                              kind == Init::Uniform ? init.uniform(shape, fanIn) : init.kaimingNormal(shape, fanIn));
}

torch::Tensor Convolution::forward(const torch::Tensor& x, const torch::Tensor& scale, const Epilogue& after) {
  if (transform) {
    const auto product = [this](const auto& in, const auto& kernel) {
      return torch::conv2d(in, kernel, {}, stride_, padding_);
    };
    return finished(transform->forward(x, weight, scale, after.shift, product), after);
  }
  Fold fold{scale.defined() ? weight * scale.view({-1, 1, 1, 1}) : weight, after.shift, {}};
  return convolve(x, fold, after);
}

torch::Tensor Convolution::forward(const torch::Tensor& x, const BatchNorm& norm, const Epilogue& after) {
  const bool keep = keeping_ && !transform && !torch::GradMode::is_enabled();
  if (!keep || !fold_) {
    const auto [scale, shift] = norm.affine();
    if (!keep) return forward(x, scale, {shift, after.residual, after.relu});
    fold_ = Fold{weight * scale.view({-1, 1, 1, 1}), shift, {}};
  }
  return convolve(x, *fold_, {fold_->shift, after.residual, after.relu});
}

torch::Tensor Convolution::convolve(const torch::Tensor& x, Fold& fold, const Epilogue& after) {
  torch::Tensor y;
  if (winogradApplies(x, fold.kernel, after, stride_, padding_)) {
    if (!fold.winograd) fold.winograd.emplace(fold.kernel);
    y = winogradConvolution(x, *fold.winograd, after);
  } else {
    y = finished(torch::conv2d(x, fold.kernel, after.shift, stride_, padding_), after);
  }
  macs = weight.numel() * y.size(2) * y.size(3);
  return recorded(x, std::move(y));
}

void Convolution::keepFold(bool on) {
  keeping_ = on;
  fold_.reset();
}

KeptFolds::KeptFolds(const Model& model) : layers_(model.affineLayers()) {
  keep(true);
}

KeptFolds::~KeptFolds() {
  keep(false);
}

void KeptFolds::keep(bool on) const {
  for (auto* layer : layers_) {
    if (auto* convolution = dynamic_cast<Convolution*>(layer)) convolution->keepFold(on);
  }
}

/// The signs of example n are s[o, i] aₙ[o] bₙ[i]: independent from one example to the next, and independent within one
/// because s is. A kernel of its own for every example takes a group of its own.
std::vector<torch::Tensor> Convolution::randomChanges(at::Generator& generator) const {
  const torch::NoGradGuard noGrad;
  const auto n = input_.size(0), in = weight.size(1), kernel = weight.size(2);
  const auto shared = signs(weight.sizes().vec(), generator);
  const auto own = signs({n, 1, in, kernel, kernel}, generator);
  const auto kernels = (shared * own).flatten(0, 1);
  const auto images = input_.contiguous().view({1, n * in, input_.size(2), input_.size(3)});
  const auto change = torch::conv2d(images, kernels, {}, stride_, padding_, 1, n);
  return {change.view({n, -1, change.size(2), change.size(3)}) * featureSigns(1, generator)};
}

BatchNorm::BatchNorm(std::int64_t channels) {
  weight = register_parameter("weight", torch::ones(channels));
  bias = register_parameter("bias", torch::zeros(channels));
  runningMean = register_buffer("running_mean", torch::zeros(channels));
  runningVar = register_buffer("running_var", torch::ones(channels));
  batches = register_buffer("num_batches_tracked", torch::zeros({}, torch::kInt64));
}

torch::Tensor BatchNorm::forward(const torch::Tensor& x) {
  // Autograd saves the statistics it is handed; a graph that is kept for Hessian-vector products must not see them
  // change under it with the next batch.
  const auto mean = runningMean.clone(), var = runningVar.clone();
  auto y = torch::batch_norm(x, weight, bias, mean, var, true, kMomentum, kEpsilon, false);
  const torch::NoGradGuard noGrad;
  batches.add_(1);
  runningMean.copy_(mean);
  runningVar.copy_(var);
  return y;
}

std::pair<torch::Tensor, torch::Tensor> BatchNorm::affine() const {
  const auto scale = weight * torch::rsqrt(runningVar + kEpsilon);
  return {scale, bias - runningMean.clone() * scale};  // a copy, for the same reason as in forward
}

torch::Tensor BatchNorm::normalize(const torch::Tensor& x) {
  const auto scale = torch::rsqrt(runningVar + kEpsilon);
  const auto normalized = (x - runningMean.view({1, -1, 1, 1})) * scale.view({1, -1, 1, 1});
  return recorded(normalized, normalized * weight.view({1, -1, 1, 1}) + bias.view({1, -1, 1, 1}));
}

std::vector<torch::Tensor> BatchNorm::randomChanges(at::Generator& generator) const {
  const torch::NoGradGuard noGrad;
  const auto change = input_ * featureSigns(1, generator);
  return {change, featureSigns(1, generator).expand_as(zeros_)};
}

Linear::Linear(Initializer& init, Init kind, std::int64_t in, std::int64_t out) {
  weight = register_parameter("weight",
                              kind == Init::Uniform ? init.uniform({out, in}, in) : init.kaimingNormal({out, in}, in));
  bias = register_parameter("bias", init.uniform({out}, in));
}

torch::Tensor Linear::forward(const torch::Tensor& x) {
  if (transform) {
    return transform->forward(x, weight, {}, bias,
                              [](const auto& in, const auto& kernel) { return torch::linear(in, kernel); });
  }
  macs = weight.numel() * x.numel() / std::max<std::int64_t>(x.size(0) * x.size(-1), 1);
  return recorded(x, torch::linear(x, weight, bias));
}

/// As a convolution's.
std::vector<torch::Tensor> Linear::randomChanges(at::Generator& generator) const {
  const torch::NoGradGuard noGrad;
  const auto last = zeros_.dim() - 1;
  std::vector<std::int64_t> shape(static_cast<std::size_t>(input_.dim()), 1);
  shape.front() = input_.size(0);
  shape.back() = input_.size(-1);
  const auto shared = signs(weight.sizes().vec(), generator);
  auto change = torch::linear(input_ * signs(shape, generator), shared).mul_(featureSigns(last, generator));
  return {std::move(change), featureSigns(last, generator).expand_as(zeros_)};
}

std::vector<torch::Tensor> Linear::squaredGradients(const torch::Tensor& pulled) const {
  if (pulled.dim() != 2) return {};
  // The weight's gradient is the outer product of what goes in and what comes back.
  const auto square = pulled.square().sum(1);
  return {square * input_.square().sum(1), square};
}

LayerNorm::LayerNorm(std::int64_t features) {
  weight = register_parameter("weight", torch::ones(features));
  bias = register_parameter("bias", torch::zeros(features));
}

torch::Tensor LayerNorm::forward(const torch::Tensor& x) {
  return recorded(x, torch::layer_norm(x, weight.sizes(), weight, bias, kEpsilon));
}

std::vector<torch::Tensor> LayerNorm::randomChanges(at::Generator& generator) const {
  const torch::NoGradGuard noGrad;
  const auto last = zeros_.dim() - 1;
  const auto normalized = torch::layer_norm(input_, weight.sizes(), {}, {}, kEpsilon);
  auto change = normalized * featureSigns(last, generator);
  return {std::move(change), featureSigns(last, generator).expand_as(zeros_)};
}

torch::Tensor channelsLast(const torch::Tensor& images) {
  return images.is_cuda() ? images : images.contiguous(at::MemoryFormat::ChannelsLast);
}

torch::Tensor convolveAndNormalize(Convolution& convolution, BatchNorm& norm, const torch::Tensor& x,
                                   const torch::Tensor& residual, bool relu) {
  if (!norm.is_training() && !norm.standsAlone()) {
    return convolution.forward(x, norm, {{}, residual, relu});
  }
  const auto y = convolution.forward(x);
  return finished(norm.is_training() ? norm.forward(y) : norm.normalize(y), {{}, residual, relu});
}

torch::Tensor convolveNormalizeRelu(Convolution& convolution, BatchNorm& norm, const torch::Tensor& x,
                                    const torch::Tensor& residual) {
  return convolveAndNormalize(convolution, norm, x, residual, true);
}

}  // namespace eigenscape
