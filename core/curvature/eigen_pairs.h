// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/curvature/lanczos.h"

// What the eigenvalue solvers share.
namespace eigenscape {

/// Unit length and a fixed sign: an eigenvector's sign is free, and runs, restarts and resumed runs have to agree.
torch::Tensor withFixedSign(torch::Tensor vector);

/// ‖Av − λv‖ over |λ|; of λ = 0 nothing or infinity.
double relativeResidual(double error, double value);

/// The pair of a Ritz vector, with its residual measured by one product.
EigenPair measuredPair(LinearOperator& op, const torch::Tensor& ritz, double tolerance);

}  // namespace eigenscape
