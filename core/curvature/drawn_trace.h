// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "core/curvature/trace.h"

// What the estimators have in common that draw probes anew for every share of the examples: the trace is the sum of
// the shares' means over the draws.
namespace eigenscape {

/// Mean and squares of one share's part of one trace (Welford).
struct DrawnShare {
  double mean = 0, squares = 0;
  /// `count`: draws with this one. The deviations of x from the means without and with it.
  std::pair<double, double> add(double x, double count) {
    const double delta = x - mean;
    mean += delta / count;
    squares += delta * (x - mean);
    return {delta, x - mean};
  }
};

/// From the sums over independent shares of their means, of the variances of those means and of the squares of those
/// variances. Variances add up, and so do the degrees of freedom by Welch's and Satterthwaite's rule; `most` bounds
/// them.
inline TraceEstimate drawnTrace(double trace, double variance, double fourth, std::int64_t draws,
                                double most = std::numeric_limits<double>::infinity()) {
  const double freedom =
      fourth > 0 ? std::min(most, static_cast<double>(draws - 1) * variance * variance / fourth) : most;
  return {trace, studentFactor(freedom) * std::sqrt(variance), freedom};
}

inline TraceEstimate drawnTrace(const std::vector<DrawnShare>& shares, std::int64_t draws) {
  const auto count = static_cast<double>(draws);
  double trace = 0, variance = 0, fourth = 0, squares = 0, squaresOfSquares = 0;
  for (const auto& share : shares) {
    const double own = share.squares / (count - 1) / count, square = share.mean * share.mean;
    trace += share.mean;
    variance += own;
    fourth += own * own;
    squares += square;
    squaresOfSquares += square * square;
  }
  // A share that is most of the trace is most of the variance, too, even where its few draws agree by chance.
  const double concentration = squaresOfSquares > 0 ? (count - 1) * squares * squares / squaresOfSquares
                                                    : std::numeric_limits<double>::infinity();
  return drawnTrace(trace, variance, fourth, draws, concentration);
}

/// Draws after which the standard error is presumably `tolerance` of the trace and stands on enough degrees of freedom:
/// of two draws of a share that is most of the trace, some that agree by chance would do.
inline double drawsNeeded(const TraceEstimate& now, double tolerance, std::int64_t draws) {
  if (!std::isfinite(now.standardError)) return std::numeric_limits<double>::max();
  const double least = 1 + kEnoughFreedom * static_cast<double>(draws - 1) / now.freedom;
  const double goal = tolerance * std::abs(now.trace);
  if (now.standardError <= goal) return least;
  return goal > 0 ? std::max(least, static_cast<double>(draws) * std::pow(now.standardError / goal, 2))
                  : std::numeric_limits<double>::max();
}

/// Visits the examples, several draws a time, until `needed()` draws have been made or the probes are spent; whether
/// they were enough. A visit costs a forward pass: the first one makes the draws that a standard error to be trusted
/// takes (some fifteen degrees of freedom, of shares that are alike), the others a little more than the variance so far
/// asks for.
template <class Visit, class Needed>
bool drawUntilKnown(std::int64_t shares, std::int64_t maxProbes, const std::int64_t& draws, Visit&& visit,
                    Needed&& needed) {
  constexpr std::int64_t most = 16;  // draws of a later visit
  auto next = std::min(1 + (15 + shares - 1) / shares, std::max<std::int64_t>(maxProbes, 2));
  while (next > 0) {
    visit(next);
    const double need = needed();
    if (need <= static_cast<double>(draws)) return true;
    const double missing = std::min(std::ceil(1.1 * need) - static_cast<double>(draws), double{most});
    next = std::min(std::max<std::int64_t>(static_cast<std::int64_t>(missing), 1), maxProbes - draws);
  }
  return false;
}

}  // namespace eigenscape
