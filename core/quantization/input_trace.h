// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/curvature/trace.h"
#include "core/model/examples.h"
#include "core/model/model.h"
#include "core/quantization/calibration.h"
#include "core/results/rows.h"

namespace eigenscape {

enum class InputTraceMethod { FromProducts, FromOutputs, EmpiricalFisher };

/// The trace of the Hessian of one example's loss by the numbers that go into each weight layer, mean over the
/// examples; one estimate per weight layer (HAWQ-V2, arXiv:1911.03852, on activations). The Hessian of the mean loss by
/// the inputs of a layer is block-diagonal over the examples, so that one random sign per number serves all of them.
///
/// Every layer from the same probes; `options.deflated` does not matter here. FromProducts: Hutchinson's estimator
/// through double backward, for any network. FromOutputs: a backward pass for random signs at the outputs (see
/// output_trace.h), which is the Gauss-Newton matrix, and the Hessian where the outputs are piecewise linear in each
/// layer's input; it takes a fraction of the time; and the mean of a Fisher matrix over labels drawn from the network.
/// EmpiricalFisher: the mean square of the gradients at the given labels, which nothing is drawn for. A probe counts
/// once it has gone over all examples. Evaluation mode. Throws RunError where the model's layers are out of reach or a
/// product is not finite.
TraceEstimates estimateInputTraces(Model& model, const Examples& examples, std::int64_t batchSize,
                                   const TraceOptions& options, InputTraceMethod method, const Context& context = {});

/// ‖Q(a) − a‖² of each layer's input, mean over the examples: for each weight layer, for each of `bits`.
std::vector<std::vector<double>> inputPerturbations(Model& model, const Examples& examples, std::int64_t batchSize,
                                                    const Calibration& calibration,
                                                    const std::vector<std::int64_t>& bits,
                                                    const QuantizerOptions& options, const Context& context = {});

/// One row per weight layer and bit width, of what the two functions above gave.
std::vector<InputSensitivityRow> inputSensitivity(const Model& model, const Calibration& calibration,
                                                  const TraceEstimates& traces, const std::vector<std::int64_t>& bits,
                                                  const std::vector<std::vector<double>>& perturbations);

}  // namespace eigenscape
