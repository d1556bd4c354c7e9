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

}  // namespace eigenscape
