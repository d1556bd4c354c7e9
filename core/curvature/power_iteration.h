// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/curvature/lanczos.h"

namespace eigenscape {

struct PowerOptions {
  std::int64_t top = 1;              ///< eigenvalues of largest magnitude, one after the other
  double tolerance = 1e-3;           ///< on ‖Av − λv‖₂ / |λ|
  std::int64_t maxIterations = 100;  ///< of each eigenvalue
  std::uint64_t seed = 0;
};

struct PowerStep {
  std::int64_t index = 1, iteration = 1;
  double eigenvalue = 0;  ///< Rayleigh quotient of the iterate
};

struct PowerResult {
  std::vector<EigenPair> pairs;  ///< by descending magnitude
  std::vector<PowerStep> path;
  std::int64_t products = 0;
  double seconds = 0;
};

/// Power iteration with deflation (Yao et al., NeurIPS 2018, arXiv:1802.08241), which records its path. It finds the
/// eigenvalues of largest magnitude, whatever their sign, and is shown for what it is: Lanczos takes a fraction of the
/// products. In the end a Rayleigh-Ritz step over all vectors found, by the products at hand, separates what they mix
/// of one another; residuals are those of its pairs. Polls `context.stop` before every product.
PowerResult powerIteration(LinearOperator& op, const PowerOptions& options, const Context& context = {});

}  // namespace eigenscape
