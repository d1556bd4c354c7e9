// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <vector>

#include "core/model/objective.h"
#include "core/quantization/simulation.h"

namespace eigenscape {

/// Loss and accuracy of the network quantized by `setting`; `calibration` may be empty where no input is quantized.
/// The model is as before afterwards. See Simulation and evaluate for errors.
LossAndAccuracy measured(Model& model, const Setting& setting, const QuantizerOptions& options,
                         const Calibration& calibration, const Examples& examples, std::int64_t batchSize,
                         const Context& context = {});

/// Weights in the model's shapes with which the unquantized model computes what the setting's weights give; layers in
/// floating point keep theirs. Where BatchNorm is folded in, its scale is divided out of the quantized kernel again, so
/// that it may stay behind it. `example` is run once to see the scales.
std::vector<torch::Tensor> quantizedWeights(Model& model, const Setting& setting, const QuantizerOptions& options,
                                            const Examples& example);

/// The loss of every example, float64 on the CPU, and how many are classified rightly; evaluation mode, no gradients.
struct ExampleLosses {
  torch::Tensor losses;
  std::int64_t correct = 0;

  LossAndAccuracy mean() const;
};
ExampleLosses exampleLosses(Model& model, const Examples& examples, std::int64_t batchSize,
                            const Context& context = {});

/// How much more one network loses than another on the same examples, with the standard error of that mean over the
/// examples (the differences of pairs, which vary far less than the losses themselves).
struct LossIncrease {
  double increase = 0, standardError = 0;
};
LossIncrease lossIncrease(const ExampleLosses& from, const ExampleLosses& to);

}  // namespace eigenscape
