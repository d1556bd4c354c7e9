// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/results/run_directory.h"
#include "core/study/recipe.h"

namespace eigenscape {

/// Why nothing can be evaluated with the run's network; empty: it can.
std::string networkObstacle(const RunResults& run);
/// Why no setting of bits can be measured on the run's network; empty: it can.
std::string measuringObstacle(const RunResults& run);

/// How the run quantizes. A recipe that cannot be read any more: as one that says nothing.
QuantizationRecipe rulesOf(const RunResults& run);

/// A recipe that does nothing but measure the settings of a bits.json on the run's network as it was last, on the test
/// split. Throws RecipeError.
Recipe measuringRecipe(const RunResults& run, const std::filesystem::path& bits);

/// A profile or a surface around the weights of the run's last epoch, of the network in floating point.
struct FloatLandscape {
  LandscapeRecipe recipe;  ///< as the run's recipe has it
  LandscapeInfo info;
  std::vector<ProfileRow> profiles;  ///< of one of the two kinds, and of the last epoch; empty: not evaluated yet
  std::vector<SurfaceRow> surfaces;
  bool directionsKept = false;  ///< in the run's folder; else they can be made from the recipe
  double seconds = 0;           ///< that it took; 0: not known
  bool isSurface() const { return !recipe.y.empty(); }
  bool isEvaluated() const { return !profiles.empty() || !surfaces.empty(); }
  std::size_t points() const;
};

/// Those that the run has evaluated to the end, in the order of its recipe, surfaces first. A run that has none gets
/// one along two random directions, not evaluated yet. Empty: the recipe cannot be read any more.
std::vector<FloatLandscape> landscapesOf(const RunResults& run);

/// A recipe that evaluates the landscape once more with the network quantized at the first setting of a bits.json,
/// called "workbench": over the run's own directions, at the same points and examples. Throws RecipeError.
Recipe landscapeRecipe(const RunResults& run, const std::filesystem::path& bits, const FloatLandscape& landscape);
/// The setting's name in the rows of such a study.
constexpr const char* kWorkbenchSetting = "given-workbench";

/// Makes `folder` an interrupted run of that recipe which knows the landscape in floating point already, so that
/// resuming it evaluates the quantized one alone. Throws RunError.
void beginLandscape(const Recipe& recipe, const FloatLandscape& landscape, const std::filesystem::path& folder);

/// The run's sensitivities, layer by layer as the network has them where a table of the run tells; the rules for the
/// first and the last layer are about the network's.
std::vector<SensitivityRow> orderedSensitivity(const RunResults& run);

}  // namespace eigenscape
