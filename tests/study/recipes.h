// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <string>

#include "core/results/error.h"
#include "core/study/recipe.h"

namespace eigenscape {

/// The shortest recipe that is complete.
inline constexpr const char* smallest = "[data]\ndataset = \"glyphs\"\n[model]\narchitecture = \"cnn\"\n";

/// What the RecipeError says; "" when none is thrown.
inline std::string errorOf(const std::function<void()>& act) {
  try {
    act();
  } catch (const RecipeError& error) {
    return error.what();
  }
  return "";
}

}  // namespace eigenscape
