// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/lanczos.h"

namespace eigenscape {

/// What float32 takes from the products of an eigenvalue solve, and what no residual shows that was measured with such
/// products: ‖(A − A₆₄)v‖ for a unit vector v, estimated from one product in either precision of the sum of all pairs,
/// each over its eigenvalue and with a random sign, on the first few examples. The eigenvectors of small eigenvalues
/// weigh most in it, as they suffer most. No product is counted; 0 for a model in float64, for products by central
/// differences (which carry their error themselves) and where every eigenvalue is zero.
///
/// `examples` on the model's device and in its type. The model is brought to float64 and back meanwhile: graphs that
/// another operator keeps are of no use afterwards.
double roundingError(Model& model, const Examples& examples, CurvatureOptions options,
                     const std::vector<EigenPair>& pairs, const Context& context = {});

/// Lets residuals and flags count it: an error of that length in Av is one of `error` / |λ| in a residual.
void countRounding(std::vector<EigenPair>& pairs, double error, double tolerance);

}  // namespace eigenscape
