// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMarginsF>
#include <QRectF>
#include <QStringList>
#include <array>
#include <vector>

#include "views/scene_camera.h"
#include "views/style.h"
#include "views/surface_data.h"

class QPainter;

namespace eigenscape {

/// Ticks of the box's axes: where (box coordinates) and what they say.
struct BoxAxis {
  std::vector<double> ticks;
  QStringList labels;
  QString title;
};
std::array<BoxAxis, 3> boxAxes(const SurfaceData& data);

/// Room that numbers and titles take around the box in a picture of that size.
QMarginsF roomForAxes(const Style& style, const QSizeF& picture, const std::array<BoxAxis, 3>& axes);

/// Numbers and titles beside the outer edges of the box, in the figure's own font: VTK's text has neither it nor "λ₁".
/// `area` is where the scene's picture was painted.
void paintBoxAxes(QPainter& painter, const Style& style, const QRectF& area, double pixelRatio,
                  const SceneCamera& camera, const std::array<BoxAxis, 3>& axes);

/// The colour scale as a bar with ticks and its title.
void paintColorBar(QPainter& painter, const Style& style, const QRectF& area, const SurfaceData& data);

}  // namespace eigenscape
