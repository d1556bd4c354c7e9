// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <cstdint>
#include <string>
#include <vector>

#include "core/results/run_directory.h"
#include "views/plotting.h"
#include "views/style.h"

namespace eigenscape {

struct Frame;

/// The path's points on one surface, as shown at `epoch`: the path ends where the surface of the last epoch has its
/// centre, so around earlier weights there is none.
std::vector<TrajectoryRow> pathOn(const RunResults& run, const std::string& surface, std::int64_t epoch);

/// Draws a path over a contour. A dot is the paler the more of its distance lies outside of the plane: there the loss
/// below it is not the loss that the optimizer saw.
void drawPath(QCustomPlot& plot, const Frame& frame, const Style& style, const std::vector<TrajectoryRow>& path);

/// The dot of a checkpoint.
QColor pathColor(double unexplained);

/// Whether the path's first epoch is named: not where the path begins and ends at one place of the map, so that the
/// name would be taken for that of the end, nor where nearly all of the way to it lies outside of the plane.
bool namesFirst(const std::vector<TrajectoryRow>& path, const QCPRange& x, const QCPRange& y);

/// "path of 11 checkpoints from epoch 0; pale: outside of the plane (3 … 97 %); 2 beyond the axes"
QString pathNote(const std::vector<TrajectoryRow>& path, const QCPRange& x, const QCPRange& y);

}  // namespace eigenscape
