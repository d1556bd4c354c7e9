// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/landscape/grid_refinement.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace eigenscape {

namespace {

using Indices = std::vector<std::size_t>;

/// The widest power of two that leaves at least four intervals.
std::size_t coarsest(std::size_t points) {
  std::size_t stride = 1;
  while ((points - 1) / (2 * stride) >= 4) stride *= 2;
  return stride;
}

Indices strided(std::size_t points, std::size_t stride) {
  std::set<std::size_t> indices{(points - 1) / 2, points - 1};
  for (std::size_t i = 0; i < points; i += stride) indices.insert(i);
  return {indices.begin(), indices.end()};
}

std::vector<Indices> axisLevels(std::size_t points, std::size_t widest) {
  std::vector<Indices> levels;
  for (auto stride = widest; stride >= 1; stride /= 2) {
    levels.push_back(strided(points, std::min(stride, coarsest(points))));
  }
  return levels;
}

/// How much the values bend at the points of a coarse grid.
class Bend {
 public:
  Bend(const Indices& columns, const Indices& rows, const std::vector<double>& losses, std::size_t width)
      : columns_(columns), rows_(rows), losses_(losses), width_(width) {
    for (std::size_t j = 0; j < rows.size(); ++j) {
      for (std::size_t i = 0; i < columns.size(); ++i)
        bends_.push_back(std::max(along(i, j, true), along(i, j, false)));
    }
  }
  /// The largest at the corners of the square that `point` lies in.
  double around(const GridPoint& point) const {
    double most = 0;
    for (const auto j : neighbours(rows_, point.row)) {
      for (const auto i : neighbours(columns_, point.column)) most = std::max(most, bends_[j * columns_.size() + i]);
    }
    return most;
  }

 private:
  static Indices neighbours(const Indices& indices, std::size_t index) {
    const auto above = std::lower_bound(indices.begin(), indices.end(), index);
    const auto at = static_cast<std::size_t>(above - indices.begin());
    return *above == index ? Indices{at} : Indices{at - 1, at};
  }
  double value(std::size_t i, std::size_t j) const {
    const double loss = losses_[rows_[j] * width_ + columns_[i]];
    return std::isfinite(loss) ? std::log(std::max(loss, 1e-12)) : std::numeric_limits<double>::quiet_NaN();
  }
  double along(std::size_t i, std::size_t j, bool horizontal) const {
    const auto at = horizontal ? i : j, count = horizontal ? columns_.size() : rows_.size();
    if (at == 0 || at + 1 >= count) return 0;
    const double before = horizontal ? value(i - 1, j) : value(i, j - 1), here = value(i, j),
                 after = horizontal ? value(i + 1, j) : value(i, j + 1);
    const double bend = std::abs(before - 2 * here + after);
    if (!std::isnan(bend)) return bend;
    const bool nothing = std::isnan(before) && std::isnan(here) && std::isnan(after);
    return nothing ? 0 : std::numeric_limits<double>::max();
  }

  const Indices &columns_, &rows_;
  const std::vector<double>& losses_;
  std::size_t width_;
  std::vector<double> bends_;
};

}  // namespace

GridRefinement::GridRefinement(std::size_t columns, std::size_t rows) : width_(columns) {
  const auto widest = std::max(coarsest(columns), coarsest(rows));
  columns_ = axisLevels(columns, widest);
  rows_ = axisLevels(rows, widest);
}

std::vector<GridPoint> GridRefinement::level(std::size_t k, const std::vector<double>& losses) const {
  std::vector<GridPoint> points;
  const auto before = [&](const std::vector<Indices>& levels, std::size_t index) {
    return k > 0 && std::binary_search(levels[k - 1].begin(), levels[k - 1].end(), index);
  };
  for (const auto row : rows_[k]) {
    for (const auto column : columns_[k]) {
      if (!before(rows_, row) || !before(columns_, column)) points.push_back({column, row});
    }
  }
  if (k == 0) return points;
  const Bend bend(columns_[k - 1], rows_[k - 1], losses, width_);
  std::vector<std::pair<double, GridPoint>> ranked;
  for (const auto& point : points) ranked.emplace_back(bend.around(point), point);
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::transform(ranked.begin(), ranked.end(), points.begin(), [](const auto& item) { return item.second; });
  return points;
}

}  // namespace eigenscape
