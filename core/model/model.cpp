// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/model.h"

#include <torch/torch.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "core/results/error.h"

namespace eigenscape {

namespace {

std::string shapeText(const torch::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

bool isCounter(const std::string& name) {
  return name.ends_with("num_batches_tracked");
}

/// One line that says why `state` does not fit, or "".
std::string misfit(const NamedTensors& own, const std::map<std::string, torch::Tensor>& given) {
  std::vector<std::string> missing;
  for (const auto& [name, tensor] : own) {
    const auto found = given.find(name);
    if (found == given.end()) {
      if (!isCounter(name)) missing.push_back(name);
    } else if (found->second.sizes() != tensor.sizes()) {
      return name + " has shape " + shapeText(found->second) + ", the model needs " + shapeText(tensor);
    }
  }
  if (!missing.empty()) {
    const auto more = missing.size() > 1 ? " and " + std::to_string(missing.size() - 1) + " more" : std::string();
    return "no tensor " + missing.front() + more;
  }
  for (const auto& [name, tensor] : given) {
    const bool known =
        std::any_of(own.begin(), own.end(), [&name = name](const auto& item) { return item.first == name; });
    if (!known && !isCounter(name)) return "unexpected tensor " + name;
  }
  return {};
}

}  // namespace

std::vector<std::string> Model::weightLayerNames() const {
  std::vector<std::string> names;
  for (const auto& layer : weightLayers_) names.push_back(layer.name);
  return names;
}

NamedTensors Model::stateDict() const {
  auto state = namedParameters();
  for (auto& buffer : namedBuffers()) state.push_back(std::move(buffer));
  return state;
}

void Model::loadStateDict(const NamedTensors& state, const std::string& source) {
  const std::map<std::string, torch::Tensor> given(state.begin(), state.end());
  const auto own = stateDict();
  if (const auto problem = misfit(own, given); !problem.empty()) {
    throw RunError(source + ": does not fit the model " + architecture() + ": " + problem);
  }
  torch::NoGradGuard noGrad;
  for (auto [name, tensor] : own) {
    if (const auto found = given.find(name); found != given.end()) tensor.copy_(found->second);
  }
}

torch::Tensor Model::flatParameters(const NamedTensors& state, const std::string& source) const {
  const std::map<std::string, torch::Tensor> given(state.begin(), state.end());
  if (const auto problem = misfit(stateDict(), given); !problem.empty()) {
    throw RunError(source + ": does not fit the model " + architecture() + ": " + problem);
  }
  std::vector<torch::Tensor> pieces;
  for (const auto& entry : space_.entries()) pieces.push_back(given.at(entry.name).to(device(), type()));
  return space_.flatten(pieces);
}

torch::Device Model::device() const {
  return space_.tensors().empty() ? torch::Device(torch::kCPU) : space_.tensors().front().device();
}

torch::ScalarType Model::type() const {
  return space_.tensors().empty() ? torch::kFloat32 : space_.tensors().front().scalar_type();
}

}  // namespace eigenscape
