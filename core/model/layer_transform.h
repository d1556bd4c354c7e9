// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <functional>

namespace eigenscape {

/// Takes the place of a weight layer's own arithmetic, for example to quantize what goes into it. A layer without one
/// (the ordinary case) pays for it with a comparison of a pointer.
class LayerTransform {
 public:
  /// The layer's convolution or matrix product, without scale and shift.
  using Product = std::function<torch::Tensor(const torch::Tensor& x, const torch::Tensor& kernel)>;

  virtual ~LayerTransform() = default;
  /// In place of product(x, weight · scale) + shift. `scale` and `shift` hold one value per output channel (the
  /// weight's first axis): the BatchNorm that is folded in, or the bias. Undefined: 1 and 0.
  virtual torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& scale,
                                const torch::Tensor& shift, const Product& product) = 0;

 protected:
  /// `values`, one per output channel of a layer with that weight, in a shape that broadcasts over its outputs.
  static torch::Tensor overOutputs(const torch::Tensor& values, const torch::Tensor& weight) {
    return weight.dim() == 4 ? values.view({-1, 1, 1}) : values;
  }
};

}  // namespace eigenscape
