// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include "core/model/examples.h"
#include "core/model/model.h"

// Small data and comparisons that the tests of training, landscape and quantization share.
namespace toy {

using eigenscape::Examples;
using eigenscape::InputShape;

/// Noisy copies of one random picture per class: easy to learn, not trivial.
inline Examples pictures(std::int64_t count, const InputShape& shape, std::uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  const auto prototypes = torch::randn({shape.classes, shape.channels, shape.height, shape.width}, generator);
  const auto targets = torch::arange(count, torch::kInt64).remainder(shape.classes);
  const auto noise = torch::randn({count, shape.channels, shape.height, shape.width}, generator);
  return {prototypes.index_select(0, targets) + 0.8 * noise, targets, torch::full({shape.channels}, -1.0F)};
}

/// The same bits in every tensor.
inline bool identical(const eigenscape::NamedTensors& a, const eigenscape::NamedTensors& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].first != b[i].first || !torch::equal(a[i].second, b[i].second)) return false;
  }
  return true;
}

inline eigenscape::NamedTensors copied(const eigenscape::NamedTensors& tensors) {
  eigenscape::NamedTensors copies;
  for (const auto& [name, tensor] : tensors) copies.emplace_back(name, tensor.detach().clone());
  return copies;
}

}  // namespace toy
