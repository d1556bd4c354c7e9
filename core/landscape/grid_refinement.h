// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <vector>

namespace eigenscape {

struct GridPoint {
  std::size_t column = 0, row = 0;
  bool operator==(const GridPoint&) const = default;
};

/// The order in which a grid is measured so that the whole picture stands early: first a coarse grid that has the
/// corners and the centre (some 3 % of 51 × 51 points), then grids of half the spacing, and within each of them first
/// the points between values that bend most.
class GridRefinement {
 public:
  GridRefinement(std::size_t columns, std::size_t rows);

  std::size_t levels() const { return columns_.size(); }
  /// The points that level `k` adds to those before it. `losses`, at column + row · columns, is read on the grids
  /// before; it bends by its logarithm, and most where finite values meet others. Equal ones in the grid's order.
  std::vector<GridPoint> level(std::size_t k, const std::vector<double>& losses) const;

 private:
  std::size_t width_;
  std::vector<std::vector<std::size_t>> columns_, rows_;  ///< of each level, ascending; each holds the one before
};

}  // namespace eigenscape
