// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/parameter_space.h"

#include <torch/torch.h>

#include <stdexcept>

namespace eigenscape {

namespace {

/// "layer1.0.conv1.weight" belongs to the module "layer1.0.conv1".
std::string moduleOf(const std::string& parameter) {
  const auto dot = parameter.rfind('.');
  return dot == std::string::npos ? parameter : parameter.substr(0, dot);
}

}  // namespace

ParameterSpace::ParameterSpace(NamedTensors parameters) {
  for (auto& [name, tensor] : parameters) {
    const auto module = moduleOf(name);
    if (layers_.empty() || layers_.back().name != module)
      layers_.push_back({module, dimension_, 0, entries_.size(), 0});
    entries_.push_back({name, tensor.sizes().vec(), dimension_, tensor.numel(), layers_.size() - 1});
    layers_.back().size += tensor.numel();
    ++layers_.back().entryCount;
    dimension_ += tensor.numel();
    tensors_.push_back(tensor);
  }
}

torch::Tensor ParameterSpace::flatten() const {
  return flatten(tensors_);
}

torch::Tensor ParameterSpace::flatten(const std::vector<torch::Tensor>& pieces) const {
  if (pieces.size() != entries_.size()) throw std::invalid_argument("flatten: one tensor per parameter is needed");
  torch::NoGradGuard noGrad;
  std::vector<torch::Tensor> rows;
  rows.reserve(pieces.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    rows.push_back(pieces[i].defined() ? pieces[i].detach().reshape({-1})
                                       : torch::zeros({entries_[i].size}, tensors_[i].detach().options()));
  }
  return torch::cat(rows);
}

std::vector<torch::Tensor> ParameterSpace::unflatten(const torch::Tensor& flat) const {
  if (flat.dim() != 1 || flat.size(0) != dimension_) {
    throw std::invalid_argument("a flat vector of " + std::to_string(dimension_) + " elements is needed, not of " +
                                std::to_string(flat.numel()));
  }
  std::vector<torch::Tensor> pieces;
  pieces.reserve(entries_.size());
  for (const auto& entry : entries_) pieces.push_back(flat.narrow(0, entry.offset, entry.size).view(entry.shape));
  return pieces;
}

void ParameterSpace::assign(const torch::Tensor& flat) {
  torch::NoGradGuard noGrad;
  const auto pieces = unflatten(flat);
  for (std::size_t i = 0; i < pieces.size(); ++i) tensors_[i].copy_(pieces[i]);
}

}  // namespace eigenscape
