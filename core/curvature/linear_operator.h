// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "core/results/error.h"

namespace eigenscape {

/// A symmetric linear map on flat parameter vectors, known through its products alone.
///
///     CurvatureOperator hessian(model, examples, options, context);
///     torch::Tensor hv = hessian.apply(v);
class LinearOperator {
 public:
  virtual ~LinearOperator() = default;
  virtual std::int64_t dimension() const = 0;
  /// Av for a flat v of dimension() elements, on device() in type(). Counts one product.
  torch::Tensor apply(const torch::Tensor& vector) {
    ++products_;
    return multiply(vector);
  }
  virtual torch::Device device() const = 0;
  virtual torch::ScalarType type() const = 0;
  std::int64_t products() const { return products_; }
  /// Of a product, relative to its length, beyond rounding: what a solver's residual cannot see, because the products
  /// that it is measured with have it, too. 0 for exact products.
  virtual double relativeError() const { return 0; }
  /// Gives back memory that only makes products faster, for as long as the operator lives. False: there was none.
  virtual bool releaseMemory() { return false; }

 protected:
  virtual torch::Tensor multiply(const torch::Tensor& vector) = 0;

 private:
  std::int64_t products_ = 0;
};

/// Weights at which there is no curvature to be had.
class NotFinite : public RunError {
 public:
  using RunError::RunError;
};

/// What every method throws that finds a product it cannot go on with.
inline NotFinite productNotFinite() {
  return NotFinite(
      "a Hessian-vector product is not finite: the weights hold NaN or infinity, or the loss overflows; check the "
      "weights or lower training.learning_rate");
}

}  // namespace eigenscape
