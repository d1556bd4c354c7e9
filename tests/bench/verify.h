// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "core/model/examples.h"
#include "core/model/model.h"

namespace eigenscape::bench {

// What the benchmark holds its own numbers to, as plain_products in tests/peers/models.py holds the others': double
// backward as LibTorch has it, without the operator, the solver and the derivatives of core/curvature.

/// The products of the mean cross-entropy's Hessian with flat vectors, all vectors on one graph of `batch` examples at
/// a time.
std::vector<torch::Tensor> plainProducts(Model& model, const Examples& examples, std::int64_t batch,
                                         const std::vector<torch::Tensor>& vectors);

/// The largest ‖Av − λv‖ / |λ| of the pairs, v brought to unit length, in a precision of its own. Leaves the model in
/// that precision.
double largestResidual(Model& model, const Examples& examples, std::int64_t batch, const std::vector<double>& values,
                       const std::vector<torch::Tensor>& vectors, torch::ScalarType type);

/// Distances from the product in float64, relative to its length.
struct ProductErrors {
  double product = 0;  ///< of the one that is judged
  double plain = 0;    ///< of plain double backward in the model's precision
};
/// Leaves the model in float64.
ProductErrors productErrors(Model& model, const Examples& examples, std::int64_t batch, const torch::Tensor& vector,
                            const torch::Tensor& product);

}  // namespace eigenscape::bench
