// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/quantization/simulation.h"
#include "core/training/trainer.h"

namespace eigenscape {

/// The weight layers that HAWQ quantizes together: those of one residual or mixer block ("layer1.0.conv1" and
/// "layer1.0.conv2"), and each layer outside of a block by itself. Ordered by the sum of their layers' scores, the
/// largest first; a score that is not finite counts as 0. Indices into model.weightLayers(); `scores` holds one per
/// weight layer. HAWQ-V1 (arXiv:1905.03696, section 3.2) takes λ₁ ‖Q(W) − W‖² for a score.
std::vector<std::vector<std::size_t>> blocksInOrder(const Model& model, const std::vector<double>& scores);

struct FineTuningOptions {
  TrainingOptions training;
  /// Weight layers that are quantized one after the other (see blocksInOrder): at even distances over the first half of
  /// all steps, the first before the first step; what follows trains the network that is quantized as a whole. Empty:
  /// everything from the beginning.
  std::vector<std::vector<std::size_t>> blocks;
};

/// Where fine-tuning stands when it is looked at.
struct FineTuningPoint {
  std::int64_t stage = 0;      ///< blocks that are quantized; 0: none, 1: all where there are no blocks
  std::int64_t epoch = 0;      ///< finished
  std::int64_t iteration = 0;  ///< optimizer steps so far
  double learningRate = 0;     ///< of the step before (the first one's, before it)
};

/// Trains the model's floating-point weights so that the quantized network gets better, with straight-through gradients
/// (see Simulation). BatchNorm keeps its running statistics. `look` is called before anything is quantized, whenever
/// blocks have just been quantized, and after each epoch; the model then runs as it is quantized at that point, in
/// evaluation mode. Inputs keep the ranges of `calibration`. `train` lives on the model's device.
///
/// The model holds the trained weights afterwards, not quantized. After Stopped or RunError (a loss that is not finite)
/// the weights may be anything.
void fineTune(Model& model, const Setting& setting, const QuantizerOptions& quantizer, const Calibration& calibration,
              const Examples& train, FineTuningOptions options, const std::function<void(const FineTuningPoint&)>& look,
              const Context& context = {});

}  // namespace eigenscape
