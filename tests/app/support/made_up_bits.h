// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>
#include <memory>

#include "core/results/run_directory.h"
#include "support/sample_run.h"

/// Sensitivities of so many layers at three widths, of sizes like a ResNet-50's.
inline std::shared_ptr<const eigenscape::RunResults> madeUp(int layers) {
  auto run = std::make_shared<eigenscape::RunResults>();
  run->directory = "/made-up";
  run->info.name = "made-up";
  for (int i = 0; i < layers; ++i) {
    const std::int64_t parameters = 4096LL * (1 + (i * 7) % 13) * (i % 4 == 1 ? 9 : 4) / 4;
    for (const int bits : {2, 4, 8}) {
      eigenscape::SensitivityRow row;
      row.layer = sample::layerName(i, layers);
      row.parameters = parameters;
      row.macs = parameters * (49 + i % 5);
      row.topEigenvalue = 1 + i % 7;
      row.meanTrace = 0.01 * (1 + (i * 5) % 11);
      row.standardError = 0.1 * row.meanTrace;
      row.bits = bits;
      row.perturbation = 30 * std::pow(3.7 + 0.02 * i, -bits);
      row.omega = row.meanTrace * row.perturbation;
      run->sensitivity.push_back(row);
    }
  }
  return run;
}
