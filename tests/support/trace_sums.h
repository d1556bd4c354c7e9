// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>

#include "core/curvature/trace.h"

namespace oracles {

/// Σ (i + 1) · tᵢ over the ranges' traces, as a setting of bits weighs its layers, with the error that their
/// correlations give it.
inline eigenscape::TraceEstimate weightedSum(const eigenscape::TraceEstimates& found) {
  const auto count = found.ranges.size();
  double sum = 0, variance = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double weight = static_cast<double>(i + 1);
    sum += weight * found.ranges[i].trace;
    for (std::size_t j = 0; j < count; ++j)
      variance += found.correlations.at(i * count + j) * weight * found.ranges[i].standardError *
                  static_cast<double>(j + 1) * found.ranges[j].standardError;
  }
  return {sum, std::sqrt(variance)};
}

/// The same sum of what is known.
template <class Values>
double weightedSum(const Values& traces, std::size_t count) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += static_cast<double>(i + 1) * traces[i];
  return sum;
}

}  // namespace oracles
