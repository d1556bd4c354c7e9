// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "core/curvature/curvature_operator.h"
#include "core/landscape/landscape.h"

namespace eigenscape {

/// The two ends of the Hessian's spectrum at a point of a surface.
struct CurvatureMapPoint {
  double alpha = 0, beta = 0;
  std::size_t split = 0;           ///< index into the given splits
  double lowest = 0, highest = 0;  ///< λ_min and λ_max; nan where loss or products are not finite
  double residual = 0;             ///< the larger ‖Hv − λv‖₂ of the two, over the larger |λ|
  bool converged = false;          ///< the residual meets the tolerance
  std::int64_t products = 0;
};

struct CurvatureMapOptions {
  CurvatureOptions curvature;  ///< the kind is the Hessian's whatever it says
  double tolerance = 1e-2;     ///< on CurvatureMapPoint::residual
  std::int64_t maxProducts = 1000;
  std::uint64_t seed = 0;
  std::vector<torch::Tensor> start;  ///< eigenvectors at the centre, where they are known: a first guess
};

/// `points` of the axis, evenly chosen by their places in it, with both ends and, where the axis has it, 0.
std::vector<double> coarserAxis(const std::vector<double>& axis, std::int64_t points);

/// λ_min and λ_max of the Hessian at θ + αx + βy by Lanczos, for the map of |λ_min / λ_max| of Li et al.
/// (arXiv:1712.09913). Points are delivered split by split and line by line (equal β); along a line each solve starts
/// from the vectors of the point before, and no line knows of another. So a line of which every point is in `known` is
/// passed over, and an evaluation that goes on behind whole lines ends with the numbers of one that was not stopped. A
/// point that is not finite is delivered as such. The running statistics move as `statistics` says (they are never
/// estimated anew here). The model's parameters and buffers are restored to the bit.
void evaluateCurvatureMap(Model& model, const std::vector<LandscapeSplit>& splits, const torch::Tensor& x,
                          const std::vector<double>& alphas, const torch::Tensor& y, const std::vector<double>& betas,
                          const CurvatureMapOptions& options, const std::vector<CurvatureMapPoint>& known,
                          const std::function<void(const CurvatureMapPoint&)>& deliver, const Context& context,
                          const RunningStatistics& statistics = {});

}  // namespace eigenscape
