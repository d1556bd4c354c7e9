// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/results/rows.h"

// How well one quantity ranks another. Plain values, no LibTorch.
namespace eigenscape {

/// Correlation of the ranks, where equal values share the mean of their ranks. NaN for fewer than two values, for
/// values that are all equal, and where one is not finite.
double spearman(const std::vector<double>& a, const std::vector<double>& b);

/// Kendall's τ-b, which corrects for ties. NaN as above.
double kendall(const std::vector<double>& a, const std::vector<double>& b);

struct Interval {
  double low = 0, high = 0;
};

/// Percentiles 2.5 and 97.5 of a correlation over resamplings with replacement of `clusters`: places in `a` and `b`
/// that are drawn together (one layer at each of its widths). Resamplings without a correlation are left out; NaN when
/// more than half of them are. Depends on the seed alone.
Interval bootstrapInterval(const std::vector<double>& a, const std::vector<double>& b,
                           const std::vector<std::vector<std::size_t>>& clusters,
                           double (*correlation)(const std::vector<double>&, const std::vector<double>&),
                           std::uint64_t seed, std::int64_t resamplings = 2000);

/// The correlation of each method's scores with the measured increases of the loss: for every kind and method at each
/// width and at all together (bits = 0), by both measures. Layers that one of the two tables lacks are left out.
std::vector<RankingRow> ranking(const std::vector<LayerScoreRow>& scores, const std::vector<LayerLossRow>& losses,
                                std::uint64_t seed);

}  // namespace eigenscape
