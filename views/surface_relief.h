// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "core/results/rows.h"
#include "views/surface_grid.h"

namespace eigenscape {

struct SurfaceData;

/// Half the extents of the box that a surface is drawn in; its centre is the origin.
inline constexpr std::array<double, 3> boxHalf = {1, 1, 0.6};

using BoxPoint = std::array<double, 3>;

/// A surface's points put into the box: z is the place on the scale of losses, clipped to it.
class SurfaceRelief {
 public:
  SurfaceRelief() = default;
  explicit SurfaceRelief(const SurfaceData& data);

  const SurfaceGrid& grid() const { return grid_; }
  /// From 0 to 1; nan where the loss is not finite or not known.
  double height(std::size_t i, std::size_t j) const { return heights_[grid_.index(i, j)]; }
  /// z is nan where height() is.
  BoxPoint point(std::size_t i, std::size_t j) const;
  /// On the triangles of the mesh above (α, β); z is nan beside the grid and where there is no triangle.
  BoxPoint over(double alpha, double beta) const;
  /// Whether the surface stands between a point on it and the eye.
  bool hides(const BoxPoint& point, const BoxPoint& eye) const;

 private:
  SurfaceGrid grid_;
  std::pair<double, double> xRange_{-1, 1}, yRange_{-1, 1};  ///< of the box
  std::vector<double> heights_;
};

/// The optimizer's path as lines on the surface: they end where the grid does and at holes.
std::vector<std::vector<BoxPoint>> drapedPath(const SurfaceRelief& relief, const std::vector<TrajectoryRow>& path);

/// At most `most` of `count` indices, evenly chosen, the first and the last among them.
std::vector<std::size_t> evenIndices(std::size_t count, std::size_t most);

}  // namespace eigenscape
