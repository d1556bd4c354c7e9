// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>
#include <numbers>

#include "core/training/trainer.h"

namespace eigenscape {

double learningRateAt(const TrainingOptions& options, std::int64_t epoch) {
  const auto done = epoch - 1;
  switch (options.schedule) {
    case Schedule::Constant:
      break;
    case Schedule::Step:
      if (4 * done >= 3 * options.epochs) return options.learningRate / 100;
      if (2 * done >= options.epochs) return options.learningRate / 10;
      break;
    case Schedule::Cosine: {
      const double share = static_cast<double>(done) / static_cast<double>(options.epochs);
      return options.learningRate * (1 + std::cos(std::numbers::pi * share)) / 2;
    }
  }
  return options.learningRate;
}

}  // namespace eigenscape
