// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/parameter_update.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/results/error.h"
#include "core/training/trainer.h"

namespace eigenscape {

namespace {

/// torch.optim.SGD without dampening. A buffer that starts at zero equals one that starts with the first gradient.
class Sgd : public ParameterUpdate {
 public:
  Sgd(const ParameterSpace& space, const TrainingOptions& options)
      : ParameterUpdate(space, options.weightDecay), momentum_(options.momentum), nesterov_(options.nesterov) {
    if (momentum_ != 0) buffers_ = zerosLikeParameters();
  }

  NamedTensors state() const override {
    NamedTensors list;
    appendState(list, "momentum", buffers_);
    return list;
  }

 protected:
  void apply(const std::vector<std::size_t>& which, Tensors& gradients, double learningRate) override {
    auto parameters = pick(parameters_, which);
    if (momentum_ == 0) {
      at::_foreach_add_(parameters, gradients, -learningRate);
      return;
    }
    auto buffers = pick(buffers_, which);
    at::_foreach_mul_(buffers, at::Scalar(momentum_));
    at::_foreach_add_(buffers, gradients, 1);
    if (nesterov_) at::_foreach_add_(gradients, buffers, momentum_);
    at::_foreach_add_(parameters, nesterov_ ? gradients : buffers, -learningRate);
  }

 private:
  double momentum_;
  bool nesterov_;
  Tensors buffers_;
};

/// torch.optim.Adam: Kingma & Ba (arXiv:1412.6980) with both bias corrections and ε outside the root.
class Adam : public ParameterUpdate {
 public:
  Adam(const ParameterSpace& space, const TrainingOptions& options)
      : ParameterUpdate(space, options.weightDecay),
        beta1_(options.momentum),
        means_(zerosLikeParameters()),
        squares_(zerosLikeParameters()),
        step_(torch::zeros({1}, torch::kInt64)) {}

  NamedTensors state() const override {
    NamedTensors list;
    appendState(list, "mean", means_);
    appendState(list, "square", squares_);
    list.emplace_back("step", step_);
    return list;
  }

 protected:
  void apply(const std::vector<std::size_t>& which, Tensors& gradients, double learningRate) override {
    auto parameters = pick(parameters_, which), means = pick(means_, which), squares = pick(squares_, which);
    const auto step = static_cast<double>(step_.add_(1).item<std::int64_t>());
    at::_foreach_mul_(means, at::Scalar(beta1_));
    at::_foreach_add_(means, gradients, 1 - beta1_);
    at::_foreach_mul_(squares, at::Scalar(kBeta2));
    at::_foreach_addcmul_(squares, gradients, gradients, at::Scalar(1 - kBeta2));
    auto denominators = at::_foreach_sqrt(squares);
    at::_foreach_div_(denominators, at::Scalar(std::sqrt(1 - std::pow(kBeta2, step))));
    at::_foreach_add_(denominators, at::Scalar(kEpsilon));
    at::_foreach_addcdiv_(parameters, means, denominators, at::Scalar(-learningRate / (1 - std::pow(beta1_, step))));
  }

 private:
  static constexpr double kBeta2 = 0.999, kEpsilon = 1e-8;

  double beta1_;
  Tensors means_, squares_;
  torch::Tensor step_;  ///< on the CPU
};

}  // namespace

ParameterUpdate::ParameterUpdate(const ParameterSpace& space, double weightDecay)
    : parameters_(space.tensors()), weightDecay_(weightDecay) {
  for (const auto& entry : space.entries()) names_.push_back(entry.name);
}

void ParameterUpdate::step(Tensors gradients, double learningRate) {
  torch::NoGradGuard noGrad;
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (gradients[i].defined()) which.push_back(i);
  }
  if (which.empty()) return;
  if (which.size() < gradients.size()) gradients = pick(gradients, which);
  if (weightDecay_ != 0) at::_foreach_add_(gradients, pick(parameters_, which), weightDecay_);
  apply(which, gradients, learningRate);
}

void ParameterUpdate::load(const NamedTensors& given) {
  auto own = state();
  std::vector<torch::Tensor> sources;
  for (const auto& [name, tensor] : own) {
    const auto found =
        std::find_if(given.begin(), given.end(), [&name = name](const auto& item) { return item.first == name; });
    if (found == given.end() || found->second.sizes() != tensor.sizes()) {
      throw RunError("the checkpoint's optimizer state has no fitting tensor " + name +
                     "; it was made with other training settings: start the run again");
    }
    sources.push_back(found->second);
  }
  torch::NoGradGuard noGrad;
  for (std::size_t i = 0; i < own.size(); ++i) own[i].second.copy_(sources[i]);
}

ParameterUpdate::Tensors ParameterUpdate::zerosLikeParameters() const {
  Tensors zeros;
  for (const auto& parameter : parameters_) zeros.push_back(torch::zeros_like(parameter.detach()));
  return zeros;
}

void ParameterUpdate::appendState(NamedTensors& list, const std::string& kind, const Tensors& tensors) const {
  for (std::size_t i = 0; i < tensors.size(); ++i) list.emplace_back(kind + "." + names_[i], tensors[i]);
}

ParameterUpdate::Tensors ParameterUpdate::pick(const Tensors& from, const std::vector<std::size_t>& which) {
  if (which.size() == from.size()) return from;
  Tensors picked;
  for (const auto i : which) picked.push_back(from[i]);
  return picked;
}

std::unique_ptr<ParameterUpdate> makeParameterUpdate(const ParameterSpace& space, const TrainingOptions& options) {
  if (options.optimizer == Optimizer::Adam) return std::make_unique<Adam>(space, options);
  return std::make_unique<Sgd>(space, options);
}

}  // namespace eigenscape
