// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>

#include "core/results/run_directory.h"
#include "core/study/recipe.h"

namespace eigenscape {

struct StudyOptions {
  std::filesystem::path out;
  std::string device = "auto";  ///< auto | cpu | cuda[:N]
  int threads = 0;              ///< 0: as many as the machine has
  bool resume = false;
};

struct StudyProgress {
  std::string phase;         ///< "training · epoch 3 of 10"
  double phaseFraction = 0;  ///< 0..1
  double totalFraction = 0;  ///< 0..1, by a cost model that is corrected by measurement
  double secondsLeft = -1;   ///< −1: not known yet
};

/// What a study is given besides the recipe. The callbacks run on the study's thread and may be empty.
struct StudyContext {
  std::stop_token stop;
  std::function<void(const StudyProgress&)> progress;
  std::function<void(const std::string& line)> log;
  /// After new rows were written to a table of the run directory ("metrics.csv", "surface.csv", …) or run.json.
  std::function<void(const std::string& file)> changed;
};

/// Runs the recipe into options.out and returns run.json's content. Everything known is on disk at any time; an
/// interrupted run (Stopped is thrown after run.json says so) continues with options.resume and ends with the same
/// tables. Throws RecipeError before anything is written, RunError (run.json then says "failed") later.
RunInfo runStudy(const Recipe& recipe, const StudyOptions& options, const StudyContext& context);

/// Version of LibTorch that the program runs with, e.g. "1.13.1".
std::string libtorchVersion();

}  // namespace eigenscape
