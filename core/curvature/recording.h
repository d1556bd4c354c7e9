// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "core/model/layers.h"

// What the trace estimators share that look at what parameters do to each example, layer by layer.
namespace eigenscape {

/// Lets every layer record until the end of the scope.
class Recording {
 public:
  explicit Recording(const Model& model) : layers_(model.affineLayers()) {
    for (auto* layer : layers_) layer->record(true);
  }
  ~Recording() {
    for (auto* layer : layers_) layer->record(false);
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

 private:
  std::vector<AffineLayer*> layers_;
};

/// A layer and its parameters' places in parameters().entries(), in the order of named_parameters().
using LayerEntries = std::pair<AffineLayer*, std::vector<std::size_t>>;

/// A parameter tensor's place in parameters().entries().
inline std::optional<std::size_t> entryOf(const Model& model, const torch::Tensor& parameter) {
  const auto& tensors = model.parameters().tensors();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].is_same(parameter)) return i;
  }
  return std::nullopt;
}

/// Every layer with its entries; empty where layers share a parameter or the model does not know one.
inline std::vector<LayerEntries> layerEntries(const Model& model) {
  std::vector<LayerEntries> layers;
  std::vector<bool> seen(model.parameters().entries().size(), false);
  for (auto* layer : model.affineLayers()) {
    std::vector<std::size_t> own;
    for (const auto& parameter : layer->parameters(false)) {
      const auto entry = entryOf(model, parameter);
      if (!entry || seen[*entry]) return {};
      seen[*entry] = true;
      own.push_back(*entry);
    }
    layers.emplace_back(layer, std::move(own));
  }
  return layers;
}

}  // namespace eigenscape
