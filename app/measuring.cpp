// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/measuring.h"

#include <algorithm>

#include "core/results/error.h"
#include "core/study/quantizer_recipe.h"
#include "core/study/visits.h"

namespace eigenscape {

namespace fs = std::filesystem;

namespace {

/// Where the weights of the run's last epoch are; empty: they are those that the recipe begins with.
fs::path lastWeights(const RunResults& run, const Recipe& recipe) {
  if (!recipe.model.checkpoints.empty()) return visitsOf(recipe).back().checkpoint;
  if (recipe.training.epochs == 0) return {};
  fs::path last;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(run.directory / "checkpoints", error)) {
    if (entry.path().extension() == ".safetensors") last = std::max(last, entry.path());
  }
  return last;
}

/// An interrupted run may go on, and its weights with it.
bool isTrained(const RunResults& run) {
  if (run.info.status == "done") return true;
  const auto last = "train:" + std::to_string(run.info.epochs);
  try {
    const auto recipe = parseRecipe(run.recipe, (run.directory / "recipe.toml").string());
    return recipe.training.epochs == 0 || !recipe.model.checkpoints.empty() ||
           std::any_of(run.info.phases.begin(), run.info.phases.end(),
                       [&](const PhaseInfo& phase) { return phase.name == last; });
  } catch (const RecipeError&) {
    return true;  // said where the recipe is needed
  }
}

}  // namespace

std::string networkObstacle(const RunResults& run) {
  if (run.info.model.empty()) return "the run has sensitivities alone, no model and no data";
  if (run.info.status == "running") return "the run is not finished";
  if (!isTrained(run)) return "the run's training is not finished; go on with this run first";
  return {};
}

std::string measuringObstacle(const RunResults& run) {
  const auto obstacle = networkObstacle(run);
  if (obstacle.empty() && run.info.testExamples == 0) return "the run's data has no test examples";
  return obstacle;
}

QuantizationRecipe rulesOf(const RunResults& run) {
  try {
    return parseRecipe(run.recipe, (run.directory / "recipe.toml").string()).quantization;
  } catch (const RecipeError&) {
    return {};
  }
}

Recipe measuringRecipe(const RunResults& run, const fs::path& bits) {
  Recipe recipe = parseRecipe(run.recipe, (run.directory / "recipe.toml").string());
  if (const auto weights = lastWeights(run, recipe); !weights.empty())
    recipe.model.weights = fs::absolute(weights).string();
  recipe.model.checkpoints.clear();
  recipe.training = {};
  recipe.profiles.clear();
  recipe.surfaces.clear();
  recipe.sweeps.clear();
  // Training examples serve the loss of the float network, for which few are enough, and the ranges of the inputs where
  // those are quantized: as many as the run has them from, or the setting would come out otherwise.
  const std::int64_t enough =
      quantizesInputs(recipe.quantization) ? std::max<std::int64_t>(recipe.quantization.calibrationSamples, 256) : 256;
  recipe.data.trainLimit = recipe.data.trainLimit > 0 ? std::min(recipe.data.trainLimit, enough) : enough;
  CurvatureRecipe none;
  none.top = 0;
  none.split = run.info.trainExamples > 0 ? "train" : "test";
  recipe.curvature = none;
  recipe.quantization.enabled = true;
  recipe.quantization.sensitivity = fs::absolute(run.directory / SensitivityRow::file).string();
  recipe.quantization.methods = QuantizationRecipe().methods;
  recipe.quantization.finetune = "none";
  recipe.quantization.landscapes.clear();
  recipe.quantization.limits.clear();
  recipe.quantization.frontierPoints = 0;
  recipe.quantization.settings = bits.string();
  return recipe;
}

}  // namespace eigenscape
