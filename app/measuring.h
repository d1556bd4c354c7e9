// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "core/results/run_directory.h"
#include "core/study/recipe.h"

namespace eigenscape {

/// Why no setting of bits can be measured on the run's network; empty: it can.
std::string measuringObstacle(const RunResults& run);

/// How the run quantizes. A recipe that cannot be read any more: as one that says nothing.
QuantizationRecipe rulesOf(const RunResults& run);

/// A recipe that does nothing but measure the settings of a bits.json on the run's network as it was last, on the test
/// split. Throws RecipeError.
Recipe measuringRecipe(const RunResults& run, const std::filesystem::path& bits);

}  // namespace eigenscape
