// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/results/run_directory.h"

namespace eigenscape {

/// How figures are drawn when nobody looks.
struct Drawing {
  std::optional<std::pair<int, int>> sizeMm;  ///< width and height; else their usual size
  double fontPoints = 8;                      ///< of axis labels; titles and captions follow
  bool caption = true;
  bool dark = false;                          ///< light on dark
  int density = 2;                            ///< pixels of a PNG for each of a usual screen
  std::vector<std::string> figures;           ///< names of their files, without suffix; empty: all
  std::optional<std::int64_t> epoch;          ///< of the training; else the last
  std::optional<std::array<double, 3>> view;  ///< of reliefs: azimuth, elevation and zoom; else the usual one
};

/// Frames of one figure at every epoch, named as its file; the video, if there is one, comes last. Throws RunError.
std::vector<std::filesystem::path> drawAnimation(const RunResults& run, const std::string& figure,
                                                 const Drawing& drawing);

/// Draws a run's figures into its folder without a display and returns the files. Throws RunError, and RecipeError for
/// a figure or an epoch that the run does not have.
std::vector<std::filesystem::path> drawFigures(const RunResults& run, const std::vector<std::string>& formats,
                                               const Drawing& drawing);

/// Draws two to four runs over or beside one another into FOLDER/compare-*.FORMAT and returns the files. Throws
/// RunError, and RecipeError where the runs have no such figure in common.
std::vector<std::filesystem::path> drawComparison(std::vector<RunResults> runs, const std::filesystem::path& folder,
                                                  const std::vector<std::string>& formats, const Drawing& drawing);

}  // namespace eigenscape
