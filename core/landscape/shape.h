// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <limits>
#include <vector>

#include "core/landscape/grid_refinement.h"

namespace eigenscape {

/// Losses on a grid: values[column + row · xs.size()]; what is not finite counts as a wall. For a profile ys = {0}.
struct GridLosses {
  std::vector<double> xs, ys, values;
};

/// A valley of a surface, from its lowest point to where it runs over into a deeper one: a point of the persistence
/// diagram of the sublevel sets, and a branch of the merge tree (Edelsbrunner and Harer, Computational Topology, VII).
struct Valley {
  GridPoint minimum;
  double birth = 0;  ///< the loss there
  /// Where it meets the deeper valley `into`. Of the deepest one, and of those behind walls: the highest finite point,
  /// into = −1.
  GridPoint saddle;
  double death = 0;
  int into = -1;  ///< index into the valleys
  double persistence() const { return death - birth; }
};

/// Neighbours are the eight around a point. The deepest valley first, then by persistence; without those that last for
/// no rise at all. Empty when no value is finite.
std::vector<Valley> valleys(const GridLosses& grid);

/// How far one can go from `centre` (the index on the line) either way until the loss exceeds `level`, interpolated.
/// `bounded` is false where an end of the line was reached first: the width is a lower bound then.
struct BasinWidth {
  double width = std::numeric_limits<double>::quiet_NaN();
  bool bounded = false;
};
BasinWidth basinWidth(const std::vector<double>& places, const std::vector<double>& losses, std::size_t centre,
                      double level);

}  // namespace eigenscape
