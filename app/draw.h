// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/results/run_directory.h"

namespace eigenscape {

/// Frames of one figure at every epoch, named as its file; the video, if there is one, comes last. Throws RunError.
std::vector<std::filesystem::path> drawAnimation(const RunResults& run, const std::string& figure,
                                                 const std::optional<std::pair<int, int>>& sizeMm);

/// Draws a run's figures into its folder without a display, at their usual size or so many millimetres wide and high,
/// and returns the files. Throws RunError.
std::vector<std::filesystem::path> drawFigures(const RunResults& run, const std::vector<std::string>& formats,
                                               const std::optional<std::pair<int, int>>& sizeMm);

/// Draws two to four runs over or beside one another into FOLDER/compare-*.FORMAT and returns the files. Throws
/// RunError, and RecipeError where the runs have no figure in common.
std::vector<std::filesystem::path> drawComparison(const std::vector<std::filesystem::path>& runs,
                                                  const std::filesystem::path& folder,
                                                  const std::vector<std::string>& formats,
                                                  const std::optional<std::pair<int, int>>& sizeMm);

}  // namespace eigenscape
