// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <algorithm>
#include <cstdint>

namespace eigenscape {

/// Examples of one split, normalized and ready for the model, resident on one device.
struct Examples {
  torch::Tensor inputs;   ///< N×C×H×W (or N×F), floating point, normalized
  torch::Tensor targets;  ///< N class indices, int64
  /// C values: what a black pixel became by normalization. Padding of a random crop uses it.
  torch::Tensor padding;

  std::int64_t size() const { return inputs.defined() ? inputs.size(0) : 0; }
  /// The first n; n = 0 or n ≥ size(): all. Shares storage.
  Examples first(std::int64_t n) const {
    if (n <= 0 || n >= size()) return *this;
    return {inputs.narrow(0, 0, n), targets.narrow(0, 0, n), padding};
  }
  /// Examples begin … begin+count−1 (clipped at the end). Shares storage.
  Examples slice(std::int64_t begin, std::int64_t count) const {
    const auto n = std::min(count, size() - begin);
    return {inputs.narrow(0, begin, n), targets.narrow(0, begin, n), padding};
  }
  Examples to(torch::Device device, torch::ScalarType type) const {
    return {inputs.to(device, type), targets.to(device), padding.defined() ? padding.to(device, type) : padding};
  }
};

}  // namespace eigenscape
