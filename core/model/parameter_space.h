// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace eigenscape {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

/// The flat vector θ of a model's trainable parameters and its named pieces.
///
/// The order is that of PyTorch's `named_parameters()`, each tensor in row-major order, so a flat vector written here
/// is `torch.cat([p.flatten() for p in model.parameters()])` there.
///
///     ParameterSpace space(model.namedParameters());
///     torch::Tensor theta = space.flatten();        // a copy, size space.dimension()
///     space.assign(theta + 0.1 * direction);        // writes into the model
class ParameterSpace {
 public:
  struct Entry {
    std::string name;  ///< "layer1.0.conv1.weight"
    std::vector<std::int64_t> shape;
    std::int64_t offset = 0, size = 0;  ///< in the flat vector
    std::size_t layer = 0;              ///< index into layers()
  };
  /// The parameters of one module: a contiguous range of the flat vector.
  struct Layer {
    std::string name;  ///< "layer1.0.conv1"
    std::int64_t offset = 0, size = 0;
    std::size_t firstEntry = 0, entryCount = 0;
  };

  ParameterSpace() = default;
  /// The tensors are shared with the model, not copied.
  explicit ParameterSpace(NamedTensors parameters);

  std::int64_t dimension() const { return dimension_; }
  const std::vector<Entry>& entries() const { return entries_; }
  const std::vector<Layer>& layers() const { return layers_; }
  /// The model's own tensors, in order.
  const std::vector<torch::Tensor>& tensors() const { return tensors_; }

  /// A copy of θ.
  torch::Tensor flatten() const;
  /// Joins one tensor per entry (an undefined one counts as zeros) to a flat vector.
  torch::Tensor flatten(const std::vector<torch::Tensor>& pieces) const;
  /// Views of `flat`, one per entry in its shape. Throws std::invalid_argument when the size is not dimension().
  std::vector<torch::Tensor> unflatten(const torch::Tensor& flat) const;
  /// Writes `flat` into the model's parameters, without a gradient record.
  void assign(const torch::Tensor& flat);

 private:
  std::vector<Entry> entries_;
  std::vector<Layer> layers_;
  std::vector<torch::Tensor> tensors_;
  std::int64_t dimension_ = 0;
};

}  // namespace eigenscape
