// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/curvature/linear_operator.h"
#include "core/results/context.h"

namespace eigenscape {

struct TraceOptions {
  std::int64_t minProbes = 10;
  std::int64_t maxProbes = 200;
  /// Stop when the standard error of the whole and of every watched range is below this share of its estimate's
  /// magnitude.
  double tolerance = 0.05;
  std::int64_t watched = -1;  ///< the first so many ranges; −1: all. A range whose trace is near 0 never settles.
  /// Vectors that span (nearly) the top of the spectrum are taken out of the probes and their share is computed
  /// exactly, which costs one product each and leaves less to chance (Meyer et al., Hutch++, arXiv:2010.09649). −1: as
  /// many as the first probes show to pay; 0: none, which is Hutchinson's estimator.
  std::int64_t deflated = 0;
  std::uint64_t seed = 0;
};

/// A contiguous range of the flat vector, e.g. one layer or one weight.
struct Range {
  std::int64_t offset = 0, size = 0;
};

struct TraceEstimate {
  double trace = 0;
  /// Half a 95 % interval over 1.96: with few probes wider than s/√n, by Student's t; with what products by central
  /// differences are off by.
  double standardError = 0;
  double freedom = std::numeric_limits<double>::infinity();  ///< degrees of freedom that it stands on
};

/// Degrees of freedom below which a small standard error may be chance: two draws that agree.
constexpr double kEnoughFreedom = 5;

struct TraceEstimates {
  TraceEstimate whole;
  std::vector<TraceEstimate> ranges;  ///< trace of each range's diagonal block
  /// Of the ranges' errors, row by row: they share their probes. Empty: not known.
  std::vector<double> correlations;
  /// ‖A‖²_F = Σ λᵢ², from the same products. Its standard error is that of a skewed mean: the wider half of its
  /// logarithm's 95 % interval over 1.96.
  TraceEstimate squaredFrobenius;
  std::int64_t products = 0;
  std::int64_t probes = 0, deflated = 0;
  double seconds = 0;
  bool converged = false;
  std::string method;  ///< "outputs", "layers", "hutchinson", or "hutch++" where vectors were deflated
};

/// By how much a 95 % interval is wider than ±1.96 standard errors that were estimated with `freedom` (at least 1)
/// degrees of freedom: Student's quantile over that of the normal distribution, to a relative 1e-6.
double studentFactor(double freedom);

/// Mean of independent positive numbers, such as ‖Az‖², and its standard error: that of a skewed mean, as for
/// TraceEstimates::squaredFrobenius. NaN of fewer than two.
TraceEstimate skewedMean(const std::vector<double>& numbers);

/// Trace estimation with Rademacher probes: one product zᵀ(Az), restricted to each range, serves all of them
/// (Hutchinson, Commun. Stat. 19 (1990) 433), on what the deflated vectors leave.
TraceEstimates estimateTraces(LinearOperator& op, const std::vector<Range>& ranges, const TraceOptions& options,
                              const Context& context = {});

}  // namespace eigenscape
