// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/curvature/trace.h"
#include "core/model/examples.h"
#include "core/model/model.h"
#include "core/quantization/calibration.h"
#include "core/quantization/quantizer.h"
#include "core/results/context.h"
#include "core/results/rows.h"

namespace eigenscape {

/// The flat range of each weight layer's weight, in the order of model.weightLayers().
std::vector<Range> weightRanges(const Model& model);

/// One row per weight layer and bit width: mean trace Tr(H_i)/n_i with its standard error, perturbation ‖Q(W) − W‖₂²
/// of the weight itself (no BatchNorm folded in) and Ω = mean trace · perturbation (HAWQ-V2, arXiv:1911.03852).
/// `traces` holds one estimate per weight layer. `topEigenvalues` is empty (cells become nan) or holds one per weight
/// layer.
std::vector<SensitivityRow> sensitivity(const Model& model, const std::vector<TraceEstimate>& traces,
                                        const std::vector<double>& topEigenvalues,
                                        const std::vector<std::int64_t>& bits, const QuantizerOptions& options);

/// Each pair of layers once. `matrix` is TraceEstimates::correlations, whose first ranges are those of `names`; empty:
/// no rows. `kind` is "weights" or "inputs".
std::vector<TraceCorrelationRow> correlationRows(const std::string& kind, const std::vector<std::string>& names,
                                                 const std::vector<double>& matrix);

/// Every layer alone at every width, everything else in floating point: how much the loss on `examples` rises. First
/// the weights at `weightBits`, then the inputs at `inputBits` (`calibration` is needed where there are any). `split`
/// is what the rows say.
std::vector<LayerLossRow> layerLosses(Model& model, const std::vector<std::int64_t>& weightBits,
                                      const std::vector<std::int64_t>& inputBits, const QuantizerOptions& options,
                                      const Calibration& calibration, const Examples& examples,
                                      const std::string& split, std::int64_t batchSize, const Context& context = {});

/// What the tables say about layers, method by method: v1 (λ₁ / n) and v1-order (λ₁ ‖Q(W) − W‖², the order in which
/// HAWQ-V1 fine-tunes) where λ₁ is known, v2 (Ω, of weights and of inputs) and qbert (|mean λ₁| + std λ₁ over the
/// shares, with the jackknife's standard error). Not finite scores are left out.
std::vector<LayerScoreRow> layerScores(const std::vector<SensitivityRow>& weights,
                                       const std::vector<InputSensitivityRow>& inputs,
                                       const std::vector<LayerEigenvalueRow>& eigenvalues);

}  // namespace eigenscape
