// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <Eigen/Eigenvalues>
#include <cstdint>
#include <vector>

#include "core/curvature/linear_operator.h"

namespace eigenscape {

/// How many of the operator's vectors a basis may have: three eighths of the main memory that is free; more than any
/// basis takes on a GPU, where a failed allocation tells, and where the system does not say.
std::int64_t vectorsThatFit(const LinearOperator& op);

/// A growing orthonormal basis V with A V = V T + P C: P are the pending directions, each coupled to the basis by its
/// row of C. One pending direction gives Lanczos' method, several give band Lanczos (Ruhe, Math. Comp. 33 (1979) 680),
/// and neither a restart nor a new start vector needs a case of its own. T is kept dense: full reorthogonalization
/// computes its entries anyway.
class Krylov {
 public:
  /// Room for `capacity` basis vectors.
  Krylov(LinearOperator& op, std::int64_t capacity, std::uint64_t seed);

  std::int64_t size() const { return size_; }
  std::int64_t capacity() const { return capacity_; }
  bool full() const { return size_ == capacity_; }
  std::size_t pending() const { return pending_.size(); }

  /// Adds a start direction, orthogonalized against everything. False when nothing is left of it.
  bool addStart(const torch::Tensor& vector);
  void addRandomStart();
  /// Multiplies a pending direction (0: the oldest), which joins the basis, and appends what is new of the product. An
  /// invariant space goes on with a random direction. Throws RunError for a product that is not finite.
  void expand(std::size_t which = 0);

  /// Ascending; of the basis vectors from `first` on.
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solve(std::int64_t first = 0) const;
  /// ‖Av − θv‖ of the Ritz vector with these coordinates.
  double residual(const Eigen::VectorXd& coordinates) const;
  /// The share of that residual, squared, that each pending direction carries.
  std::vector<double> squaredResiduals(const Eigen::VectorXd& coordinates) const;
  /// Ritz vectors for the columns of `coordinates`, as rows.
  torch::Tensor vectors(const Eigen::MatrixXd& coordinates) const;
  /// What A V y has to be by the relation: V T y + P C y.
  torch::Tensor predictedProduct(const Eigen::VectorXd& coordinates) const;
  /// Thick restart (Wu & Simon, SIAM J. Matrix Anal. Appl. 22 (2000) 602): the basis shrinks to the given Ritz vectors
  /// and goes on with the pending directions.
  void restart(const Eigen::VectorXd& values, const Eigen::MatrixXd& coordinates);

 private:
  struct Direction {
    torch::Tensor vector;
    Eigen::VectorXd coupling;  ///< to each basis vector
    Eigen::VectorXd rest;      ///< what `vector` still has of each basis vector: known, and to be taken out
  };
  double epsilon() const;
  /// Takes the basis' components out of w and returns them, in double.
  Eigen::VectorXd removeBasis(torch::Tensor& w) const;
  /// Of a product that just lost a good part of its length: passes over the basis until nothing of it is left.
  double removeAll(torch::Tensor& w, std::int64_t at, double length);
  void record(const Eigen::VectorXd& more, std::int64_t at);
  torch::Tensor transposed(const Eigen::MatrixXd& columns) const;
  torch::Tensor settled(const Direction& direction) const;
  torch::Tensor rows(std::int64_t count) const { return basis_.narrow(0, 0, count); }

  LinearOperator& op_;
  std::int64_t capacity_, size_ = 0;
  at::Generator generator_;
  torch::Tensor basis_;  ///< rows
  Eigen::MatrixXd projection_;
  std::vector<Direction> pending_;
  double scale_ = 0;  ///< the largest ‖Av‖ so far
};

}  // namespace eigenscape
