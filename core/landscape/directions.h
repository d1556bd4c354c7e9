// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>

#include "core/model/model.h"

namespace eigenscape {

/// How the text of `x` or `y` in a recipe reads.
struct DirectionSpec {
  enum class Kind { Eigenvector, Random, Gradient, Principal, Toward, Tensor } kind = Kind::Eigenvector;
  std::int64_t index = 1;  ///< eigenvector: K ≥ 1 from the top, K ≤ −1 from the bottom; principal component: K ≥ 1
  std::uint64_t seed = 0;  ///< random
  std::string file;        ///< toward: a checkpoint; tensor: a .safetensors file
  std::string name;        ///< tensor: which one of the file; empty: its only one. Eigenvector: its layer; empty: all
};
/// Parses "eigenvector:K", "eigenvector:K@LAYER", "random:SEED", "gradient", "pca:K", "toward:CHECKPOINT" or
/// "tensor:FILE#NAME". Throws std::invalid_argument whose text says what is accepted.
DirectionSpec parseDirection(const std::string& text);
/// Where '#' stands between file and name of "FILE#NAME", in which a name may hold '#', too; npos: there is no name.
std::size_t tensorNameAt(const std::string& text);

enum class Normalization { None, Filter, Layer };

/// A Gaussian random direction in the model's parameters, on its device and in its type. With Filter (Li et al.,
/// arXiv:1712.09913) each filter (row of the weight's first axis) gets the norm of the model's filter; with Layer each
/// weight tensor gets the norm of the model's; in both, biases and BatchNorm parameters (one-dimensional) are zero.
/// None: unit length over all parameters. The same seed gives the same direction on every device and in every type.
torch::Tensor randomDirection(const Model& model, std::uint64_t seed, Normalization normalization);

/// Rescales any flat direction in the same manner. None leaves it as it is. A filter where the direction is zero stays
/// zero.
torch::Tensor normalizedDirection(const Model& model, const torch::Tensor& direction, Normalization normalization);

/// The tensor of that name; null where there is none.
const torch::Tensor* tensorNamed(const NamedTensors& tensors, const std::string& name);

/// Before normalization, what the file of a Toward or Tensor holds: the way from the model's weights to the
/// checkpoint's (not of unit length: at 1 stands the other checkpoint), or the tensor, of whatever length. Throws
/// RunError that names the file and what it ought to hold.
torch::Tensor directionFromFile(const Model& model, const DirectionSpec& spec);

}  // namespace eigenscape
