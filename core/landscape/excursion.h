// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/torch.h>

#include <stdexcept>
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

  void go(double alpha, double beta) {
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
  torch::Tensor fitting(const torch::Tensor& direction) const {
    if (!direction.defined() || direction.dim() != 1 || direction.size(0) != start_.size(0)) {
      throw std::invalid_argument("landscape: a direction needs one element per parameter");
    }
    return direction.detach().to(start_.device(), start_.scalar_type());
  }

  Model& model_;
  torch::Tensor start_, x_, y_;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> buffers_;
};

}  // namespace eigenscape
