// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/model/layer_transform.h"
#include "core/model/model.h"
#include "core/results/error.h"

// What calibration, simulation and activation traces share.
namespace eigenscape {

inline RunError inputsOutOfReach(const Model& model) {
  return RunError("the inputs of the layers of " + model.architecture() +
                  " are out of reach, so that only its weights can be quantized; set quantization.activation_bits to "
                  "\"float\"");
}

/// Keeps transforms in a model's layers for as long as it lives. One at a time per model.
class AttachedTransforms {
 public:
  explicit AttachedTransforms(Model& model) : model_(model) {}
  ~AttachedTransforms() {
    for (std::size_t i = 0; i < model_.weightLayers().size(); ++i) model_.setTransform(i, nullptr);
  }
  AttachedTransforms(const AttachedTransforms&) = delete;
  AttachedTransforms& operator=(const AttachedTransforms&) = delete;

  /// Throws RunError where the model's layers are out of reach.
  void attach(std::size_t layer, LayerTransform* transform) {
    if (!tryAttach(layer, transform)) throw inputsOutOfReach(model_);
  }
  /// False where they are. nullptr takes a transform away.
  bool tryAttach(std::size_t layer, LayerTransform* transform) { return model_.setTransform(layer, transform); }

 private:
  Model& model_;
};

/// A layer that leaves its arithmetic as it is, and looks at what goes in or changes it.
class InputTransform : public LayerTransform {
 public:
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& scale,
                        const torch::Tensor& shift, const Product& product) final {
    auto y = product(input(x), scale.defined() ? weight * scale.view({-1, 1, 1, 1}) : weight);
    return shift.defined() ? y + overOutputs(shift, weight) : y;
  }

 protected:
  virtual torch::Tensor input(const torch::Tensor& x) = 0;
};

}  // namespace eigenscape
