// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/batch_command.h"

#include "app/shell.h"

namespace eigenscape {

std::string batchCommand(const Recipe& recipe, const std::filesystem::path& recipeFile,
                         const std::vector<std::string>& settings) {
  std::string out;
  for (const auto& assignment : settings) out += " --set " + shellQuoted(assignment);
  out += " --out " + shellQuoted(recipe.name + "-again");
  for (const auto& shipped : shippedRecipes()) {
    if (shipped.name != recipe.name) continue;
    const auto assignments = assignmentsBetween(parseRecipe(shipped.toml, shipped.name), recipe);
    if (!assignments) break;
    std::string command = "eigenscape --batch " + shipped.name;
    for (const auto& assignment : *assignments) command += " --set " + shellQuoted(assignment);
    return command + out;
  }
  return "eigenscape --batch " + shellQuoted(recipeFile.string()) + out;
}

}  // namespace eigenscape
