// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/trace.h"

namespace eigenscape {

/// Traces from the side of the outputs, at about a gradient per probe and without a second derivative.
///
/// The diagonal blocks of mean JᵀMJ with M = SSᵀ have the traces E‖Jₗᵀ S ε‖² for random signs ε, one for each output of
/// each example. One backward pass serves every layer, with none of the noise that blocks off the diagonal put into
/// zᵀAz; and as examples in different groups meet only in the sum of squares, small groups leave little to chance.
/// Where all layers are linear (AffineLayer::squaredGradients) each example stands alone and no gradient is made.
///
/// That is the Gauss-Newton matrix, and for one sign per example the empirical Fisher. It is also the Hessian wherever
/// the outputs are a piecewise linear function of each layer's parameters alone (ReLU, max pooling, BatchNorm in
/// evaluation mode): ∂²L = JᵀMJ + Σ ∂L/∂f ∂²f, and the second term has no diagonal block then (Botev et al.,
/// arXiv:1706.03662, section 4).

/// Why the traces of `ranges` cannot be had from the outputs; empty where they can. For the Hessian it differentiates
/// random combinations of the outputs twice, on a few examples, once per block.
std::string outputTraceObstacle(Model& model, const Examples& examples, const CurvatureOptions& options,
                                const std::vector<Range>& ranges, const Context& context = {});

/// S ε for random signs ε, one row per example; M = SSᵀ is that of the logits' cross-entropy for a Hessian or a
/// Gauss-Newton matrix, and (p − y)(p − y)ᵀ for an empirical Fisher.
torch::Tensor signedRoot(const torch::Tensor& outputs, const torch::Tensor& targets, CurvatureKind kind,
                         at::Generator& generator);

/// To be called where there is no obstacle. `options.minProbes` and `deflated` do not matter here; each probe (a
/// backward pass over all examples) counts as one product. `squaredFrobenius` is not estimated: NaN.
TraceEstimates estimateTracesFromOutputs(Model& model, const Examples& examples, const CurvatureOptions& curvature,
                                         const std::vector<Range>& ranges, const TraceOptions& options,
                                         const Context& context = {});

}  // namespace eigenscape
