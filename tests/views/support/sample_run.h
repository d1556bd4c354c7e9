// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "core/results/run_directory.h"

// A made-up but plausible run for tests of figures: nothing is trained for it. Equal options give equal rows.
namespace sample {

struct Options {
  int epochs = 10;  ///< 0: a pretrained model, epoch 0 alone
  int layers = 20;
  int top = 5, bottom = 0;
  int points = 21;         ///< of the profile, and of the surface along each axis
  double surfaceSpan = 1;  ///< multiplies the losses' rise: 100 makes them span decades
  bool notFinite = false;  ///< some losses are nan and inf
  bool negative = false;   ///< the smallest top eigenvalue is negative at the last epoch
  bool curvature = false;  ///< power, density, overlap, gradient and overhead, and eigenvalues and traces of each layer
  int every = 1;           ///< epochs between those
  int batches = 4;         ///< of the power iteration
};

eigenscape::RunResults run(const Options& options = {});
std::shared_ptr<const eigenscape::RunResults> shared(const Options& options = {});

/// The name of one of Options::layers layers.
std::string layerName(int layer, int layers);

/// Writes the run's tables and run.json into its directory.
void save(const eigenscape::RunResults& run, const std::filesystem::path& directory);

}  // namespace sample
