// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/results/run_directory.h"

namespace eigenscape {

struct CommandLine;

/// What --render and --compare ask for.
struct RunsToCompare {
  std::vector<std::filesystem::path> directories;  ///< two to four
  std::filesystem::path out;
  std::string remark;  ///< e.g. that a sweep has more runs than can be compared; else empty
};

/// The runs of --render and --compare, or those of the sweep that --render names; nothing where one run is drawn alone.
/// Throws RecipeError for too many, for one that is missing or named twice, and without --out.
std::optional<RunsToCompare> comparedRuns(const CommandLine& line);

/// The run directories of a sweep's folder (DIR/runs/*) in natural order; empty where it is none.
std::vector<std::filesystem::path> runsOfSweep(const std::filesystem::path& folder);

struct RunName {
  std::string name;  ///< short, for a legend
  std::string rest;  ///< in what else the networks differ, for a caption: "momentum = 0.9, seed = 1"; often empty
};

/// What tells each run from the others: "batch_size = 128" where one or two keys of the recipes do, with "…" where
/// there are more; else the part of their paths that differs.
std::vector<RunName> distinguishingNames(const std::vector<const RunResults*>& runs);

}  // namespace eigenscape
