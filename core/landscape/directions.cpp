// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/landscape/directions.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "core/model/state_dict.h"
#include "core/results/error.h"

namespace eigenscape {

namespace {

template <class Number>
std::optional<Number> numberAfter(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

torch::Tensor tensorOf(const DirectionSpec& spec, std::int64_t dimension) {
  const auto tensors = readSafetensors(spec.file);
  const auto* found =
      spec.name.empty() && tensors.size() == 1 ? &tensors.front().second : tensorNamed(tensors, spec.name);
  if (!found) {
    std::string names;
    for (const auto& item : tensors) names += (names.empty() ? "" : ", ") + item.first;
    throw RunError(spec.file + ": " + (spec.name.empty() ? "holds several tensors" : "holds no tensor " + spec.name) +
                   "; expected tensor:FILE#NAME with one of " + names.substr(0, 400));
  }
  if (found->numel() != dimension) {
    throw RunError(spec.file + ": the direction has " + std::to_string(found->numel()) + " elements; the model has " +
                   std::to_string(dimension) + " parameters");
  }
  return found->flatten();
}

/// `direction` with each part (all axes but the first) as long as that part of `weight`; both double, same shape.
torch::Tensor matched(const torch::Tensor& direction, const torch::Tensor& weight, Normalization normalization) {
  const std::int64_t parts = normalization == Normalization::Filter ? weight.size(0) : 1;
  const auto d = direction.reshape({parts, -1});
  const auto lengths = d.norm(2, {1}, true);
  const auto wanted = weight.reshape({parts, -1}).norm(2, {1}, true);
  const auto factors = torch::where(lengths > 0, wanted / lengths, torch::zeros_like(lengths));
  return (d * factors).view_as(direction);
}

}  // namespace

DirectionSpec parseDirection(const std::string& text) {
  DirectionSpec spec;
  if (text == "gradient") {
    spec.kind = DirectionSpec::Kind::Gradient;
    return spec;
  }
  const auto at = text.find('@');
  if (const auto index = numberAfter<std::int64_t>(text.substr(0, at), "eigenvector:"); index && *index != 0) {
    spec.index = *index;
    // Of the smallest end only the whole model's are computed.
    if (at == std::string::npos || (at + 1 < text.size() && *index > 0)) {
      if (at != std::string::npos) spec.name = text.substr(at + 1);
      return spec;
    }
    spec = {};
  }
  if (const auto seed = numberAfter<std::uint64_t>(text, "random:")) {
    spec.kind = DirectionSpec::Kind::Random;
    spec.seed = *seed;
    return spec;
  }
  if (const auto index = numberAfter<std::int64_t>(text, "pca:"); index && *index > 0) {
    spec.kind = DirectionSpec::Kind::Principal;
    spec.index = *index;
    return spec;
  }
  const auto fileAfter = [&](const std::string& prefix) {
    return text.starts_with(prefix) ? text.substr(prefix.size()) : "";
  };
  if (spec.file = fileAfter("toward:"); !spec.file.empty()) {
    spec.kind = DirectionSpec::Kind::Toward;
    return spec;
  }
  if (spec.file = fileAfter("tensor:"); !spec.file.empty() && spec.file.front() != '#') {
    spec.kind = DirectionSpec::Kind::Tensor;
    if (const auto hash = tensorNameAt(spec.file); hash != std::string::npos) {
      spec.name = spec.file.substr(hash + 1);
      spec.file.resize(hash);
    }
    return spec;
  }
  throw std::invalid_argument("\"" + text +
                              "\": expected eigenvector:K (K = 1 is the largest, K = -1 the smallest), "
                              "eigenvector:K@LAYER, random:SEED, "
                              "gradient, pca:K (K = 1 explains most of the trajectory), toward:CHECKPOINT or "
                              "tensor:FILE#NAME");
}

std::size_t tensorNameAt(const std::string& text) {
  const std::string ending = ".safetensors#";
  const auto file = text.find(ending);
  return file == std::string::npos ? text.rfind('#') : file + ending.size() - 1;
}

torch::Tensor randomDirection(const Model& model, std::uint64_t seed, Normalization normalization) {
  torch::NoGradGuard noGrad;
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  const auto gaussian = torch::randn({model.parameters().dimension()}, generator, torch::kFloat64);
  const auto direction = normalization == Normalization::None ? gaussian / gaussian.norm() : gaussian;
  return normalizedDirection(model, direction.to(model.device(), model.type()), normalization);
}

torch::Tensor normalizedDirection(const Model& model, const torch::Tensor& direction, Normalization normalization) {
  if (normalization == Normalization::None) return direction;
  torch::NoGradGuard noGrad;
  const auto& weights = model.parameters().tensors();
  auto pieces = model.parameters().unflatten(direction);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (weights[i].dim() <= 1) {
      pieces[i] = torch::Tensor();  // biases and BatchNorm: flatten() puts zeros there
    } else {
      // In double: a norm over millions of floats would lose digits.
      pieces[i] = matched(pieces[i].to(torch::kFloat64), weights[i].to(torch::kFloat64), normalization)
                      .to(direction.scalar_type());
    }
  }
  return model.parameters().flatten(pieces);
}

const torch::Tensor* tensorNamed(const NamedTensors& tensors, const std::string& name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const auto& item) { return item.first == name; });
  return found == tensors.end() ? nullptr : &found->second;
}

torch::Tensor directionFromFile(const Model& model, const DirectionSpec& spec) {
  if (spec.kind == DirectionSpec::Kind::Tensor) return tensorOf(spec, model.parameters().dimension());
  return model.flatParameters(readStateDict(spec.file), spec.file) - model.parameters().flatten();
}

}  // namespace eigenscape
