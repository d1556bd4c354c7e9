// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/study/recipe.h"

namespace eigenscape {

/// The command line that runs the recipe without the window: the shipped recipe of that name with a --set for every key
/// that differs, or else the file that the recipe is written in. `settings` are more of those assignments.
std::string batchCommand(const Recipe& recipe, const std::filesystem::path& recipeFile,
                         const std::vector<std::string>& settings = {});

}  // namespace eigenscape
