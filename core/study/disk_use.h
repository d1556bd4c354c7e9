// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "core/study/recipe.h"

namespace eigenscape {

class Model;

/// What a run writes that is as large as the model; its tables and figures are small beside it.
struct DiskUse {
  std::int64_t checkpoints = 0;  ///< of the training, and the state that an interrupted one goes on from
  std::int64_t networks = 0;     ///< quantized, and fine-tuned
  std::int64_t directions = 0;   ///< eigenvectors and others, of all epochs
  double megabytes = 0;          ///< of 10⁶ bytes, of all of them
};

/// By the recipe and its model, whatever the weights. Throws RunError for a quantization.settings that cannot be read.
DiskUse diskUse(const Recipe& recipe, const Model& model);
/// "about 52 MB on disk: 11 checkpoints, 6 directions"; empty: next to nothing.
std::string diskText(const DiskUse& use);

}  // namespace eigenscape
