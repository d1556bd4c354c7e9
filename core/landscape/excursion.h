// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/torch.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/model/model.h"

namespace eigenscape {

/// Puts the model at points around its present parameters and, in the end, back.
class Excursion {
 public:
  Excursion(Model& model, const torch::Tensor& x, const torch::Tensor& y)
      : model_(model), start_(model.parameters().flatten()), x_(fitting(x)), y_(y.defined() ? fitting(y) : y) {}
  ~Excursion() {
    model_.parameters().assign(start_);
    const torch::NoGradGuard noGrad;
    for (auto& [buffer, value] : buffers_) buffer.copy_(value);
  }
  Excursion(const Excursion&) = delete;
  Excursion& operator=(const Excursion&) = delete;

  /// To be called before the running statistics are changed.
  void keepBuffers() {
    for (const auto& [name, buffer] : model_.namedBuffers()) buffers_.emplace_back(buffer, buffer.clone());
  }

  /// From now on go() moves those buffers too.
  void moveBuffers(const NamedTensors& x, const NamedTensors& y) {
    for (const auto& [name, buffer] : model_.namedBuffers()) {
      Moved one{buffer, buffer.clone(), find(x, name), find(y, name), name.ends_with("running_var")};
      if (!one.x.defined() && !one.y.defined()) continue;
      buffers_.emplace_back(buffer, one.start);
      moved_.push_back(std::move(one));
    }
  }

  void go(double alpha, double beta) {
    const torch::NoGradGuard noGrad;
    for (auto& one : moved_) {
      auto value = one.start.clone();
      if (one.x.defined() && alpha != 0) value.add_(one.x.to(value), alpha);
      if (one.y.defined() && beta != 0) value.add_(one.y.to(value), beta);
      one.buffer.copy_(one.variance ? value.clamp_min(0) : value);
    }
    // θ + 0·x could differ from θ where x is not finite, and in the sign of zeros.
    if (alpha == 0 && (beta == 0 || !y_.defined())) {
      model_.parameters().assign(start_);
      return;
    }
    auto point = torch::add(start_, x_, alpha);
    if (y_.defined()) point.add_(y_, beta);
    model_.parameters().assign(point);
  }

 private:
  struct Moved {
    torch::Tensor buffer, start, x, y;
    bool variance;
  };

  static torch::Tensor find(const NamedTensors& tensors, const std::string& name) {
    for (const auto& [other, tensor] : tensors) {
      if (other == name) return tensor;
    }
    return {};
  }

  torch::Tensor fitting(const torch::Tensor& direction) const {
    if (!direction.defined() || direction.dim() != 1 || direction.size(0) != start_.size(0)) {
      throw std::invalid_argument("landscape: a direction needs one element per parameter");
    }
    return direction.detach().to(start_.device(), start_.scalar_type());
  }

  Model& model_;
  torch::Tensor start_, x_, y_;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> buffers_;  ///< and what they were
  std::vector<Moved> moved_;
};

}  // namespace eigenscape
