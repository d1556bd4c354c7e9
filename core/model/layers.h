// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "core/model/layer_transform.h"
#include "core/model/model.h"
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

/// A layer whose output is affine in its own parameters. While it records, zeros with a gradient stand beside its
/// output, so that a loss can be differentiated by what the parameters do to each example. The first dimension counts
/// examples.
class AffineLayer : public torch::nn::Module {
 public:
  void record(bool on);
  /// What was added to the output of the last forward; undefined where there was none.
  const torch::Tensor& zeros() const { return zeros_; }
  /// For each parameter, in the order of named_parameters(): the change J s of the output along random signs s of that
  /// parameter, other ones for every example. E sₙsₙᵀ = 1 given all the other examples' signs.
  virtual std::vector<torch::Tensor> randomChanges(at::Generator& generator) const = 0;
  /// For each parameter, in the same order: the squared length of each example's gradient, whose derivative by the
  /// output of the last forward is `pulled`. Empty where that takes more than the gradients would.
  virtual std::vector<torch::Tensor> squaredGradients(const torch::Tensor& /*pulled*/) const { return {}; }

 protected:
  bool isRecording() const { return recording_; }
  torch::Tensor recorded(const torch::Tensor& input, torch::Tensor output);
  torch::Tensor signs(std::vector<std::int64_t> shape, at::Generator& generator) const;
  /// Signs for each example and feature, along `dimension` of the output.
  torch::Tensor featureSigns(std::int64_t dimension, at::Generator& generator) const;

  torch::Tensor input_, zeros_;

 private:
  bool recording_ = false;
};

class BatchNorm;

/// A convolution's kernel and shift with BatchNorm in evaluation mode folded in.
struct Fold {
  torch::Tensor kernel, shift;
  std::optional<WinogradKernel> winograd;  ///< of the kernel, once it was needed
};

/// Square-kernel convolution without a bias; padding keeps the size at stride 1.
class Convolution : public AffineLayer {
 public:
  Convolution(Initializer& init, Init kind, std::int64_t in, std::int64_t out, std::int64_t kernel,
              std::int64_t stride);
  /// y = conv(x, W) [· scale per output channel, folded into W], then what `after` says.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& scale = {}, const Epilogue& after = {});
  /// The same with BatchNorm in evaluation mode before what `after` says, which has no shift.
  torch::Tensor forward(const torch::Tensor& x, const BatchNorm& norm, const Epilogue& after);
  std::vector<torch::Tensor> randomChanges(at::Generator& generator) const override;
  /// Folds once and not in every pass without gradients, until it is turned off: see KeptFolds.
  void keepFold(bool on);

  torch::Tensor weight;
  std::int64_t macs = 0;  ///< per example, of the last forward
  LayerTransform* transform = nullptr;

 private:
  torch::Tensor convolve(const torch::Tensor& x, Fold& fold, const Epilogue& after);

  std::int64_t stride_, padding_;
  bool keeping_ = false;
  std::optional<Fold> fold_;  ///< kept
};

/// While it lives, passes in evaluation mode without gradients fold BatchNorm into the kernels, and transform those for
/// Winograd's convolution, once and not in every batch. Parameters and buffers must not change meanwhile.
class KeptFolds {
 public:
  explicit KeptFolds(const Model& model);
  ~KeptFolds();
  KeptFolds(const KeptFolds&) = delete;
  KeptFolds& operator=(const KeptFolds&) = delete;

 private:
  void keep(bool on) const;
  std::vector<AffineLayer*> layers_;
};

class BatchNorm : public AffineLayer {
 public:
  explicit BatchNorm(std::int64_t channels);
  /// Normalizes by the batch and updates the running statistics (momentum 0.1).
  torch::Tensor forward(const torch::Tensor& x);
  /// Evaluation mode as y = x · scale + shift.
  std::pair<torch::Tensor, torch::Tensor> affine() const;
  /// x by channel, where the layer records: evaluation mode without the fold.
  bool standsAlone() const { return isRecording(); }
  torch::Tensor normalize(const torch::Tensor& x);
  std::vector<torch::Tensor> randomChanges(at::Generator& generator) const override;

  torch::Tensor weight, bias, runningMean, runningVar, batches;
};

class Linear : public AffineLayer {
 public:
  Linear(Initializer& init, Init kind, std::int64_t in, std::int64_t out);
  torch::Tensor forward(const torch::Tensor& x);
  std::vector<torch::Tensor> randomChanges(at::Generator& generator) const override;
  std::vector<torch::Tensor> squaredGradients(const torch::Tensor& pulled) const override;

  torch::Tensor weight, bias;
  std::int64_t macs = 0;
  LayerTransform* transform = nullptr;
};

/// Over the last dimension.
class LayerNorm : public AffineLayer {
 public:
  explicit LayerNorm(std::int64_t features);
  torch::Tensor forward(const torch::Tensor& x);
  std::vector<torch::Tensor> randomChanges(at::Generator& generator) const override;

  torch::Tensor weight, bias;
};

/// Images for a network of convolutions, N×C×H×W: on a CPU in channels-last memory, which every layer after it keeps.
/// oneDNN then takes them as they are; otherwise it rearranges the input and the output of every convolution, which
/// costs a forward pass 2.4 times and a Hessian-vector product 1.4 times as long (ResNet-20).
torch::Tensor channelsLast(const torch::Tensor& images);

/// norm(convolution(x)) [+ residual] [then ReLU]. BatchNorm is folded into the convolution in evaluation mode, unless
/// the layers record.
torch::Tensor convolveAndNormalize(Convolution& convolution, BatchNorm& norm, const torch::Tensor& x,
                                   const torch::Tensor& residual = {}, bool relu = false);
torch::Tensor convolveNormalizeRelu(Convolution& convolution, BatchNorm& norm, const torch::Tensor& x,
                                    const torch::Tensor& residual = {});

}  // namespace eigenscape
