// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace eigenscape {

struct CommandLine;
struct Recipe;

/// The recipe of --batch and --check: loaded, overridden by --set and --seed, checked. Throws RecipeError.
Recipe recipeOf(const CommandLine& line);

/// --list models|datasets|recipes|options. Throws RecipeError for another word.
std::string listing(const std::string& what);

/// --check: the resolved recipe with the planned work as comments, so that the whole is a recipe again.
std::string checkedText(const Recipe& recipe);

/// --version
std::string versionText();

}  // namespace eigenscape
