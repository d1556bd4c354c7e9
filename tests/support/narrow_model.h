// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/torch.h>

#include "core/model/model.h"

namespace support {

/// Another model on a device with little memory: from the `later`-th forward pass on, it runs out for more than `limit`
/// examples at once.
class NarrowModel : public eigenscape::Model {
 public:
  NarrowModel(std::unique_ptr<eigenscape::Model> model, std::int64_t limit, int later = 0)
      : model_(std::move(model)), limit_(limit), later_(later) {
    weightLayers_ = model_->weightLayers();
    rebuildSpace();
  }
  std::string architecture() const override { return model_->architecture(); }
  torch::Tensor forward(const torch::Tensor& inputs) override {
    TORCH_CHECK(++passes_ < later_ || inputs.size(0) <= limit_, "CUDA out of memory. Tried to allocate 20.00 GiB");
    return model_->forward(inputs);
  }
  void setTraining(bool on) override { model_->setTraining(on); }
  bool isTraining() const override { return model_->isTraining(); }
  eigenscape::NamedTensors namedParameters() const override { return model_->namedParameters(); }
  eigenscape::NamedTensors namedBuffers() const override { return model_->namedBuffers(); }
  bool setTransform(std::size_t layer, eigenscape::LayerTransform* transform) override {
    return model_->setTransform(layer, transform);
  }
  std::vector<eigenscape::AffineLayer*> affineLayers() const override { return model_->affineLayers(); }
  void to(torch::Device device, torch::ScalarType type) override {
    model_->to(device, type);
    rebuildSpace();
  }

 private:
  std::unique_ptr<eigenscape::Model> model_;
  std::int64_t limit_;
  int later_, passes_ = 0;
};

}  // namespace support
