// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
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
  std::uint64_t seed = 0;
};

/// A contiguous range of the flat vector, e.g. one layer or one weight.
struct Range {
  std::int64_t offset = 0, size = 0;
};

struct TraceEstimate {
  double trace = 0;
  double standardError = 0;
};

struct TraceEstimates {
  TraceEstimate whole;
  std::vector<TraceEstimate> ranges;  ///< trace of each range's diagonal block
  std::int64_t products = 0;
  bool converged = false;
};

/// Hutchinson's estimator with Rademacher probes: one product zᵀ(Az), restricted to each range, serves all of them.
TraceEstimates hutchinson(LinearOperator& op, const std::vector<Range>& ranges, const TraceOptions& options,
                          const Context& context = {});

}  // namespace eigenscape
