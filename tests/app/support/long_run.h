// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "core/results/run_directory.h"
#include "core/study/recipe.h"
#include "support/sample_run.h"

/// A made-up run of many epochs with all tables, long names among its layers, and a small surface at every epoch.
inline void saveLongRun(const std::filesystem::path& directory, int epochs) {
  sample::Options options;
  options.epochs = epochs;
  options.curvature = true;
  options.points = 13;
  options.batches = 1;
  options.layers = 24;
  eigenscape::RunResults run = sample::run(options);
  run.info.name = "a-run-with-a-rather-long-name-that-says-what-was-changed-lr0.05-wd5e-4-batch512";
  run.recipe = eigenscape::toToml(eigenscape::loadRecipe("quickstart"));
  std::erase_if(run.power, [](const auto& row) { return row.epoch % 20 != 0; });
  const auto surfaces = run.surfaces;
  const auto profiles = run.profiles;
  run.surfaces.clear();
  run.profiles.clear();
  for (int epoch = 0; epoch <= epochs; ++epoch) {
    for (auto row : surfaces) {
      row.epoch = epoch;
      row.loss *= 1 + 3.0 / (1 + epoch);
      run.surfaces.push_back(row);
    }
    for (auto row : profiles) {
      row.epoch = epoch;
      row.loss *= 1 + 3.0 / (1 + epoch);
      run.profiles.push_back(row);
    }
  }
  for (auto* name : {"conv1", "linear"}) {
    const std::string longer = std::string("backbone.stages.3.blocks.11.attention.projection.") + name;
    for (auto& row : run.sensitivity) row.layer = row.layer == name ? longer : row.layer;
    for (auto& row : run.spectrum) row.scope = row.scope == name ? longer : row.scope;
    for (auto& row : run.traces) row.scope = row.scope == name ? longer : row.scope;
  }
  sample::save(run, directory);
}
