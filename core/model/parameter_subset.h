// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/model/parameter_space.h"

namespace eigenscape {

/// Some layers of a model, and the flat vector of their parameters alone. For all layers it is the flat vector of the
/// ParameterSpace.
class ParameterSubset {
 public:
  /// Every layer.
  explicit ParameterSubset(const ParameterSpace& space);
  /// The given indices into space.layers(), in network order. Throws std::invalid_argument for none.
  ParameterSubset(const ParameterSpace& space, std::vector<std::size_t> layers);

  std::int64_t dimension() const { return dimension_; }
  bool isWhole() const { return whole_; }
  /// The model's own tensors, in order.
  const std::vector<torch::Tensor>& tensors() const { return tensors_; }

  /// Joins one tensor per parameter (an undefined one counts as zeros).
  torch::Tensor flatten(const std::vector<torch::Tensor>& pieces) const;
  /// Views of `flat`, one per parameter in its shape. Throws std::invalid_argument when the size is not dimension().
  std::vector<torch::Tensor> unflatten(const torch::Tensor& flat) const;
  /// The subset's vector in the whole space, zero elsewhere.
  torch::Tensor embed(const torch::Tensor& flat) const;
  /// The subset's part of a vector of the whole space.
  torch::Tensor restrict(const torch::Tensor& whole) const;

 private:
  bool whole_ = false;
  std::int64_t dimension_ = 0, wholeDimension_ = 0;
  std::vector<std::int64_t> offsets_;  ///< of each layer in the subset's flat vector
  std::vector<torch::Tensor> tensors_;
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges_;  ///< offset and size in the whole space, by layer
};

}  // namespace eigenscape
