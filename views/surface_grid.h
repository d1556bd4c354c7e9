// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLineF>
#include <QPointF>
#include <QVector>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "core/results/rows.h"

namespace eigenscape {

/// A surface's rows of one epoch and split, put on their grid.
struct SurfaceGrid {
  std::vector<double> xs, ys;          ///< ascending α and β
  std::vector<double> loss, accuracy;  ///< at index(i, j); nan where not finite or not known yet
  bool interpolated = false;           ///< losses that are not known yet lie between those that are
  std::vector<char> known;             ///< a row was there

  std::size_t index(std::size_t i, std::size_t j) const { return j * xs.size() + i; }
  bool drawable() const { return xs.size() > 1 && ys.size() > 1; }
  std::size_t missing() const;    ///< points without a row yet
  std::size_t nonFinite() const;  ///< rows whose loss is nan or inf
  /// Bilinear between finite corners; nan where the nearest point is not finite or not known.
  double at(double x, double y, const std::function<double(double)>& transform) const;
  /// The indices of the point nearest to (x, y).
  std::pair<std::size_t, std::size_t> nearest(double x, double y) const;
};

SurfaceGrid surfaceGrid(const std::vector<SurfaceRow>& rows, const std::string& name, std::int64_t epoch,
                        const std::string& split);

/// While a surface is refined, points that are not known yet take the linear mean of known ones on either side, the
/// closest pair first; a point that is not finite is a barrier.
void interpolateUnknown(SurfaceGrid& grid);

/// Along the first direction through the centre; not all the way, so that its ends can be taken hold of.
QLineF centreCut(const SurfaceGrid& grid);

/// Lines of equal value by marching squares, joined; closed ones end where they begin. `values` stands on the grid's
/// points; squares with a corner that is not finite are left out.
std::vector<QVector<QPointF>> isoLines(const SurfaceGrid& grid, const std::vector<double>& values, double level);

}  // namespace eigenscape
