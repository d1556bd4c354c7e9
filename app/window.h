// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace eigenscape {

/// Opens the window on a recipe, a run directory or nothing, and returns the exit status. Throws RecipeError when there
/// is no display to open it on.
int runWindow(int argc, char** argv, const std::string& path);

}  // namespace eigenscape
