// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "core/curvature/linear_operator.h"
#include "core/results/context.h"

namespace eigenscape {

struct LanczosOptions {
  std::int64_t top = 5;     ///< largest eigenvalues wanted
  std::int64_t bottom = 0;  ///< smallest
  double tolerance = 1e-3;  ///< on ‖Av − λv‖₂ / |λ|
  /// The tolerance is on ‖Av − λv‖₂ over the largest |λ| in place of each pair's own: an eigenvalue near zero beside a
  /// large one is then no reason to go on.
  bool relativeToLargest = false;
  std::int64_t maxProducts = 1000;
  std::int64_t maxBasis = 0;  ///< vectors kept before a thick restart; 0: chosen from top, bottom and the dimension
  std::int64_t block = 1;     ///< random start vectors: several find the members of a cluster side by side
  /// A warm start, e.g. the eigenvectors of the epoch before: their sum is the first start vector.
  std::vector<torch::Tensor> start;
  /// After the wanted pairs have converged, fresh random directions look for eigenvectors that the start vectors had
  /// no share in, until the chance of a missed one is below this; ≥ 1: they don't.
  double missTolerance = 1e-3;
  std::uint64_t seed = 0;  ///< of the random vectors
};

struct EigenPair {
  double value = 0;
  /// ‖Av − λv‖₂ / |λ|. From the Krylov relation, plus how far a product of all pairs' random sum differs from what the
  /// relation predicts; a single pair, and pairs that this check doubts, are measured by a product of their own.
  double residual = 0;
  /// The residual is within the tolerance. An eigenvalue at zero (below a hundred roundings, or 1e-4 tolerances, of
  /// the largest) seldom gets there, and ends the iteration all the same.
  bool converged = false;
  torch::Tensor vector;  ///< unit length; sign fixed so that its largest component in magnitude is positive
};

struct EigenPairs {
  std::vector<EigenPair> top;     ///< descending
  std::vector<EigenPair> bottom;  ///< ascending
  std::int64_t products = 0;      ///< including those that checked the residuals and looked for missed eigenvalues
  bool spent = false;             ///< maxProducts ended it and not convergence
  double seconds = 0;
  std::int64_t searchProducts = 0;  ///< of those, the ones that looked for missed eigenvalues and found none
  double searchSeconds = 0;
  /// Estimate of the chance that an eigenvalue beyond the last wanted one was missed: the bound of Kuczyński &
  /// Woźniakowski (SIAM J. Matrix Anal. Appl. 13 (1992) 1094) for the random search, with the spread of the spectrum
  /// as seen so far; 1 when it was not looked for or the products did not suffice. Of an end whose last wanted
  /// eigenvalue is zero nothing is said.
  double missProbability = 1;
};

/// Thick-restart band Lanczos with full reorthogonalization (see Krylov). Non-convergence is data: `converged` is false
/// and the residual says how far. Asking for more pairs than the dimension gives as many as there are. Polls
/// `context.stop` before every product.
EigenPairs lanczos(LinearOperator& op, const LanczosOptions& options, const Context& context = {});

}  // namespace eigenscape
