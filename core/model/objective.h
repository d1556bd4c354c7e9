// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "core/model/examples.h"
#include "core/model/model.h"
#include "core/results/context.h"

namespace eigenscape {

struct LossAndAccuracy {
  double loss = 0;      ///< mean cross-entropy per example
  double accuracy = 0;  ///< share in 0..1
};

/// Mean loss and accuracy in evaluation mode without gradients. Sums are kept in double, batches of `batchSize` or, on
/// a CPU, of as many images as its cache holds if that is less; the result for the same model, examples and batch size
/// is the same to the last bit. Polls `context.stop` per batch. The model's training flag is restored.
LossAndAccuracy evaluate(Model& model, const Examples& examples, std::int64_t batchSize, const Context& context = {});

}  // namespace eigenscape
