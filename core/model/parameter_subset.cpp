// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/parameter_subset.h"

#include <torch/torch.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace eigenscape {

namespace {

std::vector<std::size_t> allLayers(const ParameterSpace& space) {
  std::vector<std::size_t> layers(space.layers().size());
  std::iota(layers.begin(), layers.end(), std::size_t{0});
  return layers;
}

}  // namespace

ParameterSubset::ParameterSubset(const ParameterSpace& space) : ParameterSubset(space, allLayers(space)) {}

ParameterSubset::ParameterSubset(const ParameterSpace& space, std::vector<std::size_t> layers)
    : whole_(layers.size() == space.layers().size()), wholeDimension_(space.dimension()) {
  if (layers.empty()) throw std::invalid_argument("a set of layers needs at least one");
  std::sort(layers.begin(), layers.end());
  for (const auto index : layers) {
    const auto& layer = space.layers().at(index);
    offsets_.push_back(dimension_);
    ranges_.emplace_back(layer.offset, layer.size);
    dimension_ += layer.size;
    for (std::size_t i = 0; i < layer.entryCount; ++i) tensors_.push_back(space.tensors()[layer.firstEntry + i]);
  }
}

torch::Tensor ParameterSubset::flatten(const std::vector<torch::Tensor>& pieces) const {
  if (pieces.size() != tensors_.size()) throw std::invalid_argument("flatten: one tensor per parameter is needed");
  torch::NoGradGuard noGrad;
  const auto piece = [&](std::size_t i) {
    return pieces[i].defined() ? pieces[i].detach() : torch::zeros_like(tensors_[i].detach());
  };
  if (tensors_.front().is_cuda()) {
    std::vector<torch::Tensor> rows;
    for (std::size_t i = 0; i < pieces.size(); ++i) rows.push_back(piece(i).reshape({-1}));
    return torch::cat(rows);  // one kernel for all
  }
  // Straight to its place: the gradient of a matrix often comes transposed, and joining would move it twice.
  const auto defined = std::find_if(pieces.begin(), pieces.end(), [](const auto& one) { return one.defined(); });
  const auto& like = defined == pieces.end() ? tensors_.front() : *defined;
  const auto flat = torch::empty({dimension_}, torch::TensorOptions(like.device()).dtype(like.scalar_type()));
  const auto places = unflatten(flat);
  for (std::size_t i = 0; i < pieces.size(); ++i) places[i].copy_(piece(i));
  return flat;
}

std::vector<torch::Tensor> ParameterSubset::unflatten(const torch::Tensor& flat) const {
  if (flat.dim() != 1 || flat.size(0) != dimension_) {
    throw std::invalid_argument("a flat vector of " + std::to_string(dimension_) + " elements is needed, not of " +
                                std::to_string(flat.numel()));
  }
  std::vector<torch::Tensor> pieces;
  pieces.reserve(tensors_.size());
  std::int64_t offset = 0;
  for (const auto& tensor : tensors_) {
    pieces.push_back(flat.narrow(0, offset, tensor.numel()).view(tensor.sizes()));
    offset += tensor.numel();
  }
  return pieces;
}

torch::Tensor ParameterSubset::embed(const torch::Tensor& flat) const {
  if (whole_) return flat;
  auto whole = torch::zeros({wholeDimension_}, flat.options());
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    whole.narrow(0, ranges_[i].first, ranges_[i].second).copy_(flat.narrow(0, offsets_[i], ranges_[i].second));
  }
  return whole;
}

torch::Tensor ParameterSubset::restrict(const torch::Tensor& whole) const {
  if (whole_) return whole;
  std::vector<torch::Tensor> parts;
  for (const auto& [offset, size] : ranges_) parts.push_back(whole.narrow(0, offset, size));
  return torch::cat(parts);
}

}  // namespace eigenscape
