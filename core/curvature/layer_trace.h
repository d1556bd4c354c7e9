// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/trace.h"

namespace eigenscape {

/// Traces of the Hessian's diagonal blocks by probes at the layers' outputs, which differ from one example to the next.
///
/// A layer's output z is affine in the layer's own parameters θ, so that the block of one example is JᵀHJ with J =
/// ∂z/∂θ and the loss's second derivative H by z. Random signs s of the parameters, drawn anew for each example, give
/// sᵀJᵀHJs with the block's trace for its mean. What a shared probe sees between two examples is not there, and one
/// product with v = Js, without any by the parameters, serves every example and every layer. Layers that it settles
/// slowly are given longer probes than the others, which leaves them less of the others' noise.

/// Why the traces of `ranges` cannot be had at the layers; empty where they can.
std::string layerTraceObstacle(const Model& model, const CurvatureOptions& options, const std::vector<Range>& ranges);

/// To be called where there is no obstacle. `options.minProbes` and `deflated` do not matter here; each probe of all
/// examples counts as one product. `squaredFrobenius` is not estimated: NaN. Standard errors are those of the mean over
/// the probes, example by example: the data are what they are.
TraceEstimates estimateTracesAtLayers(Model& model, const Examples& examples, const CurvatureOptions& curvature,
                                      const std::vector<Range>& ranges, const TraceOptions& options,
                                      const Context& context = {});

}  // namespace eigenscape
