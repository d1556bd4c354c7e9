// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/nn/module.h>

#include <cstdint>

#include "core/model/winograd.h"

// The layers of the zoo. They keep PyTorch's parameter names, initialisation and arithmetic; what they add is the fold
// of evaluation-mode BatchNorm into the convolution before it, which saves a pass over the activations in every
// forward, gradient and Hessian-vector product. The fold is differentiable, so gradients by γ, β and the kernel stay
// exact.
namespace eigenscape {

/// Draws from one generator, so that a model's weights depend on its seed alone.
class Initializer {
 public:
  explicit Initializer(std::uint64_t seed);
  /// PyTorch's default for convolutions and linear layers: U(−1/√fan_in, 1/√fan_in).
  torch::Tensor uniform(std::vector<std::int64_t> shape, std::int64_t fanIn);
  /// He et al. (arXiv:1502.01852): N(0, 2/fan_in).
  torch::Tensor kaimingNormal(std::vector<std::int64_t> shape, std::int64_t fanIn);

 private:
  at::Generator generator_;
};

enum class Init { Uniform, KaimingNormal };

/// Square-kernel convolution without a bias; padding keeps the size at stride 1.
class Convolution : public torch::nn::Module {
 public:
  Convolution(Initializer& init, Init kind, std::int64_t in, std::int64_t out, std::int64_t kernel,
              std::int64_t stride);
  /// y = conv(x, W) [· scale per output channel, folded into W], then what `after` says.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& scale = {}, const Epilogue& after = {});

  torch::Tensor weight;
  std::int64_t macs = 0;  ///< per example, of the last forward

 private:
  std::int64_t stride_, padding_;
};

class BatchNorm : public torch::nn::Module {
 public:
  explicit BatchNorm(std::int64_t channels);
  /// Normalizes by the batch and updates the running statistics (momentum 0.1).
  torch::Tensor forward(const torch::Tensor& x);
  /// Evaluation mode as y = x · scale + shift.
  std::pair<torch::Tensor, torch::Tensor> affine() const;

  torch::Tensor weight, bias, runningMean, runningVar, batches;
};

class Linear : public torch::nn::Module {
 public:
  Linear(Initializer& init, Init kind, std::int64_t in, std::int64_t out);
  torch::Tensor forward(const torch::Tensor& x);

  torch::Tensor weight, bias;
  std::int64_t macs = 0;
};

/// Images for a network of convolutions, N×C×H×W: on a CPU in channels-last memory, which every layer after it keeps.
/// oneDNN then takes them as they are; otherwise it rearranges the input and the output of every convolution, which
/// costs a forward pass 2.4 times and a Hessian-vector product 1.4 times as long (ResNet-20).
torch::Tensor channelsLast(const torch::Tensor& images);

/// relu(norm(convolution(x)) [+ residual]); BatchNorm is folded into the convolution in evaluation mode.
torch::Tensor convolveNormalizeRelu(Convolution& convolution, BatchNorm& norm, const torch::Tensor& x,
                                    const torch::Tensor& residual = {});

}  // namespace eigenscape
