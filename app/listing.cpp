// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/listing.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "app/command_line.h"
#include "core/model/model.h"
#include "core/results/error.h"
#include "core/study/bit_plan.h"
#include "core/study/disk_use.h"
#include "core/study/planned_model.h"
#include "core/study/recipe.h"
#include "core/study/study.h"
#include "core/study/trace_method.h"
#include "datasets/dataset.h"
#ifdef EIGENSCAPE_WITH_GUI
#include "app/graphics_versions.h"
#endif

namespace eigenscape {
namespace {

using Line = std::vector<std::string>;

std::string aligned(const std::vector<Line>& lines) {
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()), 0);
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      text += line[i];
      if (i + 1 < line.size()) text += std::string(widths[i] - line[i].size() + 2, ' ');
    }
    text += "\n";
  }
  return text;
}

std::vector<Line> optionLines() {
  std::vector<Line> lines = {{"KEY", "TYPE", "DEFAULT", "ACCEPTED", "MEANING"}};
  for (const auto& field : recipeFields()) {
    lines.push_back({field.key, field.typeName(), defaultLiteral(field), field.accepted(), field.help});
  }
  return lines;
}

}  // namespace

Recipe recipeOf(const CommandLine& line) {
  Recipe recipe = loadRecipe(line.subject);
  for (const auto& assignment : line.sets) setKey(recipe, assignment);
  if (line.seed) recipe.seed = *line.seed;
  validate(line.resume ? withKeptFiles(recipe, line.out) : recipe);
  return recipe;
}

std::string listing(const std::string& what) {
  std::vector<Line> lines;
  if (what == "models") {
    for (const auto& info : architectures()) lines.push_back({info.name, info.help});
  } else if (what == "datasets") {
    for (const auto& info : datasetInfos()) lines.push_back({info.name, info.help});
  } else if (what == "recipes") {
    for (const auto& recipe : shippedRecipes()) lines.push_back({recipe.name, recipe.description});
  } else if (what == "options") {
    lines = optionLines();
  } else {
    throw RecipeError("--list " + what + ": expected models, datasets, recipes or options");
  }
  return aligned(lines);
}

std::string checkedText(const Recipe& recipe) {
  const auto model = plannedModel(recipe);
  if (model) {
    checkLayers(recipe, *model);
    checkTraceMethod(recipe, *model, plannedExamples(recipe));
  }
  std::string text = toToml(recipe) + "\n# What a run of this recipe does:\n";
  for (const auto& work : plannedWork(recipe)) text += "#   " + work + "\n";
  const auto disk = model ? diskText(diskUse(recipe, *model)) : std::string();
  if (!disk.empty()) text += "#   " + disk + "\n";
  return text;
}

std::string versionText() {
  std::string text = std::string("Eigenscape ") + EIGENSCAPE_VERSION + "\nLibTorch " + libtorchVersion() + "\n";
#ifdef EIGENSCAPE_WITH_GUI
  text += graphicsVersions();
#else
  text += "built without window and figures\n";
#endif
  return text;
}

}  // namespace eigenscape
