// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/curvature/linear_operator.h"
#include "core/results/context.h"

namespace eigenscape {

struct DensityOptions {
  std::int64_t probes = 10;
  std::int64_t nodes = 80;  ///< Lanczos steps of each probe
  std::uint64_t seed = 0;
};

/// Gauss quadrature of the spectral measure that one probe sees. The weights sum to one.
struct DensityProbe {
  std::vector<double> nodes;  ///< ascending
  std::vector<double> weights;
};

struct DensityNodes {
  std::vector<DensityProbe> probes;
  std::int64_t products = 0;
  double seconds = 0;
};

/// Stochastic Lanczos quadrature with Rademacher probes and full reorthogonalization (Ghorbani et al.,
/// arXiv:1901.10159; Yao et al., PyHessian, arXiv:1912.07145). Polls `context.stop` before every product. Asking for
/// more nodes than the dimension gives as many as there are.
DensityNodes spectralDensity(LinearOperator& op, const DensityOptions& options, const Context& context = {});

struct SmoothedDensity {
  std::vector<double> eigenvalues;    ///< the grid
  std::vector<double> density;        ///< mean over the probes; integrates to one
  std::vector<double> standardError;  ///< of that mean, across the probes; nan for one probe
};

/// Nodes as Gaussians of standard deviation `width` · (largest − smallest node), on a grid of `points` from three
/// deviations below the smallest node to three above the largest.
SmoothedDensity smoothed(const std::vector<DensityProbe>& probes, double width = 0.01, std::int64_t points = 801);

/// Mean of λ^k over the spectrum, tr(Aᵏ)/n, by the quadrature.
double moment(const std::vector<DensityProbe>& probes, int k);

}  // namespace eigenscape
