// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <Eigen/Core>

namespace eigenscape {

/// What is left along each row of the basis.
struct Left {
  Eigen::VectorXd ofQ, ofW;
};

/// q ← q − Vᵀ rest and w ← w − Vᵀ known, then V q and V w, in double: four products with the basis for one pass over
/// its memory, which is what orthogonalization costs. The rows of `basis` are V; q and w are as long as a row, of the
/// same type and device. On a CPU the sums are the same for any number of threads.
Left sweep(const torch::Tensor& basis, const Eigen::VectorXd& rest, torch::Tensor& q, const Eigen::VectorXd& known,
           torch::Tensor& w);

}  // namespace eigenscape
