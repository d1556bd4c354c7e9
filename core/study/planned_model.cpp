// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/planned_model.h"

#include <torch/torch.h>

#include <set>

#include "core/results/error.h"
#include "core/study/bit_plan.h"
#include "core/study/visits.h"
#include "datasets/dataset.h"

namespace eigenscape {

namespace {

/// A table for another network would silently lead to bits for layers that are not there.
void requireLayers(const Recipe& recipe, const Model& model) {
  const auto& file = recipe.quantization.sensitivity;
  if (!recipe.quantization.enabled || file.empty()) return;
  const auto names = model.weightLayerNames();
  const std::set<std::string> own(names.begin(), names.end());
  std::set<std::string> given;
  for (const auto& row : givenSensitivity(recipe.quantization)) given.insert(row.layer);
  const auto refuse = [&](const std::string& what) {
    throw RecipeError("quantization.sensitivity = \"" + file + "\": " + what + " " + model.architecture() +
                      "; expected a row for each width of each of its layers");
  };
  for (const auto& name : given) {
    if (!own.contains(name)) refuse("layer '" + name + "' is not one of");
  }
  for (const auto& name : own) {
    if (!given.contains(name)) refuse("has no rows for layer '" + name + "' of");
  }
}

InputShape shapeOf(const Recipe& recipe) {
  for (const auto& info : datasetInfos()) {
    if (info.name == recipe.data.dataset) return {info.channels, info.height, info.width, info.classes};
  }
  return {};
}

}  // namespace

std::unique_ptr<Model> plannedModel(const Recipe& recipe) {
  if (recipe.model.architecture.empty()) return nullptr;
  return makeModel(recipe.model.architecture, shapeOf(recipe), static_cast<std::uint64_t>(recipe.seed));
}

Examples plannedExamples(const Recipe& recipe) {
  constexpr std::int64_t few = 4;
  const auto shape = shapeOf(recipe);
  auto generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(recipe.seed));
  return {torch::randn({few, shape.channels, shape.height, shape.width}, generator),
          torch::zeros({few}, torch::kInt64),
          {}};
}

void checkLayers(const Recipe& recipe, const Model& model) {
  scopesOf(recipe.curvature, model);
  requireLayers(recipe, model);
  if (recipe.quantization.enabled) checkGivenSettings(recipe.quantization, model.weightLayerNames());
}

}  // namespace eigenscape
