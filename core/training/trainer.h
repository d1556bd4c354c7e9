// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/model/examples.h"
#include "core/model/model.h"
#include "core/results/context.h"

namespace eigenscape {

enum class Schedule { Constant, Step, Cosine };
enum class Optimizer { Sgd, Adam };

class ParameterUpdate;

struct TrainingOptions {
  std::int64_t epochs = 10;
  std::int64_t batchSize = 128;
  Optimizer optimizer = Optimizer::Sgd;
  double learningRate = 0.1;
  double momentum = 0.9;      ///< of SGD; Adam's β₁
  double weightDecay = 5e-4;  ///< added to the gradient (L2), for both optimizers
  bool nesterov = false;
  Schedule schedule = Schedule::Step;
  bool augment = true;  ///< random crop (padding 4 for 32×32, size/8 in general) and horizontal flip
  bool flip = true;     ///< false for sets whose mirror image is another class (digits, glyphs)
  /// BatchNorm normalizes by its running statistics, which stay as they are (HAWQ-V3, arXiv:2011.10680, so fine-tunes
  /// a network whose BatchNorm is folded); γ and β are trained all the same.
  bool frozenStatistics = false;
  /// What an error about a loss that is not finite tells to lower.
  std::string learningRateKey = "training.learning_rate";
  std::uint64_t seed = 0;
};

/// Learning rate of `epoch` (1 … epochs). Step: ÷10 after 1/2 and again after 3/4 of the epochs; cosine: from
/// learningRate at the first epoch towards 0, half a period over all epochs.
double learningRateAt(const TrainingOptions& options, std::int64_t epoch);

struct EpochReport {
  std::int64_t iterations = 0;  ///< optimizer steps of this epoch
  double learningRate = 0;
  double meanLoss = 0;  ///< of the batches as they were trained on
  double seconds = 0;
};

/// SGD with momentum and weight decay, as torch.optim.SGD computes it, or Adam, as torch.optim.Adam does. Shuffling and
/// augmentation of an epoch depend on (seed, epoch) alone, so a training that goes on from a checkpoint equals one that
/// was never interrupted. The global random generator is neither used nor changed.
///
/// The last batch of an epoch holds what is left. A single example that is left joins the batch before it, because
/// batch statistics of one example may not exist.
///
///     Trainer trainer(*model, train, options);
///     for (std::int64_t epoch = 1; epoch <= options.epochs; ++epoch) trainer.runEpoch(epoch, context);
class Trainer {
 public:
  /// `train` lives on the model's device. The model must outlive the trainer and keep its device and type.
  Trainer(Model& model, const Examples& train, TrainingOptions options);
  ~Trainer();

  /// One epoch (1-based) in training mode; leaves the model in evaluation mode. Polls `context.stop` every batch;
  /// after Stopped the model is in the middle of the epoch and has to be restored from a checkpoint.
  /// Throws RunError when the loss is not finite (names epoch and iteration and the remedy); the model may hold
  /// anything then. `context.progress` gets the share of the epoch's batches.
  /// `beforeStep`, where there is one, is called before each of the epoch's forward passes with its number, from 0.
  EpochReport runEpoch(std::int64_t epoch, const Context& context,
                       const std::function<void(std::int64_t step)>& beforeStep = {});
  /// Optimizer steps of each epoch.
  std::int64_t stepsPerEpoch() const;

  /// Optimizer state for checkpoints, and its way back: "momentum.<parameter>" of SGD (none without momentum);
  /// "mean.<parameter>", "square.<parameter>" and "step" of Adam. The state is a copy. Throws RunError when a tensor is
  /// missing or has another shape; nothing is changed then.
  NamedTensors optimizerState() const;
  void loadOptimizerState(const NamedTensors& state);

 private:
  Model& model_;
  Examples train_;
  TrainingOptions options_;
  std::unique_ptr<ParameterUpdate> update_;
};

}  // namespace eigenscape
