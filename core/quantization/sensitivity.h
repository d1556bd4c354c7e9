// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/curvature/trace.h"
#include "core/model/model.h"
#include "core/quantization/quantizer.h"
#include "core/results/rows.h"

namespace eigenscape {

/// The flat range of each weight layer's weight, in the order of model.weightLayers().
std::vector<Range> weightRanges(const Model& model);

/// One row per weight layer and bit width: mean trace Tr(H_i)/n_i with its standard error, perturbation ‖Q(W) − W‖₂²
/// and Ω = mean trace · perturbation (HAWQ-V2, arXiv:1911.03852). `traces` holds one estimate per weight layer.
/// `topEigenvalues` is empty (cells become nan) or holds one per weight layer.
std::vector<SensitivityRow> sensitivity(const Model& model, const std::vector<TraceEstimate>& traces,
                                        const std::vector<double>& topEigenvalues,
                                        const std::vector<std::int64_t>& bits, Granularity granularity);

}  // namespace eigenscape
