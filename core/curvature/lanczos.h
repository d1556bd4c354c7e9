// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/curvature/linear_operator.h"
#include "core/results/context.h"

namespace eigenscape {

struct LanczosOptions {
  std::int64_t top = 5;     ///< largest eigenvalues wanted
  std::int64_t bottom = 0;  ///< smallest
  double tolerance = 1e-3;  ///< on ‖Av − λv‖₂ / |λ|
  std::int64_t maxProducts = 1000;
  std::int64_t maxBasis = 0;  ///< vectors kept before a thick restart; 0: chosen from top, bottom and the dimension
  std::uint64_t seed = 0;     ///< of the start vector
};

struct EigenPair {
  double value = 0;
  double residual = 0;  ///< ‖Av − λv‖₂ / |λ|, measured by a product of its own after the solve
  bool converged = false;
  torch::Tensor vector;  ///< unit length; sign fixed so that its largest component in magnitude is positive
};

struct EigenPairs {
  std::vector<EigenPair> top;     ///< descending
  std::vector<EigenPair> bottom;  ///< ascending
  std::int64_t products = 0;      ///< including those that measured the residuals
};

/// Thick-restart Lanczos with full reorthogonalization (Wu & Simon, SIAM J. Matrix Anal. Appl. 22 (2000) 602).
/// Non-convergence is data: `converged` is false and the residual says how far. Asking for more pairs than the
/// dimension gives as many as there are. Polls `context.stop` before every product.
EigenPairs lanczos(LinearOperator& op, const LanczosOptions& options, const Context& context = {});

}  // namespace eigenscape
