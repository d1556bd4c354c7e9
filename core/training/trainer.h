// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>

#include "core/model/examples.h"
#include "core/model/model.h"
#include "core/results/context.h"

namespace eigenscape {

enum class Schedule { Constant, Step, Cosine };

struct TrainingOptions {
  std::int64_t epochs = 10;
  std::int64_t batchSize = 128;
  double learningRate = 0.1;
  double momentum = 0.9;
  double weightDecay = 5e-4;
  bool nesterov = false;
  Schedule schedule = Schedule::Step;
  bool augment = true;  ///< random crop (padding 4 for 32×32, size/8 in general) and horizontal flip
  bool flip = true;     ///< false for sets whose mirror image is another class (digits, glyphs)
  std::uint64_t seed = 0;
};

/// Learning rate of `epoch` (1 … epochs). Step: ÷10 after 1/2 and again after 3/4 of the epochs; cosine: from
/// learningRate at the first epoch towards 0, half a period over all epochs.
double learningRateAt(const TrainingOptions& options, std::int64_t epoch);

struct EpochReport {
  std::int64_t iterations = 0;  ///< optimizer steps of this epoch
  double learningRate = 0;
  double seconds = 0;
};

/// SGD with momentum and weight decay, as torch.optim.SGD computes it. Shuffling and augmentation of an epoch depend on
/// (seed, epoch) alone, so a training that goes on from a checkpoint equals one that was never interrupted.
class Trainer {
 public:
  /// `train` lives on the model's device. Both must outlive the trainer.
  Trainer(Model& model, const Examples& train, TrainingOptions options);

  /// One epoch (1-based) in training mode; leaves the model in evaluation mode. Polls `context.stop` every batch;
  /// after Stopped the model is in the middle of the epoch and has to be restored from a checkpoint.
  /// Throws RunError when the loss is not finite (names epoch and iteration, advises a lower learning rate).
  EpochReport runEpoch(std::int64_t epoch, const Context& context);

  /// Optimizer state under names "momentum.<parameter>", for checkpoints; and its way back.
  NamedTensors optimizerState() const;
  void loadOptimizerState(const NamedTensors& state);
};

}  // namespace eigenscape
