// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/layers.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

namespace eigenscape {

namespace {
constexpr double kEpsilon = 1e-5;
constexpr double kMomentum = 0.1;
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

Convolution::Convolution(Initializer& init, Init kind, std::int64_t in, std::int64_t out, std::int64_t kernel,
                         std::int64_t stride)
    : stride_(stride), padding_(kernel / 2) {
  const std::vector<std::int64_t> shape{out, in, kernel, kernel};
  const auto fanIn = in * kernel * kernel;
  weight = register_parameter("weight",
                              kind == Init::Uniform ? init.uniform(shape, fanIn) : init.kaimingNormal(shape, fanIn));
}

torch::Tensor Convolution::forward(const torch::Tensor& x, const torch::Tensor& scale, const Epilogue& after) {
  const auto kernel = scale.defined() ? weight * scale.view({-1, 1, 1, 1}) : weight;
  torch::Tensor y;
  if (winogradApplies(x, kernel, after, stride_, padding_)) {
    y = winogradConvolution(x, kernel, after);
  } else {
    y = torch::conv2d(x, kernel, after.shift, stride_, padding_);
    if (after.residual.defined()) y.add_(after.residual);
    if (after.relu) y.relu_();
  }
  macs = weight.numel() * y.size(2) * y.size(3);
  return y;
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

Linear::Linear(Initializer& init, Init kind, std::int64_t in, std::int64_t out) {
  weight = register_parameter("weight",
                              kind == Init::Uniform ? init.uniform({out, in}, in) : init.kaimingNormal({out, in}, in));
  bias = register_parameter("bias", init.uniform({out}, in));
}

torch::Tensor Linear::forward(const torch::Tensor& x) {
  macs = weight.numel() * x.numel() / std::max<std::int64_t>(x.size(0) * x.size(-1), 1);
  return torch::linear(x, weight, bias);
}

torch::Tensor channelsLast(const torch::Tensor& images) {
  return images.is_cuda() ? images : images.contiguous(at::MemoryFormat::ChannelsLast);
}

torch::Tensor convolveNormalizeRelu(Convolution& convolution, BatchNorm& norm, const torch::Tensor& x,
                                    const torch::Tensor& residual) {
  if (!norm.is_training()) {
    const auto [scale, shift] = norm.affine();
    return convolution.forward(x, scale, {shift, residual, true});
  }
  auto y = norm.forward(convolution.forward(x));
  if (residual.defined()) y.add_(residual);
  return y.relu_();
}

}  // namespace eigenscape
