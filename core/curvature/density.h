// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/curvature/linear_operator.h"
#include "core/curvature/trace.h"
#include "core/results/context.h"

namespace eigenscape {

/// Gauss quadrature of the spectral measure that one probe sees. The weights sum to one.
struct DensityProbe {
  std::vector<double> nodes;  ///< ascending
  std::vector<double> weights;
};

struct DensityOptions {
  std::int64_t probes = 10;
  std::int64_t nodes = 80;  ///< Lanczos steps of each probe
  std::uint64_t seed = 0;
  std::vector<DensityProbe> known{};  ///< the first probes, of the same seed, from a run that was interrupted
  /// Called with each probe (from 1) that was not known, once it is done. May be empty.
  std::function<void(std::int64_t probe, const DensityProbe&)> made{};
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
  std::vector<double> eigenvalues;  ///< the grid
  std::vector<double> density;      ///< mean over the probes; integrates to one
  /// Of that mean, across the probes: half a 95 % interval over 1.96, by Student's t; nan for one probe.
  std::vector<double> standardError;
};

/// The narrowest smoothing, as a share of the spectrum's width: the grid grows as it narrows, to some 40000 points
/// here.
constexpr double kNarrowestSmoothing = 1e-4;

/// Nodes as Gaussians of standard deviation `width` · (largest − smallest node), on an even grid from four deviations
/// below the smallest node to four above the largest: at least 801 points, and four to a deviation.
SmoothedDensity smoothed(const std::vector<DensityProbe>& probes, double width = 0.01);

/// Mean of λ^k over the spectrum, tr(Aᵏ)/n, by the quadrature.
double moment(const std::vector<DensityProbe>& probes, int k);

/// ‖A‖²_F = n times the second moment, which two Lanczos steps of a probe z give exactly as ‖Az‖², with its standard
/// error across the probes: no product beyond those of the density.
TraceEstimate squaredFrobenius(const std::vector<DensityProbe>& probes, std::int64_t dimension);

}  // namespace eigenscape
