// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/quantizer_recipe.h"

#include <algorithm>
#include <set>

#include "core/results/error.h"
#include "core/study/bit_plan.h"
#include "core/study/recipe_values.h"

namespace eigenscape {

QuantizerOptions quantizerOptions(const QuantizationRecipe& recipe) {
  QuantizerOptions options;
  if (recipe.granularity == "tensor") options.granularity = Granularity::Tensor;
  if (recipe.granularity == "group") options.granularity = Granularity::Group;
  if (recipe.scheme == "asymmetric") options.scheme = Scheme::Asymmetric;
  if (recipe.range == "percentile") options.range = RangeRule::Percentile;
  if (recipe.range == "mse") options.range = RangeRule::LeastSquares;
  options.percentile = recipe.percentile;
  options.groupChannels = recipe.group;
  options.foldBatchNorm = recipe.foldBatchNorm;
  return options;
}

std::int64_t inputBits(const QuantizationRecipe& recipe, std::int64_t weightBits) {
  if (recipe.activationBits == "float") return 0;
  return recipe.activationBits == "same" ? weightBits : std::stoll(recipe.activationBits);
}

std::vector<std::int64_t> inputWidths(const QuantizationRecipe& recipe) {
  if (!quantizesInputs(recipe)) return {};
  return recipe.activationBits == "same" ? recipe.bits : std::vector<std::int64_t>{inputBits(recipe, 0)};
}

std::vector<std::int64_t> allInputWidths(const QuantizationRecipe& recipe) {
  auto widths = inputWidths(recipe);
  const auto ends = recipe.firstLastBits;
  // It is a width of its own only where some input has fewer bits.
  const bool raises = std::any_of(widths.begin(), widths.end(), [&](std::int64_t bits) { return bits < ends; });
  if (raises && std::find(widths.begin(), widths.end(), ends) == widths.end()) widths.push_back(ends);
  return widths;
}

Setting networkSetting(const QuantizationRecipe& recipe, const std::vector<std::int64_t>& weightBits) {
  Setting setting;
  for (const auto bits : weightBits) setting.push_back({bits, inputBits(recipe, bits)});
  return inputsOfFirstAndLast(std::move(setting), recipe.firstLastBits);
}

bool quantizesInputs(const QuantizationRecipe& recipe) {
  return recipe.activationBits != "float";
}

bool asksFor(const QuantizationRecipe& recipe, const std::string& method) {
  return std::find(recipe.methods.begin(), recipe.methods.end(), method) != recipe.methods.end();
}

void checkQuantizer(const QuantizationRecipe& recipe) {
  const std::set<std::string> known{"v1", "v2", "qbert", "measured"};
  std::set<std::string> seen;
  auto methods = recipe.methods;
  for (const auto& method : methods) {
    if (!known.contains(method) || !seen.insert(method).second) {
      throw RecipeError("quantization.methods = " + literal(Slot(&methods)) +
                        ": expected some of \"v1\", \"v2\", \"qbert\" and \"measured\", each once");
    }
  }
  if (!recipe.sensitivity.empty() && methods != QuantizationRecipe().methods) {
    throw RecipeError("quantization.methods = " + literal(Slot(&methods)) +
                      ": nothing is computed beside quantization.sensitivity = " + tomlString(recipe.sensitivity) +
                      ", which gives the sensitivities; leave one of the two keys out");
  }
  if (recipe.firstLastBits == 1) {
    throw RecipeError("quantization.first_last_bits = 1: expected 0 for no rule of their own, or from 2 to 8");
  }
}

namespace {

std::vector<std::string> sensitivityWork(const QuantizationRecipe& recipe) {
  std::vector<std::string> lines;
  if (asksFor(recipe, "v1")) lines.emplace_back("the largest eigenvalue of each layer");
  if (asksFor(recipe, "qbert")) {
    lines.push_back("the largest eigenvalue of each layer on " + std::to_string(recipe.shares) + " shares of the data");
  }
  if (asksFor(recipe, "v2") && quantizesInputs(recipe)) lines.emplace_back("sensitivity of each layer's inputs");
  if (asksFor(recipe, "measured")) {
    const auto examples = recipe.samples > 0 ? "the first " + std::to_string(recipe.samples) : std::string("all");
    lines.push_back("loss with one layer quantized, for each layer and width, on " + examples + " examples");
  }
  return lines;
}

}  // namespace

std::vector<std::string> quantizerWork(const Recipe& whole) {
  const auto& recipe = whole.quantization;
  auto lines = computesSensitivity(whole) ? sensitivityWork(recipe) : std::vector<std::string>();
  if (recipe.finetune != "none") {
    auto line = std::to_string(recipe.finetuneEpochs) + (recipe.finetuneEpochs == 1 ? " epoch" : " epochs");
    line += " of fine-tuning of the quantized network";
    if (recipe.finetune == "blocks") line += ", block by block";
    lines.push_back(line);
  }
  return lines;
}

}  // namespace eigenscape
